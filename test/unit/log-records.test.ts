import { expect, test } from 'vitest';
import { recordsOf } from '../../src/cli/log-records.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import { packRecords } from '../../src/core/records.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

/** Two of them are more than one read takes. */
const VALUE = Buffer.alloc(700_000);

test('a reader that retention overtakes goes on with what is left', async () => {
  const log = await openEmbeddedLog(await scratchFolder(), {
    sync: 'interval',
    syncIntervalMs: 100,
    clock,
  });
  const of = { topic: 'alerts', partition: 0 };
  await log.ensureTopics([{ topic: 'alerts', partitions: 1, cleanup: 'delete', retentionMs: 0 }]);
  const records = packRecords([{ key: 'k', value: VALUE, timestampMs: 1 }]);
  for (let i = 0; i < 4; i++) await log.append([{ ...of, records }]);
  const seen: number[] = [];
  for await (const { offset } of recordsOf(log, { ...of, from: 0, to: 3 })) {
    seen.push(offset);
    await log.deleteBefore(of, 2);
  }
  expect(seen).toEqual([0, 2]);
  const gone: number[] = [];
  for await (const { offset } of recordsOf(log, { ...of, from: 0, to: 2 })) gone.push(offset);
  expect(gone).toEqual([]);
  await log.close();
});
