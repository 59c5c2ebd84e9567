/** The command line on a data folder without an engine, as a process; needs `npx tsc -b`. */
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { packRecords } from '../../src/core/records.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { writeBundle } from '../support/bundles.ts';
import {
  Command,
  shrike,
  shrikeJson,
  shrikeLines,
  startEngine,
  until,
} from '../support/command-line.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const golden = (name: string) => resolve('test/golden/data', name);
const FILES = [
  ['--transactions', golden('credit_card_transactions.csv')],
  ['--users', golden('sd254_users.csv')],
  ['--cards', golden('sd254_cards.csv')],
].flat();
const ENDS = [155, 437, 226, 381, 172, 214, 235, 206];

let home: string;
let data: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'shrike-cli-'));
  data = join(home, 'data');
  const { code, stderr } = await shrike(
    ...['run', '--source', 'csv', ...FILES, '--until-end', '--no-listen'],
    ...['--out', join(home, 'out'), '--data', data],
    ...['--set', 'checkpoints.intervalMs=86400000'], // so that there is one: the one at the end
  );
  expect([code, stderr.includes('[')]).toEqual([0, false]);
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** A copy that a test may change. */
async function copied(): Promise<string> {
  const copy = join(await scratchFolder(), 'data');
  await cp(data, copy, { recursive: true });
  return copy;
}

describe('what a data folder holds', () => {
  test('topics lists every topic with its partitions and records', async () => {
    const { code, stdout } = await shrike('topics', '--data', data);
    expect(code).toBe(0);
    expect(stdout).toContain('transactions           8     2026  24 h\n');
    expect(stdout).toContain('users                  8       19  newest of each key\n');
    expect(stdout).toContain('fraud_alerts           8       20  24 h\n');
  });

  test('lag is nothing on every partition once all is scored', async () => {
    expect(await shrikeJson('lag', '--data', data)).toEqual(
      ENDS.map((end, partition) => ({
        partition,
        committed: end,
        earliest: 0,
        highWatermark: end,
        lagRecords: 0,
        lagSeconds: 0,
      })),
    );
  });

  test('alerts --json prints the alerts that the run exported, value by value', async () => {
    const exported = (await readFile(join(home, 'out', 'fraud_alerts.jsonl'), 'utf8')).split('\n');
    const { stdout } = await shrike('alerts', '--count', '1000', '--json', '--data', data);
    expect(stdout.split('\n').sort()).toEqual(exported.sort());
  });

  test('an alert is told with what stands out in it', async () => {
    const { stdout } = await shrike('alerts', '--count', '1', '--data', data);
    expect(stdout).toContain('2018-02-07T15:44  user 7, card 2  $382.69  score 0.6318\n');
    expect(stdout).toContain("! the amount is 3.129 standard deviations above the card's mean");
    expect(stdout).toContain('amount_to_limit 0.03149');
  });

  test('state get decodes a user and one card', async () => {
    const args = ['state', 'get', '--user', '13', '--card', '1', '--data', data];
    const state = (await shrikeJson(...args)) as Record<string, unknown>;
    expect(state).toMatchObject({ user: 13, partition: 5, nextOffset: 214 });
    expect(state).toHaveProperty('state.cards.1.states.spend_profile[0]', 29);
    expect((await shrike(...args)).stdout).toContain('last payment 2018-02-14T10:07');
  });

  test('an unknown user and an unknown card are told apart', async () => {
    const user = await shrike('state', 'get', '--user', '4711', '--data', data);
    expect(user.stderr).toContain('there is no state of user 4711 [ACTOR_UNKNOWN]');
    const card = await shrike('state', 'get', '--user', '13', '--card', '9', '--data', data);
    expect([user.code, card.code]).toEqual([1, 1]);
    expect(card.stderr).toContain('there is no state of card 9 of user 13; its cards: 0, 1');
  });

  test('checkpoints are listed and found whole', async () => {
    const listed = (await shrikeJson('checkpoint', 'list', '--data', data)) as object[];
    expect(listed).toMatchObject(
      ENDS.map((nextOffset, partition) => ({ partition, sequence: 1, nextOffset })),
    );
    const verified = await shrike('checkpoint', 'verify', '--data', data);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toContain('8 checkpoints are whole\n');
  });

  test('a dead-letter queue without letters says so', async () => {
    expect(await shrike('dlq', 'list', '--data', data)).toMatchObject({
      code: 0,
      stdout: 'no dead letters\n',
    });
  });

  test('a command lets the folder go when it ends', async () => {
    await shrike('topics', '--data', data);
    expect(existsSync(join(data, 'shrike.lock'))).toBe(false);
  });

  test('a reader that closes the pipe ends the command quietly', async () => {
    const command = new Command(['alerts', '--count', '1000', '--data', data]);
    command.process.stdout?.destroy();
    expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(data, 'shrike.lock'))).toBe(false);
  });
});

