import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { ColumnScratch } from '../../src/log/kafka/reader/column-scratch.ts';
import { PartitionFeed } from '../../src/log/kafka/reader/partition-feed.ts';
import { ReadDeadlines } from '../../src/log/kafka/reader/read-deadlines.ts';

/** Sleeps end when told to, in the order of their length; the time of day is set by hand. */
function handClock() {
  const sleeps: { endMs: number; wake: () => void }[] = [];
  let elapsedMs = 0;
  const clock: Clock & { dayMs: number } = {
    dayMs: 1000,
    nowMs: () => clock.dayMs,
    sleep: (ms) => new Promise((wake) => void sleeps.push({ endMs: elapsedMs + ms, wake })),
    yield: async () => undefined,
  };
  const pass = async (ms: number) => {
    elapsedMs += ms;
    clock.dayMs += ms;
    const over = sleeps.filter(({ endMs }) => endMs <= elapsedMs);
    for (const sleep of over) {
      sleeps.splice(sleeps.indexOf(sleep), 1);
      sleep.wake();
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, pass, sleeps };
}

function setUp() {
  const hand = handClock();
  const feeds = new Set<PartitionFeed>();
  const deadlines = new ReadDeadlines(hand.clock, feeds);
  const ended: string[] = [];
  const read = (name: string, waitMs: number) => {
    const parts = { of: { topic: name, partition: 0 }, scratch: new ColumnScratch() };
    const feed = new PartitionFeed({ ...parts, clock: hand.clock }, 0);
    feed.lastStableOffset = 0;
    feeds.add(feed);
    const done = () => ended.push(name);
    feed.read({ ...parts.of, from: 0, bytesMax: 1, waitMs }).then(done, done);
    deadlines.watch(feed.pending?.deadlineMs ?? 0);
    return feed;
  };
  return { ...hand, deadlines, ended, read };
}

test('reads end when their time is over, whichever came first', async () => {
  const { ended, read, pass } = setUp();
  read('long', 500);
  read('short', 100);
  read('middle', 300);
  await pass(99);
  expect(ended).toEqual([]);
  await pass(1);
  expect(ended).toEqual(['short']);
  await pass(200);
  expect(ended).toEqual(['short', 'middle']);
  await pass(200);
  expect(ended).toEqual(['short', 'middle', 'long']);
});

test('reads end in time when the clock is put back by an hour', async () => {
  const { clock, ended, read, pass } = setUp();
  read('before', 100);
  clock.dayMs -= 3_600_000;
  read('after', 250);
  await pass(100);
  expect(ended).toContain('before');
  await pass(150);
  expect(ended).toEqual(['before', 'after']);
});

test('a read without any answer ever waits five seconds, then says so', async () => {
  const { ended, read, pass } = setUp();
  read('lost', 100).lastStableOffset = undefined;
  await pass(100);
  await pass(4899);
  expect(ended).toEqual([]);
  await pass(1);
  expect(ended).toEqual(['lost']);
});

test('many reads in a row share one timer', async () => {
  const { ended, read, pass, sleeps } = setUp();
  for (let i = 0; i < 100; i++) read(`${i}`, 250);
  expect(sleeps).toHaveLength(1);
  await pass(250);
  expect(ended).toHaveLength(100);
});
