/** What is said while a commit that somebody left open holds partitions up. */
import { expect, test } from 'vitest';
import type { OpenCommit } from '../../src/core/log.ts';
import { OpenCommitWatch } from '../../src/open-commit-watch.ts';
import { HandClock } from '../support/hand-clock.ts';
import { partition, shown } from '../support/scripted-view.ts';

const COMMIT: OpenCommit = {
  name: 'shrike-fraud-b',
  sinceMs: 0,
  timeoutMs: 15_000,
  partitions: [
    { topic: '__consumer_offsets', partition: 7 },
    { topic: 'scored', partition: 2 },
  ],
};

test('partitions whose offsets are undecided are told whose commit it is, and when it ends', async () => {
  const clock = new HandClock(0);
  const lines: object[] = [];
  let open: readonly OpenCommit[] = [COMMIT];
  const watch = new OpenCommitWatch({
    log: { openCommits: async () => open },
    clock,
    logger: { event: (_level, event, facts) => lines.push({ event, ...facts }) },
    inputTopic: 'transactions',
    onError: (error) => expect(error).toBe(undefined),
  });
  const note = async (sinceMs: number | undefined) => {
    const waiting = sinceMs === undefined ? {} : { waiting: { for: 'log' as const, sinceMs } };
    const partitions = [2, 3].map((p) => shown(partition(p, waiting), 0));
    watch.note({ partitions, positions: new Map() });
    await clock.advance(0);
  };
  await note(0);
  expect(watch.problems).toEqual([]);
  await clock.advance(5000);
  await note(1000);
  const sentence =
    'partitions 2, 3: an open transaction of shrike-fraud-b since 1970-01-01T00:00:00Z blocks reading; it ends by itself in at most 10 s, or when a process with its name starts';
  expect(watch.problems).toEqual([sentence]);
  await clock.advance(3000);
  await note(1000);
  expect(watch.problems).toEqual([sentence.replace('10 s', '7 s')]);
  expect(lines).toEqual([{ event: 'an open commit holds up partitions', problem: sentence }]);
  open = [];
  await clock.advance(3000);
  await note(undefined);
  expect(watch.problems).toEqual([]);
});
