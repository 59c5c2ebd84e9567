/** The embedded log where processes and disks fail; needs `npx tsc -b src/log`. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Log } from '../../src/core/log.ts';
import { seeded } from '../../src/core/random.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { builtUrl } from '../support/built.ts';
import { readAll, valuesIn } from '../support/log-records.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const KILLS = 8;
const at = { topic: 'out', partition: 0 };
builtUrl('src/log/embedded/log.js'); // says what to do when it is missing

/** Kills the writer somewhere after `acknowledgedMin` commits. @returns the last one it told of. */
async function writeUntilKilled(
  folder: string,
  options: { sync: string; acknowledgedMin: number },
): Promise<number> {
  const script = fileURLToPath(new URL('../support/mortal-log-writer.mjs', import.meta.url));
  const writer = spawn(process.execPath, [script, folder, options.sync], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  let count = 0;
  writer.stdout.on('data', (chunk: Buffer) => {
    told += chunk;
    count += chunk.toString().split('\n').length - 1;
    if (count >= options.acknowledgedMin) writer.kill('SIGKILL');
  });
  await once(writer, 'close');
  return Number(told.trimEnd().split('\n').at(-1));
}

/** What `mortal-log-writer.mjs` leaves after so many commits, and nothing else. */
async function expectAll(log: Log, commits: number): Promise<void> {
  const numbers = Array.from({ length: commits }, (_, i) => i);
  expect(await valuesIn(log, at)).toEqual(numbers.flatMap((i) => [`${i}a`, `${i}b`]));
  const numberIn = (value: string | undefined) => Number(value?.split(' ')[0]);
  const large = { topic: 'out', partition: 1 };
  const { earliest } = await log.offsets(large);
  expect((await valuesIn(log, large)).map(numberIn)).toEqual(numbers.slice(earliest));
  const profiles = await readAll(log, { topic: 'profiles', partition: 0 });
  const newest = new Map(profiles.map(({ key, value }) => [key, numberIn(value)]));
  expect(newest).toEqual(new Map(numbers.map((i) => [`${i % 40}`, i])));
  for (const { offset, value } of profiles) expect(offset).toBe(numberIn(value));
}

describe('L5', () => {
  test.each(['commit', 'interval'] as const)(
    'a killed process loses no acknowledged commit and leaves none in part (sync: %s)',
    async (sync) => {
      const folder = await scratchFolder();
      const random = seeded(8123);
      for (let kill = 0; kill < KILLS; kill++) {
        const acknowledgedMin = 1 + random.int(300);
        const acknowledged = (await writeUntilKilled(folder, { sync, acknowledgedMin })) + 1;
        const log = await openEmbeddedLog(folder, { sync, syncIntervalMs: 3, clock: systemClock });
        const committed = (await log.committed('group', [at]))[0] ?? 0;
        expect([acknowledged, acknowledged + 1]).toContain(committed);
        await expectAll(log, committed);
        await log.close();
      }
    },
  );
});

interface FullDiskReport {
  readonly failed: string;
  readonly failedAgain: string;
  readonly acknowledged: number;
  readonly whileFull: { keys: string[]; committed: number };
  readonly afterRoom: { keys: string[]; committed: number };
  readonly reopened: { keys: string[]; committed: number };
}

/** In a mount namespace of its own, so that the small volume goes with the process. */
async function onSmallVolume(sync: string): Promise<FullDiskReport> {
  const folder = await scratchFolder();
  const script = fileURLToPath(new URL('../support/full-disk-log.mjs', import.meta.url));
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const shell = 'mount -t tmpfs -o size=20m tmpfs "$1" && exec "$2" "$3" "$1" "$4"';
  const inside = ['--mount', 'sh', '-c', shell, 'sh', folder, process.execPath, script, sync];
  // Without the right to mount there is no full disk to try: the failure says so.
  const { stdout } = await promisify(execFile)('unshare', [...asRoot, ...inside]);
  return JSON.parse(stdout) as FullDiskReport;
}

describe('E2', () => {
  test.each(['commit', 'interval'])(
    'a full disk refuses commits without a trace; with room the log goes on (sync: %s)',
    async (sync) => {
      const report = await onSmallVolume(sync);
      expect([report.failed, report.failedAgain]).toEqual(['DISK_FULL', 'DISK_FULL']);
      const { acknowledged } = report;
      expect(acknowledged).toBeGreaterThan(10);
      const keys = (count: number) => Array.from({ length: count }, (_, i) => i).join(' ');
      const before = keys(acknowledged);
      expect(report.whileFull).toEqual({ keys: [before, before], committed: acknowledged });
      const after = keys(acknowledged + 5);
      const expected = { keys: [after, after], committed: acknowledged + 5 };
      expect(report.afterRoom).toEqual(expected);
      expect(report.reopened).toEqual(expected);
    },
  );
});
