import { beforeEach, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { LogCommit } from '../../src/core/log.ts';
import type { CommitRequest } from '../../src/core/messages.ts';
import { packRecords } from '../../src/core/records.ts';
import { Committer } from '../../src/runtime/committer.ts';
import { HandClock } from '../support/hand-clock.ts';
import { valuesIn } from '../support/log-records.ts';
import { DurableLog, MemoryLog, type MemoryLogFaults } from '../support/memory-log.ts';

const owned = { partition: 0, epoch: 1 };
const other = { partition: 1, epoch: 2 };
let commits: LogCommit[] = [];

async function setUp(faults: MemoryLogFaults = {}, recordsMax = 100, clock: Clock = systemClock) {
  const log = new MemoryLog(new DurableLog(), systemClock, {
    ...faults,
    beforeCommit: async (commit) => {
      commits.push(commit);
      await faults.beforeCommit?.(commit);
    },
  });
  const common = { partitions: 2, cleanup: 'delete', retentionMs: 0 } as const;
  await log.ensureTopics([
    { topic: 'in', ...common },
    { topic: 'out', ...common },
  ]);
  const membership = await log.join('g', 'in', { assigned: () => {}, revoked: async () => {} });
  const committer = new Committer({
    log,
    clock,
    group: 'g',
    topic: 'in',
    owner: () => membership.owner,
    minIntervalMs: 0,
    recordsMax,
  });
  for (const one of [owned, other]) committer.assign(one);
  await committer.position(owned);
  await committer.position(other);
  return { log, committer };
}

function request(
  from: number,
  nextOffset: number,
  partition = 0,
  isBacklog = false,
): CommitRequest {
  const records = packRecords([{ key: 'k', value: `${from}-${nextOffset}`, timestampMs: 0 }]);
  const outputs = [{ topic: 'out', partition, records }];
  return { from, nextOffset, recordCount: nextOffset - from, isBacklog, outputs };
}

beforeEach(() => {
  commits = [];
});

test('M1: what is asked for while a commit runs goes into the next one, all partitions together', async () => {
  const { committer } = await setUp();
  await Promise.all([
    committer.commit({ ...owned, ...request(0, 3) }),
    committer.commit({ ...other, ...request(0, 2, 1) }),
    committer.commit({ ...owned, ...request(3, 5) }),
  ]);
  expect(commits.map(({ offsets }) => offsets)).toEqual([
    [
      { topic: 'in', partition: 0, nextOffset: 5 },
      { topic: 'in', partition: 1, nextOffset: 2 },
    ],
  ]);
});

test('one commit holds about as many records as are allowed', async () => {
  const { committer } = await setUp({}, 4);
  const asks = [request(0, 3), request(3, 6), request(6, 9)];
  await Promise.all(asks.map((ask) => committer.commit({ ...owned, ...ask })));
  expect(commits.map(({ offsets }) => offsets[0]?.nextOffset)).toEqual([6, 9]);
});

test.each([
  { what: 'what just came', isBacklog: false, pauseMs: 30 },
  { what: 'a backlog', isBacklog: true, pauseMs: 50 },
])('after a large commit of $what the next one gathers for $pauseMs ms', async (one) => {
  const clock = new HandClock();
  const { committer } = await setUp({}, 50_000, clock);
  await committer.commit({ ...owned, ...request(0, 5000, 0, one.isBacklog) });
  const next = committer.commit({ ...owned, ...request(5000, 5001) });
  await clock.advance(one.pauseMs - 1);
  expect(commits.length).toBe(1);
  await clock.advance(1);
  await next;
  expect(commits.length).toBe(2);
});

test('a commit that is full waits no longer, nor does the one behind it', async () => {
  const { committer } = await setUp({}, 20_000, new HandClock());
  await committer.commit({ ...owned, ...request(0, 12_000, 0, true) });
  const asks = [request(12_000, 20_000), request(20_000, 36_000), request(36_000, 56_000)];
  await Promise.all(asks.map((ask) => committer.commit({ ...owned, ...ask })));
  expect(commits.map(({ offsets }) => offsets[0]?.nextOffset)).toEqual([12_000, 36_000, 56_000]);
});

test('M2: a gap and an overlap are refused, and their outputs are not published', async () => {
  const { committer, log } = await setUp();
  await committer.commit({ ...owned, ...request(0, 3) });
  await expect(committer.commit({ ...owned, ...request(4, 6) })).rejects.toThrow('stands at 3');
  await expect(committer.commit({ ...owned, ...request(2, 6) })).rejects.toThrow('stands at 3');
  expect(await valuesIn(log, { topic: 'out', partition: 0 })).toEqual(['0-3']);
});

test('M2: after a failure what was queued behind it is refused, until the task asks where it stands', async () => {
  let broken = true;
  const { committer } = await setUp({
    beforeCommit: () => {
      if (broken) throw new Error('no space');
    },
  });
  const first = committer.commit({ ...owned, ...request(0, 3) });
  const second = first.catch(() => committer.commit({ ...owned, ...request(3, 5) }));
  await expect(first).rejects.toThrow('no space');
  await expect(second).rejects.toThrow('stands at an unknown offset');
  broken = false;
  expect(await committer.position(owned)).toMatchObject({
    committed: 0,
    earliest: 0,
    highWatermark: 0,
  });
  await committer.commit({ ...owned, ...request(0, 3) });
  expect((await committer.position(owned)).committed).toBe(3);
});

test('a commit that took effect and failed all the same is found by asking', async () => {
  let broken = true;
  const { committer } = await setUp({
    afterCommit: () => {
      if (broken) throw new Error('the answer was lost');
    },
  });
  const lost = committer.commit({ ...owned, ...request(0, 3) });
  await expect(lost).rejects.toThrow('the answer was lost');
  broken = false;
  expect((await committer.position(owned)).committed).toBe(3);
});

test('M3: a task that was replaced can neither commit nor ask', async () => {
  const { committer, log } = await setUp();
  committer.assign({ partition: 0, epoch: 3 });
  await expect(committer.commit({ ...owned, ...request(0, 3) })).rejects.toThrow('refused');
  await expect(committer.position(owned)).rejects.toThrow('given to another task');
  expect(await valuesIn(log, { topic: 'out', partition: 0 })).toEqual([]);
});
