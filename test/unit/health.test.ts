import { expect, test } from 'vitest';
import type { PartitionStats } from '../../src/core/telemetry.ts';
import { health } from '../../src/telemetry/health.ts';
import { engineStatus, partition, START_MS, shown } from '../support/scripted-view.ts';

const stuckMs = 30_000;

/** Health of an engine with one partition, 45 s after its stage began. */
function healthOf(over: Partial<PartitionStats>) {
  const partitions = [shown(partition(5, over), 0)];
  const nowMs = START_MS + 45_000;
  const status = engineStatus({ partitions });
  const workers = status.workers.map((worker) => ({ ...worker, atMs: nowMs }));
  return health({ ...status, workers }, { stuckMs, nowMs });
}

const well = { live: true, ready: true, problems: [] };

test.each<[string, Partial<PartitionStats>, ReturnType<typeof health>]>([
  ['idle for long is well', { stage: 'idle' }, well],
  [
    'a stage that waits for what is away is well, however long',
    { stage: 'restore', stageSinceMs: 0, waiting: { for: 'object store', sinceMs: 0 } },
    well,
  ],
  ['a young stage is well', { stage: 'commit', stageSinceMs: START_MS + 15_000 }, well],
  [
    'an old stage is stuck, and named',
    { stage: 'commit' },
    {
      live: false,
      ready: false,
      problems: ['partition 5 is stuck in commit for 45 s (live)'],
    },
  ],
  [
    'a restore that stands still is stuck',
    { phase: 'restoring', stage: 'restore' },
    {
      live: false,
      ready: false,
      problems: ['partition 5 is stuck in restore for 45 s (restoring)'],
    },
  ],
  [
    'a failed partition is no reason to end the process, but it is not ready',
    { phase: 'failed', stage: 'restore' },
    {
      live: true,
      ready: false,
      problems: ['partition 5 has failed and waits for a person'],
    },
  ],
  ['a closed partition may stand still', { phase: 'closed', stage: 'commit' }, well],
])('%s', (_what, over, expected) => {
  expect(healthOf(over)).toEqual(expected);
});

test('an engine that is still restoring is live and not ready', () => {
  const status = engineStatus({ ready: false });
  expect(health(status, { stuckMs, nowMs: START_MS })).toMatchObject({ live: true, ready: false });
});

test('a worker that sends no statistics is stuck, whatever its partitions said last', () => {
  const nowMs = START_MS + 31_000;
  expect(health(engineStatus(), { stuckMs, nowMs })).toEqual({
    live: false,
    ready: false,
    problems: ['worker 0 is silent for 31 s'],
  });
});

test('what the engine itself reports is passed on, once', () => {
  const problems = ['checkpoints wait: the folder is full', 'checkpoints wait: the folder is full'];
  const status = engineStatus({ problems });
  expect(health(status, { stuckMs, nowMs: START_MS }).problems).toEqual([problems[0]]);
});
