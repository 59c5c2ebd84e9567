/** The command line on a data folder without an engine, as a process; needs `npx tsc -b`. */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { packRecords } from '../../src/core/records.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import {
  Command,
  GOLDEN_CSV,
  shrike,
  shrikeJson,
  shrikeLines,
  startEngine,
  until,
} from '../support/command-line.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const ENDS = [155, 437, 226, 381, 172, 214, 235, 206];

let home: string;
let data: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'shrike-cli-'));
  data = join(home, 'data');
  const { code, stderr } = await shrike(
    ...['run', '--source', 'csv', ...GOLDEN_CSV, '--until-end', '--no-listen'],
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
    // Which of two partitions' alerts is newer is a matter of milliseconds: all of them, then.
    const { stdout } = await shrike('alerts', '--count', '100', '--data', data);
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
    expect(verified.stderr).toContain(newest);
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

describe('simulate into the log', () => {
  test('Ctrl-C ends it, tells how many there are, and lets the folder go', async () => {
    const folder = join(await scratchFolder(), 'data');
    const args = ['--population', '40', '--rate', '1000', '--data', folder];
    const command = new Command(['simulate', ...args]);
    await until(() => existsSync(join(folder, 'source.json')));
    const { code, stdout } = await command.interrupt();
    expect(code).toBe(0);
    expect(existsSync(join(folder, 'shrike.lock'))).toBe(false);
    const topics = (await shrikeJson('topics', '--data', folder)) as {
      readonly topic: string;
      readonly offsets: readonly { readonly highWatermark: number }[];
    }[];
    const payments = topics.find(({ topic }) => topic === 'transactions')?.offsets ?? [];
    const count = payments.reduce((sum, { highWatermark }) => sum + highWatermark, 0);
    expect(stdout).toBe(`${count} payments in the log\n`);
  });

  test('payments of another source are not mixed in', async () => {
    const { code, stderr } = await shrike('simulate', '--payments', '1', '--data', data);
    expect(code).toBe(2);
    expect(stderr).toContain('holds payments of another source');
  });
});

describe('dead letters', () => {
  test('bytes that are no text come back as they were, also when no engine runs', async () => {
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
