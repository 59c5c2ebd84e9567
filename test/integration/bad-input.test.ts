/** What a person may get wrong, tried as that person would: one message, a code, what to do. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StatusSnapshot } from '../../src/core/status.ts';
import { Command, GOLDEN_CSV, shrike, startEngine, until } from '../support/command-line.ts';

const golden = (name: string) => resolve('test/golden/data', name);
const TRANSACTIONS = readFileSync(golden('credit_card_transactions.csv'), 'utf8');
const [HEADER = '', ROW = ''] = TRANSACTIONS.split(/\r?\n/);
const PROFILES = GOLDEN_CSV.slice(2);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shrike-bad-input-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Refusal {
  readonly exitCode: number | null;
  readonly message: string;
  readonly code: string | undefined;
  readonly hint: string | undefined;
}

/** The message with its hint; there is no stack. */
async function refusal(...args: string[]): Promise<Refusal> {
  const { code: exitCode, stderr } = await shrike(...args);
  expect(stderr).not.toMatch(/^ +at /m);
  const [, message = '', code, hint] =
    /^shrike: (.*) \[([A-Z_]+)\]\n {2}(.*)\n$/m.exec(stderr) ?? [];
  return { exitCode, message, code, hint };
}

const csv = (file: string, data: string) => [
  ...['run', '--source', 'csv', '--until-end', '--no-listen', '--data', join(folder, data)],
  ...['--transactions', file, ...PROFILES],
];

async function input(name: string, content: string | Uint8Array): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}

function jsonLines(file: string): readonly Record<string, unknown>[] {
  const text = readFileSync(file, 'utf8').trimEnd();
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line));
}

