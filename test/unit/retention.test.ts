import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { packRecords } from '../../src/core/records.ts';
import { applyRetention } from '../../src/retention.ts';
import { DurableLog, MemoryLog } from '../support/memory-log.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 1_700_000_000_000;

/** Two old records in appends of their own, and a new one. */
async function agedLog(): Promise<MemoryLog> {
  const log = new MemoryLog(new DurableLog(), systemClock);
  await log.ensureTopics([
    { topic: 'transactions', partitions: 1, cleanup: 'delete', retentionMs: HOUR_MS },
  ]);
  for (const hours of [3, 2, 0]) {
    const record = { key: 'card', value: 'x', timestampMs: NOW_MS - hours * HOUR_MS };
    await log.append([{ topic: 'transactions', partition: 0, records: packRecords([record]) }]);
  }
  return log;
}

async function earliestAfter(log: MemoryLog): Promise<number> {
  await applyRetention({
    log,
    checkpoints: { list: async () => [] },
    inputTopic: 'transactions-by-user',
    rekeyed: { topic: 'transactions', group: 'shrike-rekey' },
    nowMs: NOW_MS,
  });
  return (await log.offsets({ topic: 'transactions', partition: 0 })).earliest;
}

async function rekeyedTo(log: MemoryLog, nextOffset: number): Promise<void> {
  const member = await log.join('shrike-rekey', 'transactions', {
    assigned: () => undefined,
    revoked: async () => undefined,
  });
  const offsets = [{ topic: 'transactions', partition: 0, nextOffset }];
  await log.commit({ group: 'shrike-rekey', owner: member.owner, offsets, outputs: [] });
  await member.leave();
}

test('what waits for re-keying stays, however old it is', async () => {
  const log = await agedLog();
  expect(await earliestAfter(log)).toBe(0);
  await rekeyedTo(log, 1);
  expect(await earliestAfter(log)).toBe(1);
  await rekeyedTo(log, 3);
  expect(await earliestAfter(log)).toBe(2);
});
