/** Following alerts over a log that comes and goes. */
import { expect, test } from 'vitest';
import { followAlerts } from '../../src/alert-feed.ts';
import { systemClock } from '../../src/core/clock.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import { packRecords } from '../../src/core/records.ts';
import { DurableLog, MemoryLog } from '../support/memory-log.ts';

const OF = { topic: 'fraud_alerts', partition: 0 };
/** A question for the offsets, and reads: before the first alert, and in between. */
const FAILING = new Set([0, 2, 6]);
/** Nobody waits in this test: it ends when it has seen what it wants. */
const clock = { ...systemClock, sleep: () => systemClock.yield() };

async function logOf(count: number): Promise<MemoryLog> {
  const log = new MemoryLog(new DurableLog(), clock);
  await log.ensureTopics([{ ...OF, partitions: 1, cleanup: 'delete', retentionMs: 0 }]);
  for (let i = 0; i < count; i++) {
    const records = packRecords([{ key: 'k', value: JSON.stringify({ id: i }), timestampMs: 0 }]);
    await log.append([{ ...OF, records }]);
  }
  return log;
}

test('brokers that do not answer are told of, and every alert comes once all the same', async () => {
  const log = await logOf(5);
  const stop = new AbortController();
  let asks = 0;
  const flaky = <T>(work: () => Promise<T>): Promise<T> => {
    if (FAILING.has(asks++)) return Promise.reject(new ShrikeError('LOG_UNAVAILABLE', 'no broker'));
    return work();
  };
  const told: unknown[] = [];
  const seen: number[] = [];
  const options = {
    log: {
      offsets: (of: typeof OF) => flaky(() => log.offsets(of)),
      read: (request: Parameters<MemoryLog['read']>[0]) =>
        flaky(() => log.read({ ...request, bytesMax: 1 })),
    },
    topic: OF.topic,
    partitions: 1,
    clock,
    signal: stop.signal,
    backlog: 4,
    onError: (error: unknown) => told.push(error),
  };
  await followAlerts(options, ({ offset }) => {
    seen.push(offset);
    if (seen.length === 4) stop.abort();
  });
  expect(seen).toEqual([1, 2, 3, 4]);
  expect(told).toHaveLength(3);
  expect(told[0]).toMatchObject({ code: 'LOG_UNAVAILABLE' });
});
