/** The image of a log that another process, or here another handle, goes on writing. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLogImage } from '../../src/cli/log-image.ts';
import { recordsOf } from '../../src/cli/log-records.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import type { TopicSpec } from '../../src/core/log.ts';
import { packRecords } from '../../src/core/records.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const IMAGES = 5;
const COMMIT_RECORDS = 20;
/** Large, so that RocksDB flushes and compacts all the time. */
const PAD = 'x'.repeat(20_000);
const topic = (name: string): TopicSpec => ({
  topic: name,
  partitions: 1,
  cleanup: 'delete',
  retentionMs: 0,
});

test('an image holds every commit acknowledged before it, whole and without a hole', async () => {
  const folder = await scratchFolder();
  const logDir = join(folder, 'log');
  const log = await openEmbeddedLog(logDir, { sync: 'interval', syncIntervalMs: 100, clock });
  await log.ensureTopics([topic('a'), topic('b')]);
  let acknowledged = 0;
  let stopped = false;
  const writing = (async () => {
    while (!stopped) {
      const records = packRecords(
        Array.from({ length: COMMIT_RECORDS }, (_, i) => {
          return { key: 'k', value: `${acknowledged + i} ${PAD}`, timestampMs: 1 };
        }),
      );
      await log.append(['a', 'b'].map((name) => ({ topic: name, partition: 0, records })));
      acknowledged += COMMIT_RECORDS;
      if (acknowledged % 2000 > 0) continue;
      await log.deleteBefore({ topic: 'a', partition: 0 }, acknowledged - 1000);
    }
  })();
  for (let made = 0; made < IMAGES; made++) {
    const before = acknowledged;
    const image = await openLogImage(logDir, folder);
    const a = await image.log.offsets({ topic: 'a', partition: 0 });
    const b = await image.log.offsets({ topic: 'b', partition: 0 });
    expect(a.highWatermark).toBe(b.highWatermark);
    expect(a.highWatermark).toBeGreaterThanOrEqual(before);
    const span = { topic: 'a', partition: 0, from: a.earliest, to: a.highWatermark };
    let next = a.earliest;
    for await (const { offset, value } of recordsOf(image.log, span)) {
      expect([offset, value?.toString('latin1').split(' ')[0]]).toEqual([next, String(next)]);
      next++;
    }
    expect(next).toBe(a.highWatermark);
    await image.close();
  }
  stopped = true;
  await writing;
  await log.close();
  expect(await readdir(folder)).toEqual(['log']);
});
