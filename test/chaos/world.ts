/** A real broker, a real object store, the network between, and load: what faults happen to. */
import { systemClock as clock } from '../../src/core/clock.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { type MinioServer, startMinio } from '../support/minio-server.ts';
import { createTopic, logEnds, OracleProducer, type RecordToSend } from '../support/rdkafka.ts';
import { type Proxy, startToxiproxy, type Toxiproxy } from '../support/toxiproxy.ts';
import { type CalmRun, PARTITIONS } from './calm.ts';

const TICK_MS = 50;
/** Longer than any outage that a schedule makes. */
const SEND_TIMEOUT_MS = 60_000;
const SETTLE_MS = 500;
const RESUMED_MAX = 5;

export interface LoadTarget {
  readonly bootstrap: string;
  readonly sendTimeoutMs?: number;
}

export class World {
  readonly kafka: KafkaBroker;
  readonly minio: MinioServer;
  /** Between the members and the brokers; the load and the verdict go past it. */
  readonly brokerRoutes: readonly Proxy[];
  readonly storeRoute: Proxy;
  readonly #toxiproxy: Toxiproxy;

  private constructor(parts: {
    kafka: KafkaBroker;
    minio: MinioServer;
    toxiproxy: Toxiproxy;
    brokerRoutes: readonly Proxy[];
    storeRoute: Proxy;
  }) {
    this.kafka = parts.kafka;
    this.minio = parts.minio;
    this.#toxiproxy = parts.toxiproxy;
    this.brokerRoutes = parts.brokerRoutes;
    this.storeRoute = parts.storeRoute;
  }

  static async start(): Promise<World> {
    const [kafka, minio, toxiproxy] = await Promise.all([
      startKafka({ proxied: true }),
      startMinio(),
      startToxiproxy(),
    ]);
    const brokerRoutes = await toxiproxy.proxyAll(kafka.routes);
    const storeRoute = await toxiproxy.proxy(minio.address);
    return new World({ kafka, minio, toxiproxy, brokerRoutes, storeRoute });
  }

  /** `--set` flags of a member: the store through the proxy. */
  get storeSettings(): readonly string[] {
    return [
      `--set=s3.bucket=${this.minio.bucket}`,
      `--set=s3.endpoint=http://${this.storeRoute.address}`,
      '--set=s3.pathStyle=true',
      '--set=s3.deadlineMs=10000',
    ];
  }

  /** The topics, with the profiles in theirs. */
  async prepare(calm: CalmRun): Promise<void> {
    const { bootstrap } = this.kafka;
    for (const topic of ['transactions', 'users', 'cards'] as const) {
      const config = { 'cleanup.policy': topic === 'transactions' ? 'delete' : 'compact' };
      await createTopic(bootstrap, { topic, partitions: PARTITIONS, config });
      if (topic === 'transactions') continue;
      const producer = await OracleProducer.connect(bootstrap);
      await producer.send(topic, calm.input[topic]);
      await producer.close();
    }
  }

  async remove(): Promise<void> {
    await Promise.all([this.kafka.remove(), this.minio.remove(), this.#toxiproxy.remove()]);
  }
}

/**
 * Sends the payments at a rate until all are sent; an outage of the broker delays them, and doubles
 * none: the producer is idempotent, and where it gives up, what the log has tells how to go on.
 */
export class Load {
  readonly done: Promise<void>;
  sent = 0;
  /** Producers that gave up. */
  resumed = 0;
  readonly #at: LoadTarget;
  readonly #perTick: number;
  /** Side by side in all partitions, each in its own order. */
  readonly #queues: readonly (readonly RecordToSend[])[];
  /** Of each partition when the load began. Nobody else writes the topic. */
  #begins: readonly number[] = [];

  constructor(at: LoadTarget, calm: CalmRun, ratePerSecond: number) {
    this.#at = at;
    this.#perTick = Math.max(1, Math.round((ratePerSecond * TICK_MS) / 1000 / PARTITIONS));
    this.#queues = Array.from({ length: PARTITIONS }, (_, partition) =>
      calm.input.transactions.filter((record) => record.partition === partition),
    );
    this.done = this.#run();
    // Whoever waits for it hears of a failure.
    this.done.catch(() => undefined);
  }

  async #run(): Promise<void> {
    this.#begins = await this.#ends();
    while (!(await this.#sendRest(await this.#written()))) {
      if (this.resumed === RESUMED_MAX) throw new Error('the load cannot send its payments');
      this.resumed += 1;
    }
  }

  /** @returns whether all of it is in the log; if not, the producer gave up */
  async #sendRest(next: number[]): Promise<boolean> {
    const { bootstrap, sendTimeoutMs = SEND_TIMEOUT_MS } = this.#at;
    const config = { 'enable.idempotence': true, 'message.timeout.ms': 300_000 };
    const producer = await OracleProducer.connect(bootstrap, { config, sendTimeoutMs });
    try {
      for (;;) {
        this.sent = next.reduce((sum, count) => sum + count, 0);
        const batch = this.#queues.flatMap((queue, partition) => {
          const from = next[partition] ?? 0;
          return queue.slice(from, from + this.#perTick);
        });
        if (batch.length === 0) return true;
        const atMs = clock.nowMs();
        const stamped = batch.map((record) => ({ ...record, timestampMs: atMs }));
        const isSent = await producer.send('transactions', stamped).then(
          () => true,
          () => false,
        );
        if (!isSent) return false;
        for (const { partition = 0 } of batch) next[partition] = (next[partition] ?? 0) + 1;
        await clock.sleep(TICK_MS);
      }
    } finally {
      await producer.close();
    }
  }

  /** How many of each partition the log has, once what was under way has arrived. */
  async #written(): Promise<number[]> {
    let ends = await this.#ends();
    for (;;) {
      await clock.sleep(SETTLE_MS);
      const later = await this.#ends();
      if (later.every((end, partition) => end === ends[partition])) break;
      ends = later;
    }
    return ends.map((end, partition) => end - (this.#begins[partition] ?? 0));
  }

  #ends(): Promise<readonly number[]> {
    return logEnds(this.#at.bootstrap, 'transactions', PARTITIONS);
  }
}
