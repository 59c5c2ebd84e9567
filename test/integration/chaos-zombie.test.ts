/**
 * A member whose heartbeats do not get through while everything else does: the one that the lease
 * and the generation are for, and that no freeze of a whole process makes. Two processes behind a
 * proxy that knows the protocol; needs `npx tsc -b`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.ts';
import { KafkaAdmin } from '../../src/log/kafka/admin/admin.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import { type CalmRun, calmRun, PARTITIONS } from '../chaos/calm.ts';
import { Fleet } from '../chaos/fleet.ts';
import { EXACTLY_ONCE, verdictOf } from '../chaos/verdict.ts';
import { until } from '../support/command-line.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { bootstrapOf } from '../support/kafka-log.ts';
import { type Fate, KafkaRequestProxy, type SeenRequest } from '../support/kafka-request-proxy.ts';
import { startMinio } from '../support/minio-server.ts';
import { createTopic, OracleProducer } from '../support/rdkafka.ts';

const APPLICATION = 'zombie';
const PAYMENTS = 12_000;
const API = { join: 11, heartbeat: 12, sync: 14, commitOffsets: 28 };

const folder = mkdtempSync(join(tmpdir(), 'shrike-zombie-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Nothing of it is answered; what would wait a minute for that fails at once. */
function unheard(apiKey: number): Fate | undefined {
  if (apiKey === API.heartbeat) return 'swallow';
  return apiKey === API.join || apiKey === API.sync ? 'lose-request' : undefined;
}

/** What a member asks for bears its name: its instance id, or a transactional id made of it. */
const isOf = ({ frame }: SeenRequest, member: string) => frame.includes(member);

/** A trickle until `finish`, then all that is left at once. */
class Trickle {
  readonly done: Promise<void>;
  #isOver = false;

  constructor(bootstrap: string, calm: CalmRun) {
    this.done = this.#run(bootstrap, calm);
    this.done.catch(() => undefined); // whoever waits for it hears of it
  }

  finish(): Promise<void> {
    this.#isOver = true;
    return this.done;
  }

  async #run(bootstrap: string, { input }: CalmRun): Promise<void> {
    const producer = await OracleProducer.connect(bootstrap, {
      config: { 'enable.idempotence': true },
    });
    const queues = Array.from({ length: PARTITIONS }, (_, partition) =>
      input.transactions.filter((record) => record.partition === partition),
    );
    while (queues.some((queue) => queue.length > 0)) {
      const count = this.#isOver ? 1000 : 1;
      await producer.send(
        'transactions',
        queues.flatMap((queue) => queue.splice(0, count)),
      );
      if (!this.#isOver) await clock.sleep(100);
    }
    await producer.close();
  }
}

class Committed {
  readonly #cluster: Cluster;
  readonly #admin: KafkaAdmin;

  constructor({ bootstrap }: KafkaBroker) {
    const settings = bootstrapOf(bootstrap);
    this.#cluster = new Cluster({ settings, clock, requestTimeoutMs: 10_000 });
    const patient = { cluster: this.#cluster, clock, patienceMs: 30_000 };
    this.#admin = new KafkaAdmin({ ...patient, replicationFactor: 1 });
  }

  async all(): Promise<readonly number[]> {
    const of = Array.from({ length: PARTITIONS }, (_, p) => ({
      topic: 'transactions',
      partition: p,
    }));
    const found = await this.#admin.committed(APPLICATION, of, { asOfNow: true });
    return found.map((offset) => offset ?? 0);
  }

  /** Resolves when somebody has committed for every partition since. */
  async everywhere(): Promise<void> {
    const before = await this.all();
    await until(async () => (await this.all()).every((offset, p) => offset > (before[p] ?? 0)));
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }
}

test('a member that only its heartbeats are cut off from lets go in time, and what it had under way is refused', {
  timeout: 300_000,
}, async () => {
  const calm = await calmRun(folder, { payments: PAYMENTS, seed: 3 });
  const [kafka, minio] = await Promise.all([startKafka({ proxied: true }), startMinio()]);
  const proxy = await KafkaRequestProxy.start(kafka.routes[0] as (typeof kafka.routes)[0]);
  const committed = new Committed(kafka);
  const fleet = new Fleet({
    folder,
    application: APPLICATION,
    bootstrap: kafka.proxiedBootstrap,
    // The broker must not be the one that ends the zombie's transaction.
    store: [...minio.settings(), '--set', 'kafka.transactionTimeoutMs=120000'],
    env: minio.env,
  });
  try {
    for (const topic of ['transactions', 'users', 'cards'] as const) {
      const config = { 'cleanup.policy': topic === 'transactions' ? 'delete' : 'compact' };
      await createTopic(kafka.bootstrap, { topic, partitions: PARTITIONS, config });
      if (topic === 'transactions') continue;
      const producer = await OracleProducer.connect(kafka.bootstrap);
      await producer.send(topic, calm.input[topic]);
      await producer.close();
    }
    fleet.start('member-one');
    const load = new Trickle(kafka.bootstrap, calm);
    await committed.everywhere();

    // 1: its commits get through, and it must know by itself that it may not make them any more.
    let isTakenOver = false;
    let commitsAfter = 0;
    proxy.rule = (request): Fate => {
      const { apiKey } = request;
      if (apiKey === API.commitOffsets && isOf(request, 'member-two')) isTakenOver = true;
      if (!isOf(request, 'member-one')) return 'pass';
      if (apiKey === API.commitOffsets && isTakenOver) commitsAfter += 1;
      return unheard(apiKey) ?? 'pass';
    };
    fleet.start('member-two');
    await until(() => isTakenOver);
    await committed.everywhere();
    expect(commitsAfter).toBe(0);

    // 2: a commit of its is on the way while it may make it, and arrives when it may not.
    proxy.rule = () => 'pass';
    const one = { isBack: false, isHeld: false };
    proxy.rule = (request): Fate => {
      if (request.apiKey === API.commitOffsets && isOf(request, 'member-one')) one.isBack = true;
      return 'pass';
    };
    await until(() => one.isBack);
    proxy.rule = (request): Fate => {
      const { apiKey } = request;
      if (!isOf(request, 'member-one')) return 'pass';
      if (one.isHeld) return unheard(apiKey) ?? 'pass';
      if (apiKey !== API.commitOffsets) return 'pass';
      one.isHeld = true;
      return 'held-request';
    };
    await until(() => one.isHeld);
    await committed.everywhere();
    await committed.everywhere();
    proxy.deliverHeld();
    proxy.rule = () => 'pass';

    await load.finish();
    await until(async () => {
      return (await committed.all()).reduce((sum, offset) => sum + offset, 0) >= PAYMENTS;
    });
    expect(await fleet.stop()).toEqual([0, 0]);
    expect(await verdictOf({ bootstrap: kafka.bootstrap, minio }, APPLICATION, calm)).toEqual(
      EXACTLY_ONCE,
    );
  } finally {
    await fleet.kill();
    await committed.close();
    await proxy.stop();
    await Promise.all([kafka.remove(), minio.remove()]);
  }
});