describe.concurrent('payment files', () => {
  const zipped = gzipSync(TRANSACTIONS);
  const damaged = Buffer.from(zipped);
  damaged.fill(0x55, 5000, 6000);
  type Case = [name: string, content: string | Uint8Array | undefined, code: string, RegExp];
  test.each<Case>([
    ['is missing', undefined, 'CSV_MISSING', /^there is no file .*input\.csv$/],
    ['is empty', '', 'CSV_EMPTY', /input\.csv is empty$/],
    [
      'has a misspelt header',
      TRANSACTIONS.replace('Amount', 'Amuont'),
      'CSV_HEADER',
      /input\.csv has another header: "Amuont" instead of "Amount"$/,
    ],
    [
      'is no text',
      Buffer.alloc(3000, 0xa5),
      'CSV_HEADER',
      /input\.csv has no header in line 1: the line is not UTF-8$/,
    ],
    [
      'is a cut off gzip file',
      zipped.subarray(0, zipped.length - 1000),
      'CSV_UNREADABLE',
      /input\.csv is cut off: its gzip stream has no end/,
    ],
    ['is a damaged gzip file', damaged, 'CSV_UNREADABLE', /input\.csv cannot be read: /],
  ])('a file that %s is refused', async (name, content, ...[code, message]) => {
    const own = join(folder, name);
    await mkdir(own);
    const file = join(own, 'input.csv');
    if (content !== undefined) await writeFile(file, content);
    const answer = await refusal(...csv(file, join(name, 'data')));
    expect(answer).toMatchObject({ exitCode: 1, code });
    expect(answer.message).toMatch(message);
    expect(answer.hint).toMatch(/.{10}/);
  });

  test('after a refusal the corrected file is loaded into the same folder', async () => {
    const file = await input('corrected.csv', TRANSACTIONS.replace('Amount', 'Amuont'));
    const out = join(folder, 'corrected-out');
    const args = [...csv(file, 'corrected'), '--out', out];
    expect((await refusal(...args)).code).toBe('CSV_HEADER');
    await writeFile(file, zipped.subarray(0, zipped.length - 1000));
    expect((await refusal(...args)).code).toBe('CSV_UNREADABLE');
    await writeFile(file, TRANSACTIONS);
    const { code, stdout } = await shrike(...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2026 payments, 19 users, 49 cards in the log$/m);
    expect(jsonLines(join(out, 'scored.jsonl'))).toHaveLength(2026);
    // From here on the folder is that file's.
    const other = await input('other.csv', `${HEADER}\n${ROW}\n`);
    const { code: refused, message } = await refusal(...csv(other, 'corrected'));
    expect(refused).toBe('USAGE');
    expect(message).toMatch(
      /holds payments of another source .*; give this one a folder of its own/,
    );
  });

  test('a row that cannot be used is left out with its line and reason; the others are scored', async () => {
    const field = (index: number, value: string) => ROW.split(',').with(index, value).join(',');
    const rows = Buffer.concat([
      Buffer.from(
        [
          HEADER,
          field(6, '$1e999'),
          field(6, `$${'9'.repeat(400)}`),
          field(3, '2').split(',').with(4, '30').join(','),
          field(11, '00000'),
          field(0, '777777'),
          field(5, '24:00'),
          field(2, '1969'),
          `${ROW},more`,
          '"never closed',
          '',
        ].join('\n'),
      ),
      Buffer.from(`${field(9, 'Caf\u00e9')}\n`, 'latin1'),
      Buffer.alloc(2 << 20, 'x'),
      Buffer.from(`\n${ROW}\n${ROW}\n${field(2, '2010')}\n${ROW.slice(0, 40)}`),
    ]);
    const out = join(folder, 'rows-out');
    const file = await input('rows.csv', rows);
    const { code, stdout } = await shrike(...csv(file, 'rows'), '--out', out, '--features', 'csv');
    expect(code).toBe(0);
    expect(stdout).toContain(`5 payments, 19 users, 49 cards in the log, 10 rows left out: ${out}`);
    const rejects = await readFile(join(out, 'rejects.csv'), 'utf8');
    const line = (reject: string) => Number(reject.split(',')[1]);
    const [head, ...lines] = rejects.replaceAll(file, 'F').trimEnd().split('\n');
    expect(head).toBe('file,line,code,reason');
    expect(lines.sort((a, b) => line(a) - line(b))).toEqual([
      'F,2,RECORD_FIELD_INVALID,"Amount is ""$1e999"", not an amount like $134.09, $-99.00 or ($99.00)"',
      'F,3,RECORD_FIELD_INVALID,"Amount is a text with 400 digits (not shown), not an amount like $134.09, $-99.00 or ($99.00)"',
      'F,4,RECORD_FIELD_INVALID,"Day is ""30"", not a day of 2018-02"',
      'F,7,RECORD_FIELD_INVALID,"Time is ""24:00"", not a time from 00:00 to 23:59"',
      'F,8,RECORD_FIELD_INVALID,"Year is ""1969"", not a whole number from 1970 to 9999"',
      'F,9,CSV_ROW_UNREADABLE,16 fields where the header has 15',
      'F,10,CSV_ROW_UNREADABLE,a quote is not closed',
      'F,11,CSV_ROW_UNREADABLE,the line is not UTF-8',
      'F,12,CSV_ROW_UNREADABLE,the line is longer than 1048576 bytes',
      'F,16,CSV_ROW_UNREADABLE,8 fields where the header has 15; the file ends in this line: is it cut off?',
    ]);
    const [columns = '', ...features] = readFileSync(join(out, 'features.csv'), 'utf8')
      .trimEnd()
      .split('\n');
    const column = (name: string) => {
      const at = columns.split(',').indexOf(name);
      return features.map((row) => Number(row.split(',')[at]));
    };
    // By event time: the payment of 2010 first; that of an unknown user has no profile.
    expect(column('idx')).toEqual([0, 1, 2, 3, 4]);
    expect(column('fico')).toEqual([612, 612, -1, 612, 612]);
    expect(column('card_count_1h')).toEqual([1, 1, 1, 2, 3]);
    expect(column('geo_km_from_last')).toEqual([-1, -1, -1, 0, 0]);
  });

  test('a line of 200 MB is skipped in little memory', async () => {
    const mebibyte = gzipSync(Buffer.alloc(1 << 20, 'x'));
    const file = await input(
      'long.csv.gz',
      Buffer.concat([
        gzipSync(`${HEADER}\n${ROW}\n`),
        ...Array.from({ length: 200 }, () => mebibyte),
        gzipSync(`\n${ROW}\n`),
      ]),
    );
    const out = join(folder, 'long-out');
    const { code, stdout } = await shrike(...csv(file, 'long'), '--out', out, '--json');
    expect(code).toBe(0);
    expect(readFileSync(join(out, 'rejects.csv'), 'utf8')).toMatch(
      /,3,CSV_ROW_UNREADABLE,the line is longer than 1048576 bytes\n$/,
    );
    expect(jsonLines(join(out, 'scored.jsonl'))).toHaveLength(2);
    const summary = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '');
    expect(summary.peakRssMiB).toBeLessThan(400);
  });
});

