/**
 * What happens to a data folder behind the program's back: a disk that fills up, bytes that change,
 * files that go. Nothing that the log holds is lost, nothing is scored twice, and it is said once.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { Command, type Ended, shrike, until } from '../support/command-line.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shrike-damage-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SIMULATE = [
  ...['run', '--source', 'simulate', '--population', '200', '--no-listen', '--json'],
  ...['--set', 'checkpoints.intervalMs=300'],
];

const SYNC = { sync: 'interval', syncIntervalMs: 1000 } as const;

interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly code?: string;
  readonly reason?: string;
  readonly partition?: number;
  readonly from?: string;
}

/** Lines of the log; a message of the command itself is none. */
function logOf({ stderr }: { readonly stderr: string }): readonly LogLine[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as LogLine);
}

function withCode(ended: Ended, code: string): readonly LogLine[] {
  return logOf(ended).filter((line) => line.code === code);
}

function partitionsOf(lines: readonly LogLine[]): readonly number[] {
  return lines.map(({ partition }) => partition ?? -1).sort((a, b) => a - b);
}

/** By partition, where its state came from at the last time that it went live. */
function restoredFrom(ended: Ended): readonly (string | undefined)[] {
  const from: (string | undefined)[] = [];
  for (const line of logOf(ended)) {
    if (line.event === 'partition is live') from[line.partition as number] = line.from;
  }
  return from;
}

