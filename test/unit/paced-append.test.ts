import { expect, test } from 'vitest';
import { pacedAppend, pacedRecords } from '../../src/cli/paced-append.ts';
import type { Append } from '../../src/core/log.ts';
import { PackedRecordsBuilder } from '../../src/core/records.ts';

function appendOf(topic: string, count: number): Append {
  const builder = new PackedRecordsBuilder();
  for (let i = 0; i < count; i++) builder.add({ key: '1', value: '{}', timestampMs: 0 });
  return { topic, partition: 0, records: builder.finish() };
}

/** Sleeping is what makes its time pass. */
function sleptClock() {
  let atMs = 0;
  const clock = {
    nowMs: () => atMs,
    sleep: async (ms: number) => {
      atMs += ms;
    },
    yield: async () => undefined,
  };
  const pass = (ms: number) => {
    atMs += ms;
  };
  return { clock, pass };
}

const { signal } = new AbortController();

function paced(ratePerSecond: number) {
  const { clock, pass } = sleptClock();
  const sentAtMs: number[] = [];
  const append = pacedAppend({
    append: async () => {
      sentAtMs.push(clock.nowMs());
      return [];
    },
    ...{ topic: 'payments', ratePerSecond, clock, signal },
  });
  return { append, pass, sentAtMs };
}

test('payments go out at the rate, however long an append takes; profiles pass at once', async () => {
  const { append, pass, sentAtMs } = paced(100);
  await append([appendOf('users', 500)]);
  await append([appendOf('payments', 10)]);
  pass(30); // the log took so long
  await append([appendOf('payments', 10)]);
  await append([appendOf('payments', 5), appendOf('users', 9)]);
  await append([appendOf('payments', 1)]);
  expect(sentAtMs).toEqual([0, 0, 130, 200, 250]);
});

test('after a long stall the pace begins anew, with a debt of five seconds', async () => {
  const { append, pass, sentAtMs } = paced(100);
  pass(60_000);
  for (let i = 0; i < 8; i++) await append([appendOf('payments', 100)]);
  expect(sentAtMs).toEqual([...Array(6).fill(60_000), 61_000, 62_000]);
});

test('an append at a pace holds what comes in 20 ms, and a payment at least', () => {
  expect([5000, 500, 20, 0.1].map(pacedRecords)).toEqual([100, 10, 1, 1]);
});