describe.concurrent('the command line', () => {
  const any = ['--no-listen', '--until-end'];
  test.each([
    [
      ['--set', 'checkpoints.intervall=3'],
      1,
      'CONFIG_UNKNOWN_KEY',
      'did you mean checkpoints.intervalMs?',
    ],
    [
      ['--set', 'checkpoints.intervalMs=soon'],
      1,
      'CONFIG_INVALID',
      'checkpoints.intervalMs is "soon"; allowed: a whole number from 50 to 86400000',
    ],
    [
      ['--source', 'simulate', '--rate', 'fast'],
      2,
      'USAGE',
      '--rate is a number above 0, or max, not "fast"',
    ],
    [
      ['--source', 'simulate', '--fraud-rate', 'x'],
      2,
      'USAGE',
      '--fraud-rate is a share from 0 to 0.03, not "x"',
    ],
    [['--source', 'csv'], 2, 'USAGE', '--source csv wants --transactions, --users and --cards'],
    [['--model', '/nowhere'], 1, 'MODEL_BUNDLE_MISSING', 'cannot read /nowhere/bundle.json'],
    [['--out', '/dev/null/out'], 1, 'DATA_DIR_UNWRITABLE', '/dev/null/out cannot be written'],
  ])('%j is refused before anything is made', async (args, exitCode, code, message) => {
    const data = join(folder, 'untouched');
    const answer = await refusal('run', ...any, '--data', data, ...args);
    expect(answer).toMatchObject({ exitCode, code });
    expect(answer.message).toContain(message);
    expect(existsSync(data)).toBe(false);
  });

  test('a port that is taken is named', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const data = join(folder, 'port');
    const { code, message } = await refusal('run', '--data', data, '--port', String(port));
    server.close();
    expect(code).toBe('API_PORT_TAKEN');
    expect(message).toContain(`port ${port} of 127.0.0.1 is in use`);
  });

  test('a model with other features, or with bytes that its bundle does not name, is refused', async () => {
    const model = join(folder, 'model');
    await cp('models/default', model, { recursive: true });
    const bundle = await readFile(join(model, 'bundle.json'), 'utf8');
    await writeFile(join(model, 'bundle.json'), bundle.replace('"amount"', '"amuont"'));
    const run = () => refusal('run', ...any, '--data', join(folder, 'no-model'), '--model', model);
    expect(await run()).toMatchObject({ code: 'MODEL_FEATURES_MISMATCH' });
    await writeFile(join(model, 'bundle.json'), bundle);
    await writeFile(join(model, 'model.onnx'), 'not ONNX');
    expect(await run()).toMatchObject({ code: 'MODEL_BUNDLE_INVALID' });
    await writeFile(join(model, 'bundle.json'), bundle.slice(0, 100));
    expect((await run()).message).toContain('bundle.json is not JSON');
  });
});

