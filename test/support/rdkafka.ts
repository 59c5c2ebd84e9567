/**
 * The oracle: node-rdkafka, a Kafka client that shares no code with ours. It is compiled when it is
 * missing (`tools/install-rdkafka.mjs`: two minutes; `npm test` does it beforehand).
 *
 *     await createTopic(bootstrap, { topic: 'a', partitions: 4, replicas: 1, config: {…} })
 *     await produce(bootstrap, 'a', [{ partition: 0, key: 'k', value: 'v', timestampMs: 1 }],
 *                   { compression: 'lz4' })
 *     await produceTransaction(bootstrap, 'a', records, { end: 'commit' | 'abort' })
 *     const open = await OracleProducer.connect(bootstrap, { transactionalId: 'x' })
 *     await open.begin(); await open.send('a', records); await open.commit(); await open.close()
 *     const records = await consumeAll(bootstrap, 'a', { isolation: 'read_committed' })
 *
 * `config` of each call takes librdkafka's settings, for SASL and TLS. It loads in one thread of a
 * process only: use it from test files, not from worker threads.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { systemClock as clock } from '../../src/core/clock.ts';

/** Waits for brokers that are busy starting, or restarting, are part of a test. */
export const TIMEOUT_MS = 60_000;
/** Outages are part of some tests: whoever sends through one waits for its end. */
const SEND_TIMEOUT_MS = 240_000;
const RETRY_MS = 200;
const POLL_MS = 10;
const CONSUME_TIMEOUT_MS = 50;

export type Settings = Readonly<Record<string, string | number | boolean>>;
type Done<T = unknown> = (error: Error | null, result: T) => void;

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export interface OracleRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestampMs: number;
  readonly headers: readonly Readonly<Record<string, Buffer>>[];
}

export interface RecordToSend {
  /** Without one, the partitioner chooses by the key. */
  readonly partition?: number;
  readonly key?: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly timestampMs?: number;
  readonly headers?: readonly Readonly<Record<string, string | Buffer>>[];
}

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicas?: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface ProducerOptions {
  readonly compression?: Compression;
  readonly transactionalId?: string;
  readonly config?: Settings;
  /** Of one call of `send`: an idempotent producer of librdkafka may wait for ever. */
  readonly sendTimeoutMs?: number;
}

export interface Message {
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
  readonly headers?: readonly Readonly<Record<string, Buffer>>[];
}

interface Metadata {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly id: number }[];
  }[];
}

interface Client {
  connect(options: object, done: Done): void;
  disconnect(done: Done): void;
  getMetadata(options: object, done: Done<Metadata>): void;
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeoutMs: number,
    done: Done<{ readonly highOffset: number }>,
  ): void;
  on(event: string, listener: (...args: never[]) => void): void;
}

export interface Consumer extends Client {
  subscribe(topics: readonly string[]): void;
  assignments(): readonly { readonly partition: number }[];
  assign(partitions: readonly object[]): void;
  consume(): void;
  consume(count: number, done: Done<readonly Message[]>): void;
  setDefaultConsumeTimeout(timeoutMs: number): void;
  commitSync(offsets: readonly GroupOffset[]): void;
}

export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  /** The next one to be read. */
  readonly offset: number;
}

interface Producer extends Client {
  produce(...message: readonly unknown[]): void;
  setPollInterval(intervalMs: number): void;
  initTransactions(timeoutMs: number, done: Done): void;
  beginTransaction(done: Done): void;
  commitTransaction(timeoutMs: number, done: Done): void;
  abortTransaction(timeoutMs: number, done: Done): void;
}

interface Admin {
  createTopic(topic: object, timeoutMs: number, done: Done): void;
  disconnect(): void;
}

interface Rdkafka {
  readonly KafkaConsumer: new (config: object, topicConfig: object) => Consumer;
  readonly Producer: new (config: object, topicConfig: object) => Producer;
  readonly AdminClient: { create(config: object): Admin };
}

let loaded: Rdkafka | undefined;

export function rdkafka(): Rdkafka {
  if (loaded === undefined) {
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const install = ['tools/install-rdkafka.mjs'];
    const folder = execFileSync(process.execPath, install, { stdio: [...stdio] });
    const load = createRequire(join(folder.toString().trim(), 'package.json'));
    loaded = load('node-rdkafka') as Rdkafka;
  }
  return loaded;
}

