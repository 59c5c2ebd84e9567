/**
 * A log on a broker behind a proxy, and commits that are easy to count: commit n writes `n` and
 * `n'` to both partitions of the output and moves the input's committed offset to n + 1. What
 * readers see of it is read by node-rdkafka, read committed.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { codeOf } from '../../src/core/errors.ts';
import type { Log, Membership } from '../../src/core/log.ts';
import { seeded } from '../../src/core/random.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import { type KafkaLogOptions, openKafkaLog } from '../../src/log/kafka/log.ts';
import { undecidedIn } from '../../src/log/kafka/transactions/closing.ts';
import {
  TransactionalProducer,
  type TransactionalProducerOptions,
} from '../../src/log/kafka/transactions/producer.ts';
import { specOf } from '../conformance/log-bench.ts';
import { type KafkaBroker, startKafka } from './kafka-broker.ts';
import { bootstrapOf, LOG_OPTIONS } from './kafka-log.ts';
import { KafkaRequestProxy } from './kafka-request-proxy.ts';
import { packed } from './log-records.ts';
import { consumeAll } from './rdkafka.ts';

let benchCount = 0;

export class CommitBench {
  readonly name: string;
  readonly input: { readonly topic: string; readonly partition: number };
  /** Not behind the proxy. */
  readonly cluster: Cluster;
  readonly troubles: unknown[] = [];
  readonly #kafka: KafkaBroker;
  readonly #bootstrap: string;
  readonly #logs: Log[] = [];

  private constructor(kafka: KafkaBroker, bootstrap: string) {
    benchCount += 1;
    this.name = `commits-${process.pid}-${benchCount}`;
    this.input = { topic: `${this.name}-in`, partition: 0 };
    this.#kafka = kafka;
    this.#bootstrap = bootstrap;
    const settings = bootstrapOf(kafka.bootstrap);
    this.cluster = new Cluster({ settings, clock: systemClock, requestTimeoutMs: 5000 });
  }

  static async start(kafka: KafkaBroker, bootstrap = kafka.proxiedBootstrap): Promise<CommitBench> {
    const bench = new CommitBench(kafka, bootstrap);
    const log = await bench.open();
    const topics = [specOf(bench.input.topic, { partitions: 1 }), specOf(bench.output(0).topic)];
    await log.ensureTopics(topics);
    return bench;
  }

  output(partition: number) {
    return { topic: `${this.name}-out`, partition };
  }

  async open(more: Partial<KafkaLogOptions> = {}): Promise<Log> {
    const log = await openKafkaLog({
      settings: bootstrapOf(this.#bootstrap),
      ...LOG_OPTIONS,
      transactionalId: this.name,
      sessionTimeoutMs: 20_000,
      transactionTimeoutMs: 30_000,
      inherits: { topics: [this.output(0).topic], groups: [this.name] },
      random: seeded(benchCount * 100 + this.#logs.length),
      onTrouble: (error) => {
        const isFault = ['LOG_UNAVAILABLE', 'COMMIT_FAILED'].includes(codeOf(error));
        if (!isFault) this.troubles.push(error);
      },
      ...more,
    });
    this.#logs.push(log);
    return log;
  }

  /** Of the same transactional id, past the proxy. */
  twin(more: Partial<TransactionalProducerOptions> = {}): TransactionalProducer {
    return new TransactionalProducer({
      cluster: this.cluster,
      clock: systemClock,
      random: seeded(benchCount),
      transactionalId: this.name,
      transactionTimeoutMs: 30_000,
      onTrouble: (error) => this.troubles.push(error),
      ...more,
    });
  }

  /** Where a former owner of the transactional id may have left something. */
  readonly reach = async () => {
    const partitions = await undecidedIn(this.cluster, [this.output(0).topic]);
    return { groups: [this.name], partitions };
  };

  async join(more: Partial<KafkaLogOptions> = {}): Promise<CommittingMember> {
    const log = await this.open(more);
    const listener = { assigned: () => {}, revoked: async () => {} };
    const { topic } = this.input;
    return new CommittingMember(this, log, await log.join(this.name, topic, listener));
  }

  /** By partition, as an independent client sees it. */
  async visible(): Promise<readonly string[]> {
    const records = await consumeAll(this.#kafka.bootstrap, this.output(0).topic);
    return [0, 1].map((p) =>
      records
        .filter(({ partition }) => partition === p)
        .map(({ value }) => value?.toString())
        .join(' '),
    );
  }

  /** What is visible when the first `end` commits took effect, once each and in order. */
  expected(end: number): readonly string[] {
    const values = Array.from({ length: end }, (_, i) => `${i} ${i}'`).join(' ');
    return [values, values];
  }

  async close(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.close()));
    await this.cluster.close();
    expect(this.troubles).toEqual([]);
  }
}

export class CommittingMember {
  readonly log: Log;
  readonly membership: Membership;
  readonly #bench: CommitBench;

  constructor(bench: CommitBench, log: Log, membership: Membership) {
    this.#bench = bench;
    this.log = log;
    this.membership = membership;
  }

  commit(value: number): Promise<void> {
    const { name, input } = this.#bench;
    const records = packed(`k=${value}`, `k=${value}'`);
    return this.log.commit({
      group: name,
      owner: this.membership.owner,
      offsets: [{ ...input, nextOffset: value + 1 }],
      outputs: [0, 1].map((p) => ({ ...this.#bench.output(p), records })),
    });
  }

  async committed(): Promise<number | undefined> {
    const [offset] = await this.log.committed(this.#bench.name, [this.#bench.input]);
    return offset;
  }

  /**
   * As the engine does it: an outcome that is unknown is read from the log (T5), and a commit that
   * did not take effect is made again. @returns how often it failed
   */
  async commitForSure(value: number): Promise<number> {
    for (let failures = 0; ; failures++) {
      try {
        await this.commit(value);
        return failures;
      } catch (error) {
        expect(['COMMIT_FAILED', 'COMMIT_FENCED']).toContain(codeOf(error));
        if ((await this.#position()) === value + 1) return failures + 1;
      }
    }
  }

  async #position(): Promise<number | undefined> {
    for (;;) {
      try {
        return await this.committed();
      } catch (error) {
        expect(codeOf(error)).toBe('LOG_UNAVAILABLE');
      }
    }
  }
}

interface ProxiedCommits {
  kafka: KafkaBroker;
  proxy: KafkaRequestProxy;
  bench: CommitBench;
}

/** For a whole test file: a broker behind a proxy, and a new bench for each test. */
export function proxiedCommits(): Readonly<ProxiedCommits> {
  const here = {} as ProxiedCommits;
  beforeAll(async () => {
    here.kafka = await startKafka({ proxied: true });
    const [route] = here.kafka.routes;
    here.proxy = await KafkaRequestProxy.start(route as NonNullable<typeof route>);
  });
  afterAll(async () => {
    await here.proxy.stop();
    await here.kafka.remove();
  });
  beforeEach(async () => {
    here.bench = await CommitBench.start(here.kafka);
  });
  afterEach(async () => {
    here.proxy.rule = () => 'pass';
    here.proxy.isOpen = true;
    await here.bench.close();
  });
  return here;
}