describe('the data folder', () => {
  const run = (data: string) => refusal('run', '--no-listen', '--until-end', '--data', data);

  test('one that cannot be made or written is refused, whatever is in the way', async () => {
    const file = await input('a-file', '');
    const readOnly = join(folder, 'read-only');
    await mkdir(readOnly);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', readOnly]);
    try {
      const places = [file, join(file, 'data'), readOnly, join(readOnly, 'data'), '/proc/data'];
      const check = async (place: string) => {
        const { code, message } = await run(place);
        expect(code).toBe('DATA_DIR_UNWRITABLE');
        expect(message).toContain(`cannot write to the data folder ${place}: `);
      };
      await Promise.all(places.map(check));
    } finally {
      execFileSync('umount', [readOnly]);
    }
  });

  test('one of another version, or with a damaged version file, is left as it is', async () => {
    const data = join(folder, 'version');
    await mkdir(data);
    await writeFile(join(data, 'shrike.json'), '{"dataFolderVersion":2}');
    const { code, message } = await run(data);
    expect(code).toBe('DATA_DIR_VERSION');
    expect(message).toContain('has the format version 2; this program works with version 1');
    await writeFile(join(data, 'shrike.json'), '{"dataFol');
    expect((await run(data)).message).toContain("does not tell the folder's format version");
  });

  test('a second process on it is refused with the pid of the first, which goes on', async () => {
    const data = join(folder, 'shared');
    const { command, pid, address } = await startEngine(data);
    const { code, message } = await run(data);
    expect(code).toBe('DATA_DIR_LOCKED');
    expect(message).toBe(`${data} is in use by the process ${pid} at ${address}`);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    expect((await command.interrupt()).code).toBe(0);
    expect(existsSync(join(data, 'shrike.lock'))).toBe(false);
  });
});

describe('records from the API', () => {
  const payment = (fields: object = {}) => ({
    ...{ idx: 7, user: 3, card: 0, year: 2019, month: 3, day: 2, time: '10:00', amount: 10 },
    ...{ use_chip: 'Chip Transaction', merchant_name: '1', merchant_city: 'X' },
    ...{ merchant_state: 'CA', zip: '00000', mcc: 5411, errors: '', is_fraud: 0, ...fields },
  });
  const line = (value: unknown) => JSON.stringify({ key: '3', partition: 3, value });

  test('one that cannot be used becomes a dead letter; a double and one of the past are scored', async () => {
    const data = join(folder, 'api');
    const { command, address, token } = await startEngine(data, '--set', 'input.partitions=4');
    const produce = (body: string) =>
      fetch(`${address}/api/topics/transactions/records`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
        body,
      });
    const values = [
      ...[payment(), payment(), payment({ time: '09:00' }), payment({ idx: 8, user: 7 })],
      ...['no JSON', payment({ month: 2, day: 30 }), payment({ user: -1 })],
      JSON.stringify(payment()).replace('"amount":10', '"amount":1e999'),
    ];
    expect((await produce(values.map(line).join('\n'))).status).toBe(201);
    const refused = await produce(`${line(payment())}\nno JSON`);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: 'API_REQUEST_INVALID' });
    const totals = async () => {
      const status = await (await fetch(`${address}/api/status`)).json();
      return (status as StatusSnapshot).totals;
    };
    await until(async () => (await totals()).records === values.length);
    expect(await totals()).toMatchObject({ records: 8, deadLetters: 4 });
    expect((await command.interrupt()).code).toBe(0);
    const out = join(folder, 'api-out');
    const args = ['run', '--no-listen', '--until-end', '--data', data, '--out', out];
    expect((await shrike(...args, '--set', 'input.partitions=4')).code).toBe(0);
    expect(jsonLines(join(out, 'scored.jsonl')).map(({ idx }) => idx)).toEqual([7, 7, 7, 8]);
    const letters = new Command(['dlq', 'list', '--data', data, '--json']);
    const { stdout } = await letters.ended;
    const codes = stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text).code);
    expect(codes).toEqual([
      'RECORD_NOT_JSON',
      ...Array.from({ length: 3 }, () => 'RECORD_FIELD_INVALID'),
    ]);
  });
});
