import { expect, test } from 'vitest';
import { statusLine } from '../../src/cli/status-line.ts';
import { systemClock } from '../../src/core/clock.ts';
import { LatencyHistogram, type WorkerStats } from '../../src/core/telemetry.ts';
import { type InputPosition, StatusBoard } from '../../src/runtime/status-board.ts';
import { createWorkerHistograms, TaskCounters } from '../../src/runtime/task-counters.ts';

const FACTS = { startedAtMs: 0, application: 'a', version: '1', modelId: 'r1' };
const CACHE = { hits: 0, misses: 0, actors: 0, bytes: 0, dirtyBytes: 0 };

function statsOf(set: Partial<TaskCounters>, latency = new LatencyHistogram()): WorkerStats {
  const shared = { ...createWorkerHistograms(), latency };
  const counters = Object.assign(new TaskCounters(systemClock, shared), set);
  return {
    worker: 0,
    atMs: 0,
    heapBytes: 0,
    heapLimitBytes: 0,
    gcSeconds: 0,
    eventLoopDelayMsP99: 0,
    ...shared,
    partitions: [counters.stats(0, CACHE, undefined)],
  };
}

function latencyOf(...ms: number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const one of ms) histogram.record(one);
  return histogram;
}

function at0(position: InputPosition): ReadonlyMap<number, InputPosition> {
  return new Map([[0, position]]);
}

test('the rate is that of the time between two pictures', () => {
  const board = new StatusBoard(FACTS);
  board.onStats(0, statsOf({ records: 1000 }));
  board.picture(10_000);
  board.onStats(0, statsOf({ records: 1500 }));
  expect(board.picture(12_000).paymentsPerSecond).toBe(250);
});

test('latency is that of the last second with traffic, within a bucket', () => {
  const board = new StatusBoard(FACTS);
  board.onStats(0, statsOf({ records: 2 }, latencyOf(500, 500)));
  board.picture(1000);
  board.onStats(0, statsOf({ records: 5 }, latencyOf(500, 500, 3, 3, 3)));
  const { latencyMs } = board.picture(2000);
  expect(latencyMs.p50).toBeGreaterThanOrEqual(3);
  expect(latencyMs.p50).toBeLessThan(3.5);
  board.onStats(0, statsOf({ records: 5 }, latencyOf(500, 500, 3, 3, 3)));
  expect(board.picture(3000).latencyMs).toEqual(latencyMs);
});

test('what a thread that ended has done still counts, and what its successor does is added', () => {
  const board = new StatusBoard(FACTS);
  board.onStats(0, statsOf({ records: 100 }, latencyOf(1, 1, 1)));
  board.picture(1000);
  board.onStats(0, statsOf({ records: 10 }, latencyOf(40)));
  const status = board.picture(2000);
  expect(status.totals.records).toBe(110);
  expect(status.paymentsPerSecond).toBe(10);
  expect(status.latencyMs.p50).toBeGreaterThanOrEqual(40);
});

test('a partition that moves to another process leaves its counts behind', () => {
  const board = new StatusBoard(FACTS);
  board.onStats(0, statsOf({ records: 100, alerts: 3 }));
  board.onStats(0, { ...statsOf({}), partitions: [] });
  expect(board.picture(1000).totals).toMatchObject({ records: 100, alerts: 3 });
});

test('a member that was given no partition is ready', () => {
  const board = new StatusBoard(FACTS);
  expect([1000, 2000].map((ms) => board.picture(ms, new Map()).ready)).toEqual([false, true]);
});

test('lag is what the log says now: what waits, and how long the oldest of it has', () => {
  const board = new StatusBoard(FACTS);
  board.onStats(0, statsOf({ committedOffset: 80, committedTimestampMs: 1, phase: 'live' }));
  const position = { highWatermark: 100, committed: 90, waitingSinceMs: 4000 };
  const { lag, ready } = board.picture(10_000, at0(position));
  expect(lag).toEqual({ records: 10, seconds: 6 });
  expect(ready).toBe(false);
});