/** A promise of what a call with a callback at its end gives. */
export function called<T = unknown>(call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    // Its errors are instances of its own class without a stack of the caller.
    call((error, result) =>
      error ? reject(new Error(error.message, { cause: error })) : resolve(result),
    );
  });
}

async function retried<T>(call: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await clock.sleep(RETRY_MS);
    }
  }
}

/** @returns whether it was settled by then */
async function isSettledWithin(ms: number, promise: Promise<void>): Promise<boolean> {
  const waiting = new AbortController();
  const inTime = promise.then(() => true);
  const late = clock.sleep(ms, waiting.signal).then(() => false);
  return Promise.race([inTime, late]).finally(() => waiting.abort());
}

export async function createTopic(
  bootstrap: string,
  { topic, partitions, replicas = 1, config = {} }: NewTopic,
  settings: Settings = {},
): Promise<void> {
  const admin = rdkafka().AdminClient.create({ ...settings, 'metadata.broker.list': bootstrap });
  const made = { topic, num_partitions: partitions, replication_factor: replicas, config };
  await called((done) => admin.createTopic(made, TIMEOUT_MS, done)).finally(() =>
    admin.disconnect(),
  );
}

/**
 * Every record from the beginning up to where the log ended when it was reached: with
 * `read_committed` before the first open transaction. By partition, then by offset.
 */
export async function consumeAll(
  bootstrap: string,
  topic: string,
  options: {
    readonly isolation?: 'read_committed' | 'read_uncommitted';
    readonly config?: Settings;
  } = {},
): Promise<readonly OracleRecord[]> {
  const { KafkaConsumer } = rdkafka();
  const consumer = new KafkaConsumer(
    {
      ...options.config,
      'metadata.broker.list': bootstrap,
      'group.id': 'oracle',
      'enable.auto.commit': false,
      'enable.partition.eof': true,
      'isolation.level': options.isolation ?? 'read_committed',
      'fetch.wait.max.ms': 10,
    },
    { 'auto.offset.reset': 'error' },
  );
  await called((done) => consumer.connect({ timeout: TIMEOUT_MS }, done));
  try {
    return await readToEnd(consumer, topic);
  } finally {
    await called((done) => consumer.disconnect(done));
  }
}

/** As `kafka-consumer-groups --reset-offsets`: of a group without members. */
export async function setOffsets(
  bootstrap: string,
  group: string,
  offsets: readonly GroupOffset[],
): Promise<void> {
  const { KafkaConsumer } = rdkafka();
  const config = { 'metadata.broker.list': bootstrap, 'group.id': group };
  const consumer = new KafkaConsumer({ ...config, 'enable.auto.commit': false }, {});
  await called((done) => consumer.connect({ timeout: TIMEOUT_MS }, done));
  try {
    consumer.commitSync(offsets);
  } finally {
    await called((done) => consumer.disconnect(done));
  }
}

/**
 * The high watermark of each partition, from 0 to `partitions` - 1. A broker that has just come
 * back leads nothing for a moment: it is asked again until `TIMEOUT_MS` are over.
 */
export async function logEnds(
  bootstrap: string,
  topic: string,
  partitions: number,
): Promise<readonly number[]> {
  const { Producer } = rdkafka();
  const client = new Producer({ 'metadata.broker.list': bootstrap }, {});
  await called((done) => client.connect({ timeout: TIMEOUT_MS }, done));
  try {
    const ends: number[] = [];
    for (let partition = 0; partition < partitions; partition += 1) {
      const { highOffset } = await retried(() =>
        called<{ readonly highOffset: number }>((done) =>
          client.queryWatermarkOffsets(topic, partition, TIMEOUT_MS, done),
        ),
      );
      ends.push(highOffset);
    }
    return ends;
  } finally {
    await called((done) => client.disconnect(done));
  }
}

