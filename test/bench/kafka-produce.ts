/**
 * What a commit to Kafka costs: node dist/test/bench/kafka-produce.js HOST:PORT [commits]
 * Records of 30 bytes in 8 partitions, in transactions, ours and node-rdkafka's; then the time a
 * small commit takes, with offsets. It deletes nothing: take a broker of your own
 * (deploy/local/kafka.sh).
 */
import { systemClock as clock } from '../../src/core/clock.ts';
import { seeded } from '../../src/core/random.ts';
import { PackedRecords, PackedRecordsBuilder } from '../../src/core/records.ts';
import { KafkaAdmin } from '../../src/log/kafka/admin/admin.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import { TransactionalProducer } from '../../src/log/kafka/transactions/producer.ts';
import {
  BatchEncoder,
  batchBytesBound,
  seal,
} from '../../src/log/kafka/transactions/record-batch.ts';
import { bootstrapOf } from '../support/kafka-log.ts';
import { called, rdkafka } from '../support/rdkafka.ts';

const PARTITIONS = 8;
const RECORDS = 2500;
const [bootstrap = '127.0.0.1:9092', count = '40'] = process.argv.slice(2);
const commits = Number(count);
const settings = bootstrapOf(bootstrap);
const cluster = new Cluster({ settings, clock, requestTimeoutMs: 30_000 });
const name = `bench-produce-${clock.nowMs()}`;
const value = '{"score":0.0123,"idx":123456}}';

function records(size: number): Uint8Array {
  const builder = new PackedRecordsBuilder();
  for (let i = 0; i < size; i++) builder.add({ key: `${i % 997}`, value, timestampMs: 1e12 + i });
  return builder.finish();
}

function outputs(size: number) {
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    return { topic: name, partition, records: records(size) };
  });
}

async function measured(what: string, size: number, work: () => Promise<unknown>): Promise<void> {
  // Until what is hot is compiled.
  for (let done = 0; done < 200_000; done += size) await work();
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < commits; i++) await work();
  const wallUs = ((performance.now() - start) * 1000) / commits / size;
  const { user, system } = process.cpuUsage(cpu);
  const cpuUs = (user + system) / commits / size;
  console.log(
    `${what.padEnd(44)} ${cpuUs.toFixed(2)} us CPU, ${wallUs.toFixed(2)} us wall a record`,
  );
}

async function encoding(): Promise<void> {
  const packed = PackedRecords.of(records(1000));
  const memory = Buffer.alloc(batchBytesBound([packed]));
  await measured('encode and seal, 1,000 records', 1000, async () => {
    const encoder = new BatchEncoder(memory);
    encoder.add(packed);
    for (const { bytes } of encoder.finish()) seal(bytes, { producerId: 1, epoch: 0 }, 0);
  });
}

async function ours(producer: TransactionalProducer): Promise<void> {
  const all = outputs(RECORDS);
  const size = RECORDS * PARTITIONS;
  await measured(`commit of ${size} records`, size, () => producer.commit(all, undefined));
}

async function theirs(): Promise<void> {
  const { Producer } = rdkafka();
  const producer = new Producer(
    {
      'metadata.broker.list': bootstrap,
      'transactional.id': `${name}-rdkafka`,
      'retry.backoff.ms': 1,
      'retry.backoff.max.ms': 5,
      'linger.ms': 5,
      'queue.buffering.max.messages': 1_000_000,
    },
    {},
  );
  await called((done) => producer.connect({ timeout: 30_000 }, done));
  await called((done) => producer.initTransactions(30_000, done));
  const bytes = Buffer.from(value);
  const size = RECORDS * PARTITIONS;
  await measured(`node-rdkafka, ${size} records`, size, async () => {
    await called((done) => producer.beginTransaction(done));
    for (let i = 0; i < size; i++) {
      producer.produce(name, i % PARTITIONS, bytes, `${i % 997}`, 1e12 + i);
    }
    await called((done) => producer.commitTransaction(30_000, done));
  });
  await called((done) => producer.disconnect(done));
}

async function latency(producer: TransactionalProducer): Promise<void> {
  const took: number[] = [];
  for (let i = 0; i < commits * 10; i++) {
    const offsets = Array.from({ length: PARTITIONS }, (_, partition) => {
      return { topic: name, partition, nextOffset: i + 1 };
    });
    const all = outputs(5);
    const generation = () => ({ generation: -1, memberId: '', instanceId: null });
    const start = performance.now();
    await producer.commit(all, { group: `${name}-group`, generation, offsets });
    took.push(performance.now() - start);
  }
  const sorted = took.slice(took.length / 10).sort((a, b) => a - b);
  const quantile = (q: number) => (sorted[Math.floor(sorted.length * q)] ?? 0).toFixed(1);
  const what = `commit of 40 records and ${PARTITIONS} offsets`;
  console.log(`${what.padEnd(44)} p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`);
}

async function main(): Promise<void> {
  const admin = new KafkaAdmin({ cluster, clock, replicationFactor: -1, patienceMs: 30_000 });
  const topic = { topic: name, partitions: PARTITIONS, cleanup: 'delete', retentionMs: 0 } as const;
  await admin.ensureTopics([topic]);
  const producer = new TransactionalProducer({
    cluster,
    clock,
    random: seeded(1),
    transactionalId: name,
    transactionTimeoutMs: 60_000,
    onTrouble: (error) => console.error(error),
  });
  await encoding();
  await ours(producer);
  await theirs();
  await latency(producer);
  await producer.close();
  await cluster.close();
}

await main();