describe('restore --dry-run', () => {
  const outlook = async (folder: string, ...args: string[]) =>
    (await shrikeJson('restore', '--dry-run', '--data', folder, ...args)) as {
      readonly partition: number;
      readonly source: string;
      readonly replayRecords: number;
      readonly checkpoint: { readonly sequence: number };
      readonly damaged: readonly string[];
    }[];

  test('local state is used as long as it is there, then the checkpoint', async () => {
    const folder = await copied();
    const { checkpoint, ...first } = (await outlook(folder))[0] ?? { checkpoint: undefined };
    expect(first).toMatchObject({ partition: 0, source: 'local', replayRecords: 0, damaged: [] });
    expect(checkpoint).toMatchObject({ sequence: 1, nextOffset: 155, actorCount: 3 });
    await rm(join(folder, 'state'), { recursive: true });
    expect((await outlook(folder)).map(({ source }) => source)).toEqual(
      ENDS.map(() => 'checkpoint'),
    );
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });

  test('without state and checkpoints all that the log holds is replayed', async () => {
    const folder = await copied();
    await rm(join(folder, 'checkpoints'), { recursive: true });
    const outlooks = await outlook(folder, '--without-local');
    expect(outlooks).toMatchObject(
      ENDS.map((replayRecords) => ({ source: 'empty', replayRecords, checkpoint: null })),
    );
    expect(existsSync(join(folder, 'checkpoints'))).toBe(false);
  });

  test('a flipped byte in the newest segment is named, and the checkpoint before it is used', async () => {
    const folder = join(await scratchFolder(), 'data');
    const common = ['--data', folder, '--set', 'input.partitions=1'];
    const simulated = ['--population', '40', '--rate', 'max', '--payments', '600'];
    for (const _ of [1, 2]) {
      await shrike('simulate', ...simulated, ...common);
      const never = ['--set', 'checkpoints.intervalMs=86400000'];
      await shrike('run', '--until-end', '--no-listen', ...common, ...never);
    }
    const segments = join(folder, 'checkpoints/shrike/transactions/00000/segments');
    const newest = (await readdir(segments)).sort().at(-1) as string;
    const bytes = await readFile(join(segments, newest));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    await writeFile(join(segments, newest), bytes);

    const verified = await shrike('checkpoint', 'verify', ...common);
    expect(verified.code).toBe(1);
    expect(verified.stderr).toContain('1 of 2 checkpoints cannot be restored');
    expect(verified.stderr).toContain(`${newest}`);
    expect(verified.stderr).toContain('[CHECKPOINT_CORRUPT]');

    const [lost] = await outlook(folder, '--without-local', '--set', 'input.partitions=1');
    expect(lost).toMatchObject({
      source: 'checkpoint',
      replayRecords: 600,
      checkpoint: { sequence: 1, nextOffset: 600 },
    });
    expect(lost?.damaged).toEqual([expect.stringContaining(newest)]);
    const text = await shrike('restore', '--dry-run', ...common);
    expect(text.stdout).toContain('partition 0: checkpoint 1 is the newest whole one\n');
  });

  test('without --dry-run it refuses, since the engine restores by itself', async () => {
    const { code, stderr } = await shrike('restore', '--data', data);
    expect(code).toBe(2);
    expect(stderr).toContain('the engine restores by itself when it starts');
  });
});

