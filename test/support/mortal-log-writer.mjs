// Commits to a log until it is killed; tells of each commit once it is acknowledged.
// node mortal-log-writer.mjs FOLDER commit|interval
import { writeSync } from 'node:fs';
import { systemClock } from '../../dist/src/core/clock.js';
import { packRecords } from '../../dist/src/core/records.js';
import { openEmbeddedLog } from '../../dist/src/log/embedded/log.js';

const [folder, sync] = process.argv.slice(2);
const log = await openEmbeddedLog(folder, { sync, syncIntervalMs: 3, clock: systemClock });
const topic = 'out';
await log.ensureTopics([
  { topic, partitions: 2, cleanup: 'delete', retentionMs: 0 },
  { topic: 'profiles', partitions: 1, cleanup: 'compact', retentionMs: 0 },
]);
const listener = { assigned: () => undefined, revoked: async () => undefined };
const { owner } = await log.join('group', topic, listener);
const record = (value, key = 'k') => ({ key, value, timestampMs: 1 });
const noise = 'x'.repeat(20_000);
let upkeep = Promise.resolve();
const [committed] = await log.committed('group', [{ topic, partition: 0 }]);
for (let i = committed ?? 0; ; i++) {
  const profile = record(`${i} ${noise}`, `${i % 40}`);
  const outputs = [
    { topic, partition: 0, records: packRecords([record(`${i}a`), record(`${i}b`)]) },
    // 20 kB, so that memtables fill and tables are written while the process dies.
    { topic, partition: 1, records: packRecords([record(`${i} ${noise}`)]) },
    { topic: 'profiles', partition: 0, records: packRecords([profile]) },
  ];
  const offsets = [{ topic, partition: 0, nextOffset: i + 1 }];
  await log.commit({ group: 'group', owner, offsets, outputs });
  // Beside the commits, so that the process also dies in the middle of these.
  if (i % 50 === 49) {
    const before = i - 100;
    upkeep = upkeep
      .then(() => log.compact('profiles'))
      .then(() => log.deleteBefore({ topic, partition: 1 }, before));
  }
  writeSync(1, `${i}\n`);
}