async function readToEnd(consumer: Consumer, topic: string): Promise<readonly OracleRecord[]> {
  const metadata = await called<Metadata>((done) =>
    consumer.getMetadata({ topic, timeout: TIMEOUT_MS }, done),
  );
  const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
  if (partitions.length === 0) throw new Error(`there is no topic ${topic}`);
  const pending = new Set(partitions.map(({ id }) => id));
  consumer.on('partition.eof', ({ partition }: { readonly partition: number }) => {
    pending.delete(partition);
  });
  consumer.setDefaultConsumeTimeout(CONSUME_TIMEOUT_MS);
  // -2 is the beginning.
  consumer.assign(partitions.map(({ id }) => ({ topic, partition: id, offset: -2 })));
  const records: OracleRecord[] = [];
  while (pending.size > 0) {
    const messages = await called<readonly Message[]>((done) => consumer.consume(1000, done));
    records.push(...messages.map(recordOf));
  }
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

export function recordOf(message: Message): OracleRecord {
  const { partition, offset, key, value, timestamp, headers = [] } = message;
  return { partition, offset, key, value, timestampMs: timestamp, headers };
}

export class OracleProducer {
  readonly #producer: Producer;
  readonly #sendTimeoutMs: number;
  #reports: (() => void) | undefined;
  #failure: Error | undefined;
  #pending = 0;

  private constructor(producer: Producer, sendTimeoutMs: number) {
    this.#producer = producer;
    this.#sendTimeoutMs = sendTimeoutMs;
    producer.on('delivery-report', (error: Error | null) => {
      if (error) this.#failure ??= new Error(error.message, { cause: error });
      this.#pending -= 1;
      if (this.#pending === 0) this.#reports?.();
    });
    producer.on('event.error', () => {}); // what matters of it comes back from the calls
  }

  /** With a transactional id it fences earlier producers of the same id. */
  static async connect(bootstrap: string, options: ProducerOptions = {}): Promise<OracleProducer> {
    const { compression = 'none', transactionalId, config } = options;
    const { Producer } = rdkafka();
    const producer = new Producer(
      {
        ...config,
        'metadata.broker.list': bootstrap,
        'compression.codec': compression,
        'linger.ms': 5,
        dr_cb: true,
        ...(transactionalId !== undefined && { 'transactional.id': transactionalId }),
      },
      {},
    );
    await called((done) => producer.connect({ timeout: TIMEOUT_MS }, done));
    producer.setPollInterval(POLL_MS);
    if (transactionalId !== undefined) {
      await called((done) => producer.initTransactions(TIMEOUT_MS, done));
    }
    return new OracleProducer(producer, options.sendTimeoutMs ?? SEND_TIMEOUT_MS);
  }

  begin(): Promise<unknown> {
    return called((done) => this.#producer.beginTransaction(done));
  }

  /** Resolves when the broker has them all. @throws Error of the first that it refused */
  async send(topic: string, records: readonly RecordToSend[]): Promise<void> {
    if (records.length === 0) return;
    this.#failure = undefined;
    this.#pending = records.length;
    const reported = new Promise<void>((resolve) => {
      this.#reports = resolve;
    });
    for (const { partition, key, value, timestampMs, headers } of records) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      const at = [topic, partition ?? null] as const;
      this.#producer.produce(...at, bytes, key ?? null, timestampMs, undefined, headers ?? []);
    }
    const isInTime = await isSettledWithin(this.#sendTimeoutMs, reported);
    if (!isInTime) throw new Error(`not sent within ${this.#sendTimeoutMs} ms`);
    if (this.#failure !== undefined) throw this.#failure;
  }

  commit(): Promise<unknown> {
    return called((done) => this.#producer.commitTransaction(TIMEOUT_MS, done));
  }

  abort(): Promise<unknown> {
    return called((done) => this.#producer.abortTransaction(TIMEOUT_MS, done));
  }

  /** An open transaction stays open, until the broker's time for it is over. */
  async close(): Promise<void> {
    await called((done) => this.#producer.disconnect(done));
  }
}

export async function produce(
  bootstrap: string,
  topic: string,
  records: readonly RecordToSend[],
  options: ProducerOptions = {},
): Promise<void> {
  const producer = await OracleProducer.connect(bootstrap, options);
  try {
    await producer.send(topic, records);
  } finally {
    await producer.close();
  }
}

/** One transaction, committed or aborted. */
export async function produceTransaction(
  bootstrap: string,
  topic: string,
  records: readonly RecordToSend[],
  options: ProducerOptions & { readonly end: 'commit' | 'abort' },
): Promise<void> {
  const transactionalId = options.transactionalId ?? `oracle-${topic}`;
  const producer = await OracleProducer.connect(bootstrap, { ...options, transactionalId });
  try {
    await producer.begin();
    await producer.send(topic, records);
    await (options.end === 'commit' ? producer.commit() : producer.abort());
  } finally {
    await producer.close();
  }
}