function scored(out: string): readonly { readonly idx: number; readonly score: number }[] {
  const lines = readFileSync(join(out, 'scored.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as { idx: number; score: number });
}

/** Every payment from 0 has its score, exactly once. @returns the scores */
function expectExactlyOnce(out: string): readonly number[] {
  const all = scored(out);
  expect(all.map(({ idx }) => idx)).toEqual(all.map((_, i) => i));
  return all.map(({ score }) => score);
}

/** Overwrites what lies between two shares of a file. */
function spoil(file: string, from = 0, to = 1): void {
  const bytes = readFileSync(file);
  bytes.fill(0x55, Math.floor(bytes.length * from), Math.ceil(bytes.length * to));
  writeFileSync(file, bytes);
}

function filesOf(dir: string, ending: string): readonly string[] {
  const names = readdirSync(dir).filter((name) => name.endsWith(ending) || name.startsWith(ending));
  expect(names.length).toBeGreaterThan(0);
  return names.sort().map((name) => join(dir, name));
}

const partitionFolder = (data: string, partition: number) =>
  join(data, 'checkpoints', 'shrike', 'transactions', String(partition).padStart(5, '0'));

/** Its sequence number. */
function newestCheckpoint(data: string, partition: number): number {
  const names = readdirSync(join(partitionFolder(data, partition), 'manifests'));
  return Math.max(...names.map((name) => Number.parseInt(name, 10) || 0));
}

describe('a disk that is full', () => {
  test('stops nothing for good: one line, and with space again every payment exactly once', async () => {
    const data = join(folder, 'small-disk');
    await mkdir(data);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', data]);
    try {
      const ballast = join(data, 'ballast');
      writeFileSync(ballast, Buffer.alloc(36 << 20));
      const args = [...SIMULATE, '--rate', '5000', '--data', data];
      const full = new Command(args);
      await until(() => full.stderr.includes('DISK_FULL'));
      // While it is full, checkpoints are due and payments come; nobody hears of it again.
      await until(() => {
        expect(full.process.exitCode).toBe(null);
        const { bavail, bsize } = statfsSync(data);
        return bavail * bsize < 100_000;
      });
      rmSync(ballast);
      const before = newestCheckpoint(data, 0);
      await until(() => newestCheckpoint(data, 0) > before + 3);
      full.process.kill('SIGKILL');
      const killed = await full.ended;
      const said = logOf(killed).filter(({ level }) => level !== 'info');
      expect(said.map(({ level, event, code }) => ({ level, event, code }))).toEqual([
        { level: 'error', event: 'disk is full', code: 'DISK_FULL' },
      ]);
      expect(said[0]?.reason).toMatch(/\[DISK_FULL\]\n {2}Free space on the volume/);
      const out = join(folder, 'small-disk-out');
      const last = [...SIMULATE, '--rate', 'max', '--payments', '100', '--data', data];
      const ended = await shrike(...last, '--until-end', '--out', out);
      expect(ended.code).toBe(0);
      expect(logOf(ended).filter(({ level }) => level !== 'info')).toEqual([]);
      expect(restoredFrom(ended)).toEqual(Array.from({ length: 8 }, () => 'local'));
      const scores = expectExactlyOnce(out);
      const calm = join(folder, 'calm-out');
      const { length } = scores;
      const again = ['--rate', 'max', '--payments', `${length}`, '--data', join(folder, 'calm')];
      await shrike(...SIMULATE, ...again, '--until-end', '--out', calm);
      expect(expectExactlyOnce(calm)).toEqual(scores);
    } finally {
      execFileSync('umount', [data]);
    }
  });
});

describe('files that are damaged between two runs', () => {
  const PAYMENTS = 20_000;
  const MORE = 500;
  const DAMAGED = 'checkpoint is damaged; the one before it is used';
  let calm: readonly number[];
  const whole = () => join(folder, 'whole');

  beforeAll(async () => {
    const first = ['--rate', '40000', '--payments', `${PAYMENTS}`, '--data', whole()];
    await shrike(...SIMULATE, ...first, '--until-end');
    // Opening once more turns RocksDB's logs into tables.
    await shrike('run', '--no-listen', '--until-end', '--data', whole());
    const out = join(folder, 'whole-out');
    cpSync(whole(), join(folder, 'undamaged'), { recursive: true });
    await more(join(folder, 'undamaged'), out);
    calm = expectExactlyOnce(out);
    expect(calm).toHaveLength(PAYMENTS + MORE);
  });

  const more = (data: string, out: string) => {
    const args = ['--rate', 'max', '--payments', `${MORE}`, '--data', data, '--out', out];
    return shrike(...SIMULATE, ...args, '--until-end');
  };

  /** A copy with the damage done to it, and what a run on it says. */
  async function damaged(name: string, damage: (data: string) => void | Promise<void>) {
    const data = join(folder, name);
    const out = `${data}-out`;
    cpSync(whole(), data, { recursive: true });
    await damage(data);
    return { data, out, ended: await more(data, out) };
  }

  test('a local store is restored from its checkpoint, whatever of it is damaged', async () => {
    const { out, ended } = await damaged('state', (data) => {
      const store = (partition: number) => join(data, 'state', `p-000${partition}`);
      spoil(join(store(1), 'CURRENT'));
      for (const file of filesOf(store(3), '.sst')) spoil(file, 0.2, 0.7);
      for (const file of filesOf(store(5), 'MANIFEST')) spoil(file);
      for (const file of filesOf(store(6), '.sst')) rmSync(file);
    });
    expect(ended.code).toBe(0);
    const lines = withCode(ended, 'STATE_CORRUPT');
    expect(partitionsOf(lines)).toEqual([1, 3, 5, 6]);
    for (const { reason } of lines) expect(reason).toContain('restored from a checkpoint');
    const [local, checkpoint] = ['local', 'checkpoint'];
    expect(restoredFrom(ended)).toEqual([
      ...[local, checkpoint, local, checkpoint, local, checkpoint, checkpoint, local],
    ]);
    expect(expectExactlyOnce(out)).toEqual(calm);
  });

  test('a damaged checkpoint is passed over for the one before it, or for the log', async () => {
    const { out, ended } = await damaged('checkpoints', (data) => {
      rmSync(join(data, 'state'), { recursive: true });
      const files = (partition: number, kind: string, ending: string) =>
        filesOf(join(partitionFolder(data, partition), kind), ending);
      spoil(files(1, 'segments', '.seg').at(-1) as string, 0.4, 0.5);
      rmSync(files(3, 'segments', '.seg').at(-1) as string);
      for (const file of files(5, 'segments', '.seg')) rmSync(file);
      for (const file of files(7, 'manifests', '.json')) spoil(file);
    });
    expect(ended.code).toBe(0);
    const lines = withCode(ended, 'CHECKPOINT_CORRUPT');
    expect(new Set(lines.map(({ event }) => event))).toEqual(new Set([DAMAGED]));
    const of = (partition: number) => lines.filter((line) => line.partition === partition);
    expect(of(1)[0]?.reason).toMatch(/segment shrike\/transactions\/00001\/.*: its sha256 is/);
    expect(of(3)[0]?.reason).toMatch(
      /segment shrike\/transactions\/00003\/.*: it is not in the store/,
    );
    expect([1, 3].map((partition) => of(partition).length)).toEqual([1, 1]);
    expect(of(7)[0]?.reason).toContain('not JSON');
    const rebuilt = logOf(ended).filter(({ event }) => event.startsWith('no checkpoint is usable'));
    expect(partitionsOf(rebuilt)).toEqual([5, 7]);
    const [checkpoint, empty] = ['checkpoint', 'empty'];
    expect(restoredFrom(ended)).toEqual([
      ...[checkpoint, checkpoint, checkpoint, checkpoint, checkpoint, empty, checkpoint, empty],
    ]);
    expect(expectExactlyOnce(out)).toEqual(calm);
  });

  test('without a checkpoint that reaches what the log still holds, the partition refuses', async () => {
    const { data, ended } = await damaged('nothing-left', async (copy) => {
      rmSync(join(copy, 'state'), { recursive: true });
      rmSync(partitionFolder(copy, 3), { recursive: true });
      const clock = systemClock;
      const log = await openEmbeddedLog(join(copy, 'log'), { ...SYNC, clock });
      const third = { topic: 'transactions', partition: 3 };
      await log.deleteBefore(third, (await log.offsets(third)).highWatermark - 10);
      expect((await log.offsets(third)).earliest).toBeGreaterThan(0);
      await log.close();
    });
    expect(ended.code).toBe(1);
    expect(withCode(ended, 'CHECKPOINT_NONE_USABLE').map(({ partition }) => partition)).toEqual([
      3,
    ]);
    expect(ended.stderr).toMatch(
      /^shrike: partition 3: .* checkpoints are at none \[CHECKPOINT_NONE_USABLE\]$/m,
    );
    expect(existsSync(join(data, 'shrike.lock'))).toBe(false);
  });

  test('a damaged log is refused by name, and is untouched when it is put back', async () => {
    const kept = join(folder, 'kept-log');
    const { data, out, ended } = await damaged('log', (copy) => {
      cpSync(join(copy, 'log'), kept, { recursive: true });
      for (const file of filesOf(join(copy, 'log'), 'MANIFEST')) spoil(file);
    });
    const message =
      /^shrike: the log in .*\/log is damaged: .* \[LOG_CORRUPT\]\n {2}Restore the folder/m;
    const putBack = () => {
      rmSync(join(data, 'log'), { recursive: true });
      cpSync(kept, join(data, 'log'), { recursive: true });
    };
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(message);
    putBack();
    for (const file of filesOf(join(data, 'log'), '.sst')) spoil(file);
    const { code, stderr } = await more(data, out);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^shrike: .* log in .* \[LOG_CORRUPT\]\n {2}Restore the folder/m);
    expect(stderr).not.toMatch(/^ +at /m);
    putBack();
    expect((await more(data, out)).code).toBe(0);
    expect(expectExactlyOnce(out)).toEqual(calm);
  });
});
