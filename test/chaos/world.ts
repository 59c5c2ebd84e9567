/** A real broker, a real object store, the network between, and load: what faults happen to. */
import { systemClock as clock } from '../../src/core/clock.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { type MinioServer, startMinio } from '../support/minio-server.ts';
import { createTopic, OracleProducer } from '../support/rdkafka.ts';
import { type Proxy, startToxiproxy, type Toxiproxy } from '../support/toxiproxy.ts';
import { type CalmRun, PARTITIONS } from './calm.ts';

const TICK_MS = 50;

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
 * none (an idempotent producer).
 */
export class Load {
  readonly done: Promise<void>;
  sent = 0;

  constructor(bootstrap: string, calm: CalmRun, ratePerSecond: number) {
    this.done = this.#run(bootstrap, calm, ratePerSecond);
    // Whoever waits for it hears of a failure.
    this.done.catch(() => undefined);
  }

  async #run(bootstrap: string, calm: CalmRun, ratePerSecond: number): Promise<void> {
    const config = { 'enable.idempotence': true, 'message.timeout.ms': 300_000 };
    const producer = await OracleProducer.connect(bootstrap, { config });
    // Side by side in all partitions, each in its own order.
    const queues = Array.from({ length: PARTITIONS }, (_, partition) =>
      calm.input.transactions.filter((record) => record.partition === partition),
    );
    const perTick = Math.max(1, Math.round((ratePerSecond * TICK_MS) / 1000 / PARTITIONS));
    while (queues.some((queue) => queue.length > 0)) {
      const batch = queues.flatMap((queue) => queue.splice(0, perTick));
      const atMs = clock.nowMs();
      await producer.send(
        'transactions',
        batch.map((record) => ({ ...record, timestampMs: atMs })),
      );
      this.sent += batch.length;
      await clock.sleep(TICK_MS);
    }
    await producer.close();
  }
}