test('ready is: live, and past what was there at the start, for two pictures in a row', () => {
  const board = new StatusBoard(FACTS);
  const at = { highWatermark: 100, committed: 0, waitingSinceMs: 0 };
  // Before the log was asked, nothing is known of what is to be caught up with.
  expect(board.picture(0).ready).toBe(false);
  board.onStats(0, statsOf({ phase: 'replaying' }));
  expect(board.picture(1000, at0(at)).ready).toBe(false);
  board.onStats(0, statsOf({ phase: 'live', committedOffset: 100 }));
  const past = { ...at, highWatermark: 900, committed: 100 };
  expect(board.picture(2000, at0(past)).ready).toBe(false);
  expect(board.picture(2500, at0(past)).ready).toBe(true);
  board.onStats(0, statsOf({ phase: 'recovering', committedOffset: 100 }));
  expect(board.picture(3000, at0(at)).ready).toBe(false);
});

test('ready waits for what is still on its way into the input', () => {
  const board = new StatusBoard(FACTS);
  const pictured = (committedOffset: number, highWatermark: number, isFed: boolean) => {
    board.onStats(0, statsOf({ phase: 'live', committedOffset, highWatermark }));
    const position = { highWatermark, committed: committedOffset, waitingSinceMs: undefined };
    return board.picture(1000, at0(position), isFed).ready;
  };
  expect([pictured(5, 5, false), pictured(9, 9, false)]).toEqual([false, false]);
  expect([pictured(9, 20, true), pictured(19, 20, true)]).toEqual([false, false]);
  expect([pictured(20, 30, true), pictured(21, 30, true)]).toEqual([false, true]);
});

test('a partition that has failed is a problem by name', () => {
  const board = new StatusBoard(FACTS);
  board.onStats(0, statsOf({ phase: 'failed' }));
  expect(board.picture(1000).problems).toEqual(['partition 0 has failed; see the log']);
});

test('the status line says all of it in one line', () => {
  const board = new StatusBoard(FACTS);
  const position = { highWatermark: 100, committed: 90, waitingSinceMs: 0 };
  board.picture(-1000, at0({ ...position, highWatermark: 90 }));
  board.onStats(0, statsOf({ phase: 'live', committedOffset: 90 }));
  board.picture(0, at0(position));
  const counts = { records: 12_345, alerts: 7, deadLetters: 1, committedOffset: 90 };
  board.onStats(0, statsOf({ ...counts, phase: 'live' }, latencyOf(3, 3, 30)));
  const status = board.picture(1000, at0(position));
  expect(statusLine(status)).toBe(
    '●  12,345 payments/s  p50 3.2 ms  p99 32 ms  7 alerts  0 checkpoints  lag 10  1 dead letters',
  );
});

test('payments that no checkpoint takes are a problem after the limit, and no longer when one does', () => {
  const board = new StatusBoard(FACTS, { checkpointLateMs: 30_000 });
  const problemsAt = (nowMs: number, committedOffset: number, sealedOffset: number) => {
    const { checkpoint } = new TaskCounters(systemClock, statsOf({}) as never);
    const sealed = { ...checkpoint, offset: sealedOffset };
    board.onStats(0, statsOf({ committedOffset, checkpoint: sealed }));
    return board.picture(nowMs, undefined).problems;
  };
  expect(problemsAt(0, 10, 10)).toEqual([]);
  // A quiet hour: the old checkpoint holds everything.
  expect(problemsAt(3_600_000, 11, 10)).toEqual([]);
  expect(problemsAt(3_630_000, 20, 10)).toEqual([]);
  expect(problemsAt(3_631_000, 21, 10)).toEqual([
    'checkpoints are late: 1 partition could not seal for 31 s; payments go on',
  ]);
  expect(problemsAt(3_632_000, 22, 21)).toEqual([]);
});
