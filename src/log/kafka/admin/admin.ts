/** Topics, their settings, committed offsets and deletion of records. */
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import type { Offset, TopicPartition } from '../../../core/ids.ts';
import type { TopicDescription, TopicSpec } from '../../../core/log.ts';
import type { Cluster } from '../cluster.ts';
import { patiently } from '../patiently.ts';
import { MAX_MESSAGE_BYTES, type TopicLimits } from '../topic-limits.ts';
import { BROKER_ERRORS, brokerError, isTransient } from '../wire/broker-errors.ts';
import {
  CREATE_TOPICS,
  DELETE_RECORDS,
  DESCRIBE_TOPICS,
  OFFSET_FETCH,
  type TopicOutcome,
} from './messages.ts';

export interface KafkaAdminOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Of the topics it creates; -1: the broker's default. */
  readonly replicationFactor: number;
  /** How long a request is tried again while the brokers are not ready for it. */
  readonly patienceMs: number;
  /** Are told what a description says. */
  readonly limits?: TopicLimits;
}

type Described = Omit<TopicDescription, 'offsets'>;

const RETRY_MS_MIN = 5;

export class KafkaAdmin {
  readonly #options: KafkaAdminOptions;

  constructor(options: KafkaAdminOptions) {
    this.#options = options;
  }