describe('files', () => {
  test('clean masks card numbers with a key of the data folder, and leaves CVVs out', async () => {
    const folder = await scratchFolder();
    const out = join(folder, 'clean');
    const args = ['clean', ...FILES, '--data', join(folder, 'data'), '--out', out];
    expect(await shrikeJson(...args)).toEqual({
      transactions: 2026,
      users: 19,
      cards: 49,
      rejects: 0,
    });
    const cards = (await readFile(join(out, 'cards.csv'), 'utf8')).split('\n');
    expect(cards[1]).toMatch(/^0,0,0,Visa,Debit,\*{12}1194#[0-9a-f]{16},01\/2020,,1,3,8306,/);
    expect((await stat(join(folder, 'data', 'pan.key'))).mode & 0o777).toBe(0o600);
    await shrike(...args);
    expect((await readFile(join(out, 'cards.csv'), 'utf8')).split('\n')).toEqual(cards);
    const payments = await readFile(join(out, 'transactions.csv'), 'utf8');
    expect(payments.split('\n')[1]).toContain('0,3,0,2018,1,1,06:00,35.90,Chip Transaction,');
  });

  test('clean takes its key from the environment, and keeps nothing of it', async () => {
    const folder = await scratchFolder();
    const args = ['clean', ...FILES, '--data', join(folder, 'data'), '--out', folder];
    const env = { SHRIKE_PAN_KEY: 'a key of enough letters' };
    expect((await new Command(args, env).ended).code).toBe(0);
    expect(existsSync(join(folder, 'data'))).toBe(false);
    const short = await new Command(args, { SHRIKE_PAN_KEY: 'short' }).ended;
    expect(short.code).toBe(2);
    expect(short.stderr).toContain('the key in SHRIKE_PAN_KEY has 5 characters');
  });

  test('simulate writes the same raw files for the same seed', async () => {
    const [a, b] = [await scratchFolder(), await scratchFolder()];
    const args = ['simulate', '--days', '3', '--population', '20', '--seed', '7'];
    const counts = await shrikeJson(...args, '--out', a);
    expect(counts).toMatchObject({ users: 20 });
    await shrike(...args, '--out', b);
    for (const name of ['credit_card_transactions.csv', 'sd254_users.csv', 'sd254_cards.csv']) {
      const text = await readFile(join(a, name), 'utf8');
      expect(text.split('\n').length).toBeGreaterThan(20);
      expect(await readFile(join(b, name), 'utf8')).toBe(text);
    }
  });
});

describe('config', () => {
  test('each value comes with its source', async () => {
    const command = new Command(['config', '--set', 'checkpoints.intervalMs=5000', '--json'], {
      SHRIKE_WORKERS: '2',
    });
    const settings = JSON.parse((await command.ended).stdout) as { key: string; value: unknown }[];
    const of = (key: string) => settings.find((one) => one.key === key);
    expect(of('workers')).toMatchObject({ value: 2, source: 'environment SHRIKE_WORKERS' });
    expect(of('checkpoints.intervalMs')).toMatchObject({
      value: 5000,
      source: 'flag --set checkpoints.intervalMs',
    });
    expect(of('input.partitions')).toMatchObject({ value: 8, source: 'default' });
  });

  test('an unknown key is refused with the nearest one', async () => {
    const { code, stderr } = await shrike('config', '--set', 'checkpoints.intervall=1');
    expect(code).toBe(1);
    expect(stderr).toContain('checkpoints.intervalMs');
    expect(stderr).toContain('[CONFIG_UNKNOWN_KEY]');
  });
});

describe('bad input', () => {
  const run = (...args: string[]) => shrike('run', '--no-listen', '--until-end', ...args);
  const refusal = async (ended: ReturnType<typeof shrike>) => {
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).not.toContain('    at '); // a message, not a stack
    return /\[([A-Z_]+)\]/.exec(stderr)?.[1];
  };

  test('a reading command makes no folder where there is none', async () => {
    const missing = join(await scratchFolder(), 'missing');
    expect(await refusal(shrike('topics', '--data', missing))).toBe('DATA_DIR_MISSING');
    expect(existsSync(missing)).toBe(false);
  });

  test('a data folder of another version is refused', async () => {
    const folder = await scratchFolder();
    await writeFile(join(folder, 'shrike.json'), '{"dataFolderVersion":99}');
    expect(await refusal(run('--data', folder))).toBe('DATA_DIR_VERSION');
    expect(await refusal(shrike('lag', '--data', folder))).toBe('DATA_DIR_VERSION');
  });

  test('a data folder that cannot be written is refused', async () => {
    const file = join(await scratchFolder(), 'file');
    await writeFile(file, '');
    expect(await refusal(run('--data', join(file, 'data')))).toBe('DATA_DIR_UNWRITABLE');
  });

  test('a model that is not ONNX is refused', async () => {
    const folder = await scratchFolder();
    const known = JSON.parse(await readFile('models/default/bundle.json', 'utf8'));
    const { id: _, ...bundle } = known;
    const model = writeBundle({ model: 'not a model', bundle });
    const code = await refusal(run('--data', join(folder, 'data'), '--model', model));
    expect(code).toBe('MODEL_NOT_ONNX');
    await rm(model, { recursive: true });
  });

  test('a missing and an empty CSV file are told apart', async () => {
    const folder = await scratchFolder();
    const empty = join(folder, 'empty.csv');
    await writeFile(empty, '');
    await mkdir(join(folder, 'out'));
    const clean = (transactions: string) =>
      refusal(
        shrike(
          ...['clean', '--transactions', transactions, ...FILES.slice(2)],
          ...['--out', join(folder, 'out'), '--data', join(folder, 'data')],
        ),
      );
    expect(await clean(join(folder, 'none.csv'))).toBe('CSV_MISSING');
    expect(await clean(empty)).toBe('CSV_EMPTY');
    const source = ['--source', 'csv', ...FILES.slice(2), '--data', join(folder, 'run')];
    expect(await refusal(run(...source, '--transactions', empty))).toBe('CSV_EMPTY');
  });

  test('what needs the engine says so when none runs', async () => {
    const create = shrike('checkpoint', 'create', '--name', 'a', '--data', data);
    expect(await refusal(create)).toBe('ENGINE_NOT_RUNNING');
    expect(await refusal(shrike('alerts', '--follow', '--data', data))).toBe('ENGINE_NOT_RUNNING');
  });

  test('a command that is not understood ends with exit code 2', async () => {
    expect((await shrike('bogus')).code).toBe(2);
    expect((await shrike('state', 'get')).code).toBe(2);
    expect((await shrike('alerts', '--count', 'many')).code).toBe(2);
    expect((await shrike('--help')).code).toBe(0);
  });
});

