/**
 * What the embedded log costs: node dist/test/bench/log.js [appends]
 * Payments of 262 bytes by the batch of 500, as a loader writes them, and commits of 20 outputs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import type { Log } from '../../src/core/log.ts';
import { PackedRecordsBuilder } from '../../src/core/records.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';

const RECORDS = 500;
const appends = Number(process.argv[2] ?? 400);

function batch(records: number, valueBytes: number): Uint8Array {
  const builder = new PackedRecordsBuilder();
  // Text like a payment's: half digits that differ, half names that repeat.
  for (let i = 0; i < records; i++) {
    const digits = `${i * 2_654_435_761}`.padEnd(valueBytes / 2, `${i * 40_503}`);
    const value = digits.slice(0, valueBytes / 2).padEnd(valueBytes, '"merchant_city":"La Verne",');
    builder.add({ key: `${i}`, value, timestampMs: i });
  }
  return builder.finish();
}

async function measured(name: string, count: number, work: (i: number) => Promise<unknown>) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < count; i++) await work(i);
  const wallUs = ((performance.now() - start) * 1000) / count;
  const { user, system } = process.cpuUsage(cpu);
  const line = `${wallUs.toFixed(0)} us wall, ${((user + system) / count).toFixed(0)} us CPU`;
  console.log(`${name.padEnd(52)} ${line}`);
}

async function readThrough(log: Log, name: string): Promise<void> {
  let from = 0;
  const reads = Math.floor(appends / 8);
  await measured(name, reads, async () => {
    const read = await log.read({ topic: 'in', partition: 0, from, bytesMax: 1 << 20, waitMs: 0 });
    from = read.batches.at(-1)?.nextOffset ?? 0;
  });
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'shrike-bench-'));
  for (const sync of ['interval', 'commit'] as const) {
    const options = { sync, syncIntervalMs: 100, clock: systemClock };
    let log = await openEmbeddedLog(`${folder}/${sync}`, options);
    const topic = (name: string, partitions: number) =>
      ({ topic: name, partitions, cleanup: 'delete', retentionMs: 0 }) as const;
    await log.ensureTopics([topic('in', 1), topic('out', 20)]);
    const records = batch(RECORDS, 262);
    const kilobytes = (records.byteLength / 1024).toFixed(0);
    await measured(`sync ${sync}: append ${RECORDS} x 262 bytes (${kilobytes} KiB)`, appends, () =>
      log.append([{ topic: 'in', partition: 0, records }]),
    );
    const listener = { assigned: () => undefined, revoked: async () => undefined };
    const { owner } = await log.join('bench', 'in', listener);
    const outputs = Array.from({ length: 20 }, (_, partition) => ({
      topic: 'out',
      partition,
      records: batch(20, 150),
    }));
    await measured(`sync ${sync}: commit of 20 outputs of 20 records`, appends, (i) =>
      log.commit({
        group: 'bench',
        owner,
        offsets: [{ topic: 'in', partition: 0, nextOffset: i }],
        outputs,
      }),
    );
    await log.close();
    const openStart = performance.now();
    log = await openEmbeddedLog(`${folder}/${sync}`, options);
    console.log(`opened in ${(performance.now() - openStart).toFixed(0)} ms`);
    await readThrough(log, `sync ${sync}: read of 1 MiB from disk`);
    await log.close();
  }
  rmSync(folder, { recursive: true });
}

await main();
