/** When a killed member's partitions count as taken over; time is the test's. */
import { expect, test } from 'vitest';
import { watchTakeover } from '../../src/cli/takeover.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { PartitionFailover } from '../../src/core/drill.ts';
import { ShrikeError } from '../../src/core/errors.ts';

/** What the brokers tell from this time on, ms after the kill. Undefined: they tell nothing. */
interface Told {
  readonly fromMs: number;
  readonly committed: number | undefined;
  readonly end: number;
}

const KILLED_MS = 1_000_000;

async function watched(story: readonly Told[]): Promise<PartitionFailover | undefined> {
  let nowMs = KILLED_MS;
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
    yield: async () => undefined,
  };
  const now = () => story.findLast(({ fromMs }) => KILLED_MS + fromMs <= nowMs) as Told;
  const log = {
    committed: async () => {
      const { committed } = now();
      if (committed === undefined) throw new ShrikeError('LOG_UNAVAILABLE', 'undecided');
      return [committed];
    },
    offsets: async () => ({ earliest: 0, highWatermark: now().end }),
  };
  const [one] = await watchTakeover({
    log,
    clock,
    group: 'shrike',
    topic: 'transactions',
    partitions: [3],
    killedAtMs: KILLED_MS,
    waitMs: 20_000,
    signal: new AbortController().signal,
  });
  return one;
}

test('taken over at the first commit, caught up when all of one look ago is committed', async () => {
  const story = [
    { fromMs: 0, committed: 100, end: 110 },
    { fromMs: 5000, committed: 100, end: 400 },
    { fromMs: 10_000, committed: 140, end: 400 },
    { fromMs: 12_000, committed: 400, end: 410 },
  ];
  expect(await watched(story)).toEqual({
    partition: 3,
    verdict: 'recovered',
    reason: null,
    committedAtKill: 100,
    highWatermarkAtKill: 110,
    firstCommitSeconds: 10,
    caughtUpSeconds: 12,
  });
});

test('a commit that the killed member has left undecided is waited for, and is its own', async () => {
  const story = [
    { fromMs: 0, committed: undefined, end: 110 },
    { fromMs: 3000, committed: 105, end: 200 },
    { fromMs: 9000, committed: 200, end: 200 },
  ];
  expect(await watched(story)).toMatchObject({ committedAtKill: 105, firstCommitSeconds: 9 });
});

test.each([
  [100, 110, 'nobody has committed anything after 20 s: 10 payments wait'],
  [110, 110, 'no payment has come since the kill: there was nothing to commit after 20 s'],
])('committed %i of %i and no further is no failover', async (committed, end, reason) => {
  expect(await watched([{ fromMs: 0, committed, end }])).toMatchObject({
    verdict: 'failed',
    reason,
    firstCommitSeconds: null,
    caughtUpSeconds: null,
  });
});

test('a takeover that does not keep up is told with where it stands', async () => {
  const story = [
    { fromMs: 0, committed: 100, end: 110 },
    { fromMs: 5000, committed: 100, end: 900 },
    { fromMs: 8000, committed: 120, end: 900 },
  ];
  expect(await watched(story)).toMatchObject({
    verdict: 'failed',
    reason: 'after 20 s it stands at 120, the log at 900',
    firstCommitSeconds: 8,
    caughtUpSeconds: null,
  });
});