describe('dead letters', () => {
  test('bytes that are no text come back as they were, once the engine is out of the way', async () => {
    const folder = await copied();
    const value = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
    const log = await openEmbeddedLog(join(folder, 'log'), {
      sync: 'commit',
      syncIntervalMs: 100,
      clock: systemClock,
    });
    const records = packRecords([{ key: '4', value, timestampMs: 1 }]);
    await log.append([{ topic: 'transactions', partition: 4, records }]);
    await log.close();

    const engine = await startEngine(folder, '--json');
    const list = () => shrikeLines('dlq', 'list', '--data', folder);
    await until(async () => (await list()).length === 1);
    expect(await list()).toMatchObject([
      { partition: 4, offset: 172, value_base64: value.toString('base64') },
    ]);
    const refused = await shrike('dlq', 'redrive', '--data', folder);
    expect(refused).toMatchObject({ code: 1, stdout: '0 appended again\n' });
    expect(refused.stderr).toContain('stop the engine and try again [API_REQUEST_INVALID]');
    expect((await engine.command.interrupt()).code).toBe(0);

    expect(await shrike('dlq', 'redrive', '--data', folder)).toMatchObject({
      code: 0,
      stdout: '1 appended again\n',
    });
    const lag = (await shrikeJson('lag', '--data', folder)) as object[];
    expect(lag[4]).toMatchObject({ committed: 173, highWatermark: 174, lagRecords: 1 });
    await shrike('run', '--until-end', '--no-listen', '--data', folder);
    expect(await list()).toMatchObject([
      { offset: 172 },
      { offset: 173, code: 'RECORD_NOT_JSON', value_base64: value.toString('base64') },
    ]);
  });
});
