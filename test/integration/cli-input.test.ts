/** The command line where no data folder is needed: files, settings, help and bad input. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeBundle } from '../support/bundles.ts';
import { Command, GOLDEN_CSV, shrike, shrikeJson } from '../support/command-line.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

describe('files', () => {
  test('clean masks card numbers with a key of the data folder, and leaves CVVs out', async () => {
    const folder = await scratchFolder();
    const out = join(folder, 'clean');
    const args = ['clean', ...GOLDEN_CSV, '--data', join(folder, 'data'), '--out', out];
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
    const args = ['clean', ...GOLDEN_CSV, '--data', join(folder, 'data'), '--out', folder];
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
          ...['clean', '--transactions', transactions, ...GOLDEN_CSV.slice(2)],
          ...['--out', join(folder, 'out'), '--data', join(folder, 'data')],
        ),
      );
    expect(await clean(join(folder, 'none.csv'))).toBe('CSV_MISSING');
    expect(await clean(empty)).toBe('CSV_EMPTY');
    const source = ['--source', 'csv', ...GOLDEN_CSV.slice(2), '--data', join(folder, 'run')];
    expect(await refusal(run(...source, '--transactions', empty))).toBe('CSV_EMPTY');
  });

  test('the plan of the image takes the options of run, of which --users names a file', async () => {
    const plan = ['plan', '--node-options', '--memory', '2Gi', '--cores', '2'];
    const { stdout: alone } = await shrike(...plan);
    expect(alone).toMatch(/^--max-old-space-size=\d+ --max-semi-space-size=8\n$/);
    const { code, stdout } = await shrike(...plan, 'run', '--source', 'csv', ...GOLDEN_CSV);
    expect({ code, stdout }).toEqual({ code: 0, stdout: alone });
    expect((await shrike('plan', '--memory', '2Gi', '--users', 'u.csv')).code).toBe(2);
  });

  test('what needs the engine says so when none runs', async () => {
    const data = await scratchFolder();
    await writeFile(join(data, 'shrike.json'), '{"dataFolderVersion":1}');
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

describe('help', () => {
  test('every command has a description, examples and a place in docs/cli.md', async () => {
    const docs = await readFile('docs/cli.md', 'utf8');
    const { stdout } = await shrike('--help');
    const listed = /Commands:\n([\s\S]*?)\n\n/.exec(stdout)?.[1] ?? '';
    const names = [...listed.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name as string);
    const ours = names.filter((name) => name !== 'help');
    expect(ours).toEqual([
      ...[
        'run',
        'alerts',
        'topics',
        'lag',
        'state',
        'checkpoint',
        'restore',
        'drill',
        'upgrade',
        'lake',
        'dlq',
      ],
      ...['simulate', 'load', 'clean', 'model', 'config', 'plan', 'up', 'down'],
    ]);
    for (const name of ours) {
      expect(docs).toMatch(new RegExp(`^## .*\\b${name}\\b`, 'm'));
      const { stdout: help } = await shrike(name, '--help');
      expect(help).toContain(`Examples:\n  shrike ${name}`);
    }
  });
});
