// Fills the volume of FOLDER through a log, makes room, and goes on; prints what it saw as JSON.
// node full-disk-log.mjs FOLDER commit|interval
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { systemClock } from '../../dist/src/core/clock.js';
import { PackedRecords, packRecords } from '../../dist/src/core/records.js';
import { openEmbeddedLog } from '../../dist/src/log/embedded/log.js';

const [folder, sync] = process.argv.slice(2);
const topic = 'out';
const at = { topic, partition: 0 };
const open = () =>
  openEmbeddedLog(`${folder}/log`, { sync, syncIntervalMs: 5, clock: systemClock, cacheBytes: 0 });

let owner = '';
async function join(log) {
  const listener = { assigned: () => undefined, revoked: async () => undefined };
  owner = (await log.join('group', topic, listener)).owner;
}

/** Commit i: one record "i" with 50 kB of noise in each partition, and next offset i + 1. */
function commit(log, i) {
  const noise = randomBytes(50_000).toString('latin1');
  const records = () => packRecords([{ key: `${i}`, value: noise, timestampMs: i }]);
  const outputs = [0, 1].map((partition) => ({ topic, partition, records: records() }));
  const offsets = [{ ...at, nextOffset: i + 1 }];
  return log.commit({ group: 'group', owner, offsets, outputs });
}

async function seen(log) {
  const keys = [];
  for (const partition of [0, 1]) {
    const { highWatermark } = await log.offsets({ topic, partition });
    const found = [];
    for (let from = 0; from < highWatermark; ) {
      const { batches } = await log.read({ topic, partition, from, bytesMax: 1, waitMs: 0 });
      for (const { bytes, nextOffset } of batches) {
        found.push(PackedRecords.of(bytes).key(0));
        from = nextOffset;
      }
    }
    keys.push(found.join(' '));
  }
  const [committed] = await log.committed('group', [at]);
  return { keys, committed };
}

const codeOf = (promise) => promise.then(() => 'none').catch((error) => error.code);
const report = {};
writeFileSync(`${folder}/filler`, Buffer.alloc(12 << 20));
let log = await open();
await log.ensureTopics([{ topic, partitions: 2, cleanup: 'delete', retentionMs: 0 }]);
await join(log);
let next = 0;
report.failed = 'none';
while (report.failed === 'none') {
  report.failed = await codeOf(commit(log, next));
  if (report.failed === 'none') next += 1;
}
report.acknowledged = next;
report.failedAgain = await codeOf(commit(log, next));
report.whileFull = await seen(log);
rmSync(`${folder}/filler`);
for (let i = 0; i < 5; i++) await commit(log, next + i);
report.afterRoom = await seen(log);
await log.close();
log = await open();
report.reopened = await seen(log);
await log.close();
process.stdout.write(JSON.stringify(report));