  /**
   * Creates what is missing, when all that exists is as it should be.
   * @throws LOG_TOPIC_MISMATCH, LOG_TOPIC_CLEANUP, KAFKA_NOT_AUTHORIZED, KAFKA_REQUEST_FAILED
   */
  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    const found = new Map(
      (await this.describe(specs.map(({ topic }) => topic))).map((one) => [one.topic, one]),
    );
    for (const spec of specs) {
      const existing = found.get(spec.topic);
      if (existing !== undefined) check(spec, existing);
    }
    const missing = specs.filter(({ topic }) => !found.has(topic));
    if (missing.length === 0) return;
    await this.#create(missing);
    await this.#patiently('the leaders of new topics', async () => {
      const { topics } = await this.#options.cluster.metadata(missing.map(({ topic }) => topic));
      const isReady = topics.every(
        ({ error, partitions }) => error === 0 && partitions.every(({ leader }) => leader >= 0),
      );
      return isReady ? true : undefined;
    });
  }

  /** Those of the topics that exist, or all but the brokers' own. */
  async describe(names: readonly string[] | null): Promise<readonly Described[]> {
    const { cluster } = this.#options;
    const { brokers, topics, controller } = await cluster.metadata(names);
    for (const { topic, error } of topics) {
      if (error === BROKER_ERRORS.TOPIC_AUTHORIZATION_FAILED) {
        throw new ShrikeError('KAFKA_NOT_AUTHORIZED', `no right to describe the topic ${topic}`);
      }
    }
    const there = topics.filter(({ error, isInternal }) => error === 0 && !isInternal);
    if (there.length === 0) return [];
    const asked = {
      topics: there.map(({ topic }) => topic),
      names: ['cleanup.policy', 'retention.ms', MAX_MESSAGE_BYTES],
    };
    const described = await cluster.call(
      { node: controller, lane: 'general' },
      DESCRIBE_TOPICS,
      asked,
    );
    const settings = new Map(
      described.map((one) => [one.topic, refused('tell the settings of', one)]),
    );
    return there.map(({ topic, partitions }) => {
      const of = settings.get(topic)?.settings;
      this.#options.limits?.tell(topic, of);
      const retentionMs = Number(of?.get('retention.ms') ?? -1);
      const isCompact = of?.get('cleanup.policy')?.includes('compact') ?? false;
      return {
        topic,
        partitions: partitions.length,
        cleanup: isCompact ? 'compact' : 'delete',
        retentionMs: isCompact ? 0 : Math.max(0, retentionMs),
        replication: {
          factor: Math.min(...partitions.map(({ replicas }) => replicas)),
          brokers: brokers.length,
        },
      };
    });
  }

  /**
   * Waits for a commit that is under way, and may change an offset, to be decided; or does not.
   * @throws LOG_UNAVAILABLE, KAFKA_NOT_AUTHORIZED, KAFKA_REQUEST_FAILED
   */
  async committed(
    group: string,
    of: readonly TopicPartition[],
    { asOfNow } = { asOfNow: false },
  ): Promise<readonly (Offset | undefined)[]> {
    const { cluster } = this.#options;
    const asked = { group, of, isStable: !asOfNow };
    const answer = await this.#patiently(
      `the committed offsets of the group ${group}`,
      async () => {
        const node = await cluster.coordinator('group', group);
        const found = await cluster.call({ node, lane: 'general' }, OFFSET_FETCH, asked);
        const failed = found.offsets.find(({ error }) => error !== 0)?.error ?? 0;
        const error = found.error === 0 ? failed : found.error;
        if (error === 0) return found.offsets;
        if (brokerError(error) === 'NOT_COORDINATOR') cluster.forgetCoordinator('group', group);
        if (isTransient(error)) return undefined;
        throw refusal(`to tell the offsets of the group ${group}`, error, null);
      },
    );
    const byName = new Map(answer.map((one) => [`${one.topic}-${one.partition}`, one.offset]));
    return of.map(({ topic, partition }) => {
      const offset = byName.get(`${topic}-${partition}`) ?? -1;
      return offset < 0 ? undefined : offset;
    });
  }

  /** Kafka deletes whole segments later, and readers see the new start at once. */
  async deleteBefore(at: TopicPartition, before: Offset): Promise<void> {
    const { cluster, patienceMs: timeoutMs } = this.#options;
    await this.#patiently(`deletion from ${at.topic}-${at.partition}`, async () => {
      const node = await cluster.leader(at);
      const of = [{ ...at, before }];
      const [answer] = await cluster.call({ node, lane: 'general' }, DELETE_RECORDS, {
        of,
        timeoutMs,
      });
      const error = answer?.error ?? 0;
      if (error === 0) return true;
      cluster.forgetTopic(at.topic);
      if (isTransient(error)) return undefined;
      throw refusal(`to delete from ${at.topic}-${at.partition}`, error, null);
    });
  }

  async #create(specs: readonly TopicSpec[]): Promise<void> {
    const { cluster, replicationFactor, patienceMs: timeoutMs } = this.#options;
    const topics = specs.map(({ topic, partitions, cleanup, retentionMs }) => ({
      topic,
      partitions,
      replicationFactor,
      settings: {
        'cleanup.policy': cleanup,
        ...(cleanup === 'delete' && { 'retention.ms': String(retentionMs || -1) }),
      },
    }));
    await this.#patiently(`creation of ${specs.map(({ topic }) => topic).join(', ')}`, async () => {
      const node = await cluster.controller();
      const outcomes = await cluster.call({ node, lane: 'general' }, CREATE_TOPICS, {
        topics,
        timeoutMs,
      });
      // Another process that starts at the same time may have been first.
      const failed = outcomes.filter(
        ({ error }) => error !== 0 && error !== BROKER_ERRORS.TOPIC_ALREADY_EXISTS,
      );
      const [first] = failed;
      if (first === undefined) return true;
      if (failed.every(({ error }) => isTransient(error))) return undefined;
      throw refusal(`to create the topic ${first.topic}`, first.error, first.message);
    });
  }

  #patiently<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
    const { clock, patienceMs } = this.#options;
    const failure = `the brokers are not ready: ${what}`;
    return patiently({ clock, patienceMs, waitMsMin: RETRY_MS_MIN, failure }, attempt);
  }
}

function check(spec: TopicSpec, { partitions, cleanup }: TopicSpec): void {
  if (partitions !== spec.partitions) {
    throw new ShrikeError(
      'LOG_TOPIC_MISMATCH',
      `topic ${spec.topic} has ${partitions} partitions, not ${spec.partitions}`,
    );
  }
  if (spec.cleanup === 'compact' && cleanup !== 'compact') {
    throw new ShrikeError('LOG_TOPIC_CLEANUP', `topic ${spec.topic} has cleanup.policy=delete`);
  }
}

function refused<T extends TopicOutcome>(what: string, outcome: T): T {
  if (outcome.error === 0) return outcome;
  throw refusal(`to ${what} the topic ${outcome.topic}`, outcome.error, outcome.message);
}

function refusal(what: string, error: number, reason: string | null): ShrikeError {
  const name = brokerError(error);
  const code = name.includes('AUTHORIZATION') ? 'KAFKA_NOT_AUTHORIZED' : 'KAFKA_REQUEST_FAILED';
  return new ShrikeError(code, `the broker refuses ${what}: ${reason ?? name} (${name})`);
}
