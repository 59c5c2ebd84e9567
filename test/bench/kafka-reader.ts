/**
 * What reading from Kafka costs: node dist/test/bench/kafka-reader.js HOST:PORT [records]
 * Makes a topic of 8 partitions, fills it with payments of 262 bytes, drains it, then sends single
 * records to one partition after the other while all are waited for, and deletes nothing: take a
 * broker of your own (deploy/local/kafka.sh).
 */
import { systemClock as clock } from '../../src/core/clock.ts';
import { KafkaAdmin } from '../../src/log/kafka/admin/admin.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import { KafkaReader } from '../../src/log/kafka/reader/reader.ts';
import { PRODUCE } from '../../src/log/kafka/transactions/messages.ts';
import type { Api } from '../../src/log/kafka/wire/api.ts';
import { encodeBatch } from '../support/kafka-batches.ts';

const PARTITIONS = 8;
const BATCH = 500;
/** A partition that was served asks again after so long, as a task that works on what it got. */
const WORK_MS = 5;
const [address = '127.0.0.1:9092', count = '800000'] = process.argv.slice(2);
const [host = '', port] = address.split(':');
const cluster = new Cluster({
  settings: {
    bootstrap: [{ host, port: Number(port) }],
    clientId: 'bench',
    tls: undefined,
    sasl: undefined,
  },
  clock,
  requestTimeoutMs: 30_000,
});
const topic = `bench-reader-${clock.nowMs()}`;

type Answers = ReturnType<typeof PRODUCE.decode>;

const SEND: Api<{ partition: number; batch: Uint8Array }, Answers> = {
  ...PRODUCE,
  encode: (to, { partition, batch }) =>
    to
      .nullableString(null)
      .i16(-1)
      .i32(10_000)
      .array([topic], () =>
        to
          .string(topic)
          .array([batch], (bytes) => to.i32(partition).bytesField(bytes).tags())
          .tags(),
      )
      .tags(),
};

async function send(partition: number, keys: readonly string[]): Promise<void> {
  const records = keys.map((key, offset) => {
    const value = `{"idx":${key},"user":${key}}`.padEnd(262, ' 0123456789');
    return { offset, timestampMs: 1_700_000_000_000 + offset, key, value };
  });
  const batch = encodeBatch({ baseOffset: 0, records });
  for (;;) {
    const leader = await cluster.leader({ topic, partition });
    const [answer] = await cluster.call({ node: leader, lane: 'produce' }, SEND, {
      partition,
      batch,
    });
    if (answer?.error === 0) return;
    cluster.forgetTopic(topic); // its leader does not know of it yet
    await clock.sleep(50);
  }
}

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);

async function drain(): Promise<void> {
  const reader = new KafkaReader({ cluster, clock });
  const cpu = process.cpuUsage();
  const start = performance.now();
  let records = 0;
  let reads = 0;
  const all = partitions.map(async (partition) => {
    const { highWatermark } = await reader.offsets({ topic, partition });
    const ask = (from: number) =>
      reader.read({ topic, partition, from, bytesMax: 1 << 20, waitMs: 250 });
    let next = ask(0);
    for (let from = 0; from < highWatermark; ) {
      const read = await next;
      reads += 1;
      from = read.batches.at(-1)?.nextOffset ?? from;
      if (from < highWatermark) next = ask(from);
      for (const { bytes } of read.batches) records += new Uint32Array(bytes.buffer, 8, 1)[0] ?? 0;
    }
  });
  await Promise.all(all);
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const us = (time: number) => (time / records).toFixed(2);
  console.log(
    `drain: ${records} records, ${reads} reads, ${(records / wallMs).toFixed(0)} records/ms; ` +
      `CPU us a record: ${us(user + system)} (user ${us(user)}, system ${us(system)})`,
  );
  await reader.close();
}

async function trickle(everyMs: number, sends: number): Promise<void> {
  const reader = new KafkaReader({ cluster, clock });
  let isOver = false;
  let onRecord: (nowMs: number) => void = () => undefined;
  const waiting = partitions.map(async (partition) => {
    let from = (await reader.offsets({ topic, partition })).highWatermark;
    while (!isOver) {
      const read = await reader.read({ topic, partition, from, bytesMax: 1 << 20, waitMs: 250 });
      for (const batch of read.batches) {
        onRecord(performance.now());
        from = batch.nextOffset;
        await clock.sleep(WORK_MS);
      }
    }
  });
  await clock.sleep(1000);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const latencies: number[] = [];
  for (let i = 0; i < sends; i++) {
    const seen = new Promise<number>((resolve) => {
      onRecord = resolve;
    });
    await send((i * 5) % PARTITIONS, [`${i}`]);
    // Acknowledged is visible: what the reader adds comes after.
    const sentMs = performance.now();
    latencies.push(Math.max(0, (await seen) - sentMs));
    await clock.sleep(everyMs);
  }
  const { user, system } = process.cpuUsage(cpu);
  const share = (user + system) / 10 / (performance.now() - start);
  isOver = true;
  await Promise.all(waiting);
  await reader.close();
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.floor(q * (sends - 1))]?.toFixed(2);
  console.log(
    `trickle, one record each ${everyMs} ms: ms from acknowledged to read: ` +
      `p50 ${quantile(0.5)}, p90 ${quantile(0.9)}, p99 ${quantile(0.99)}, max ${quantile(1)}; ` +
      `${share.toFixed(1)} % of a core, sender included`,
  );
}

const admin = new KafkaAdmin({ cluster, clock, replicationFactor: 1, patienceMs: 30_000 });
const spec = { topic, partitions: PARTITIONS, cleanup: 'delete', retentionMs: 0 } as const;
await admin.ensureTopics([spec]);
for (let sent = 0; sent < Number(count); sent += BATCH) {
  const keys = Array.from({ length: BATCH }, (_, i) => `${sent + i}`);
  await send((sent / BATCH) % PARTITIONS, keys);
}
for (let round = 0; round < 4; round++) await drain();
for (const everyMs of [10, 3]) await trickle(everyMs, 300);
await cluster.close();
