import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seeded } from '../../src/core/random.ts';
import { builtUrl } from '../support/built.ts';
import { newestCheckpoints } from '../support/newest-checkpoints.ts';
import { endsWithRun } from '../support/server-folder.ts';

const KILLS = 22;
/**
 * `SHRIKE_KILL_SEED=7 npx vitest run test/integration/kill.test.ts` kills at the same moments
 * again.
 */
const seed = Number(process.env.SHRIKE_KILL_SEED ?? 1);
const replay = `replay: SHRIKE_KILL_SEED=${seed} npx vitest run test/integration/kill.test.ts`;

const folder = mkdtempSync(join(tmpdir(), 'shrike-kill-'));
const children = new Set<ChildProcess>();

function shrike(data: string, ...args: string[]): ChildProcess {
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(builtUrl('src/cli.js')),
      'run',
      '--source=simulate',
      '--population=400',
      '--fraud-rate=0.02',
      '--no-listen',
      '--json',
      `--data=${data}`,
      // Checkpoints, bases and early writes many times a second: most kills hit one of them.
      '--set=checkpoints.intervalMs=250',
      '--set=checkpoints.compactAfterSegments=3',
      '--set=state.dirtyBytesMax=65536',
      '--set=state.cacheBytesMax=1048576',
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  endsWithRun(child);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Resolves when it has something to lose; also when it has ended, which the caller will see. */
function live(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      if (chunk.includes('partition is live')) resolve();
    });
    child.once('exit', () => resolve());
  });
}

/** @throws with what the process wrote, when it does not end well */
async function toEnd(child: ChildProcess): Promise<void> {
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  // Not `exit`: what it wrote last is still on its way then.
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`exit code ${code}: ${log.slice(-4000)}`);
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

const results: { killed: string; calm: string } = { killed: '', calm: '' };
let wiped = 0;

beforeAll(async () => {
  const random = seeded(seed);
  const data = join(folder, 'killed-data');
  for (let kill = 0; kill < KILLS; kill++) {
    const child = shrike(data, '--rate=4000');
    const exit = once(child, 'exit');
    // One in four dies on its way up, the others some time after the first partition is live.
    if (!random.chance(1 / 4)) await live(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), 20 + random.int(1500));
    const [code, signal] = await exit;
    clearTimeout(timer);
    if (signal !== 'SIGKILL') throw new Error(`ended by itself with ${code}; ${replay}`);
    if (random.chance(1 / 3)) {
      wiped += 1;
      rmSync(join(data, 'state'), { recursive: true, force: true });
    }
  }
  results.killed = join(folder, 'killed-out');
  const last = ['--payments=5000', '--until-end', `--out=${results.killed}`];
  await toEnd(shrike(data, '--rate=max', ...last));
  const count = linesOf(join(results.killed, 'scored.jsonl')).length;
  results.calm = join(folder, 'calm-out');
  const calm = [`--payments=${count}`, '--until-end', `--out=${results.calm}`];
  await toEnd(shrike(join(folder, 'calm-data'), '--rate=max', ...calm));
}, 300_000);

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

test('after 22 kills -9, some with the local state wiped, every payment has its score exactly once', () => {
  expect(wiped).toBeGreaterThan(2);
  const idxs = linesOf(join(results.killed, 'scored.jsonl')).map(
    (line) => (JSON.parse(line) as { idx: number }).idx,
  );
  expect(idxs.length).toBeGreaterThan(5000);
  expect(idxs, replay).toEqual(Array.from({ length: idxs.length }, (_, idx) => idx));
});

test('its scores are those of a run that was never killed', () => {
  const [killed, calm] = [results.killed, results.calm].map((out) =>
    readFileSync(join(out, 'scored.jsonl'), 'utf8'),
  );
  expect(killed === calm, replay).toBe(true);
});

test('its alerts are those of a run that was never killed, each once', () => {
  const [killed, calm] = [results.killed, results.calm].map((out) =>
    linesOf(join(out, 'fraud_alerts.jsonl')),
  );
  expect(killed?.length).toBeGreaterThan(10);
  expect(killed, replay).toEqual(calm);
});

test('its state is that of a run that was never killed', () => {
  const killed = newestCheckpoints(join(folder, 'killed-data'));
  expect(killed).toHaveLength(8);
  expect(killed, replay).toEqual(newestCheckpoints(join(folder, 'calm-data')));
});
