/**
 * The brokers as one thing: who leads a partition, who coordinates a group or a transactional id,
 * and a connection to each. Knowledge is kept until an answer shows that it is old.
 */
import type { Clock } from '../../core/clock.ts';
import { ShrikeError } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/ids.ts';
import { patiently } from './patiently.ts';
import type { Api } from './wire/api.ts';
import { brokerError, isTransient } from './wire/broker-errors.ts';
import { Connection } from './wire/connection.ts';
import {
  type ClusterMetadata,
  type CoordinatorKind,
  FIND_COORDINATOR,
  METADATA,
  type PartitionMetadata,
  type TopicMetadata,
} from './wire/metadata.ts';
import type { HostPort, KafkaSettings } from './wire/settings.ts';

export interface ClusterOptions {
  readonly settings: KafkaSettings;
  readonly clock: Clock;
  /** How long an answer may take; also how long a leader or coordinator is looked for. */
  readonly requestTimeoutMs: number;
}

/**
 * Requests of one lane wait for each other at a broker, those of different lanes do not.
 */
export type Lane =
  | 'general'
  | 'fetch'
  | 'fetch-now'
  | GroupLane
  | 'heartbeat'
  | 'transaction'
  | 'produce';

/** One for each member: a join is answered when the others, in this process or not, have joined. */
export type GroupLane = `group ${string}`;

/** A join is answered when all have joined: the rebalance time-out (60 s), and some more. */
const GROUP_TIMEOUT_MS = 65_000;

/** A way to one broker; another one after the first has broken. */
export type Link = Pick<Connection, 'call' | 'isUsable'>;

/** Where a request goes: a broker, and behind which others it may have to wait. */
export interface Address {
  readonly node: number;
  readonly lane: Lane;
}

const RETRY_MS_MIN = 20;

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #brokers = new Map<number, HostPort>();
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #coordinators = new Map<string, number>();
  readonly #connections = new Map<string, Promise<Connection>>();
  #refresh: Promise<ClusterMetadata> | undefined;
  /** By address: the end of the certificate that the broker has shown last. */
  readonly #certificateEnds = new Map<string, number>();
  #isClosed = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /**
   * Asks one broker.
   * @throws LOG_UNAVAILABLE, KAFKA_AUTH_FAILED
   */
  async call<Q, A>(address: Address, api: Api<Q, A>, request: Q): Promise<A> {
    try {
      const connection = await this.link(address);
      return await connection.call(api, request);
    } catch (error) {
      this.#forgetNode(address.node);
      throw error;
    }
  }

  /** The connection by which `call` asks, for who has to know when it is another. */
  link({ node, lane }: Address): Promise<Link> {
    return this.#connection(node, lane);
  }

  /** Asks any broker that answers. @throws LOG_UNAVAILABLE, KAFKA_AUTH_FAILED */
  async callAny<Q, A>(api: Api<Q, A>, request: Q): Promise<A> {
    let failure: unknown = new ShrikeError('LOG_UNAVAILABLE', 'there is no broker to ask');
    for (const at of this.#known()) {
      try {
        const connection = await this.#open(`${at.host}:${at.port}`, at);
        return await connection.call(api, request);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Fresh metadata; null: of all topics. Topics that are not there have an error. */
  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const answer = await this.callAny(METADATA, topics);
    for (const { node, host, port } of answer.brokers) this.#brokers.set(node, { host, port });
    for (const topic of answer.topics) {
      if (topic.error === 0) this.#topics.set(topic.topic, topic);
      else this.#topics.delete(topic.topic);
    }
    return answer;
  }

  /** The controller, for requests that create or change topics. */
  async controller(): Promise<number> {
    return (await this.metadata([])).controller;
  }

  /** @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE */
  async partitions(topic: string): Promise<number> {
    return (await this.#topic(topic)).partitions.length;
  }

  /**
   * The leader as known; looked up, with patience, when it is not.
   * @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE
   */
  async leader(of: TopicPartition): Promise<number> {
    return (await this.leadership(of)).leader;
  }

  /**
   * The leader and its epoch: a broker that is asked with the epoch says when it is another.
   * @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE
   */
  leadership({ topic, partition }: TopicPartition): Promise<PartitionMetadata> {
    return this.#patiently(`the leader of ${topic}-${partition}`, async () => {
      const known = (await this.#topic(topic)).partitions.find((p) => p.partition === partition);
      if (known === undefined) {
        throw new ShrikeError('LOG_TOPIC_UNKNOWN', `topic ${topic} has no partition ${partition}`);
      }
      if (known.leader >= 0) return known;
      this.forgetTopic(topic);
      return undefined;
    });
  }

  /** @throws LOG_UNAVAILABLE, KAFKA_NOT_AUTHORIZED */
  coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    return this.#patiently(`the coordinator of ${kind} ${key}`, async () => {
      const known = this.#coordinators.get(`${kind} ${key}`);
      if (known !== undefined) return known;
      const found = await this.callAny(FIND_COORDINATOR, { kind, key });
      if (found.error === 0) {
        this.#brokers.set(found.node, { host: found.host, port: found.port });
        this.#coordinators.set(`${kind} ${key}`, found.node);
        return found.node;
      }
      if (isTransient(found.error)) return undefined;
      const reason = `${found.message ?? ''} (${brokerError(found.error)})`.trim();
      const message = `the broker refuses to coordinate the ${kind} ${key}: ${reason}`;
      const isRight = /AUTHORIZATION/.test(brokerError(found.error));
      throw new ShrikeError(isRight ? 'KAFKA_NOT_AUTHORIZED' : 'KAFKA_REQUEST_FAILED', message);
    });
  }

  /** The first certificate of a broker to end, as they were shown last; undefined without TLS. */
  get certificateEndsAtMs(): number | undefined {
    const ends = [...this.#certificateEnds.values()];
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  forgetTopic(topic: string): void {
    this.#topics.delete(topic);
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind} ${key}`);
  }

  /** Ends what is being waited for on a lane, at every broker. */
  hangUp(lane: GroupLane | 'heartbeat'): void {
    for (const [key, opening] of this.#connections) {
      if (!key.endsWith(` ${lane}`)) continue;
      this.#connections.delete(key);
      // One that could not be opened has told whoever asked for it.
      opening.then(
        (connection) => connection.close(),
        () => {},
      );
    }
  }

  /** A moment before the next try. */
  pause(ms: number): Promise<void> {
    return this.#options.clock.sleep(ms);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const all = await Promise.allSettled(this.#connections.values());
    for (const one of all) if (one.status === 'fulfilled') one.value.close();
  }

  /** What a broker that does not answer led or coordinated is perhaps another's now. */
  #forgetNode(node: number): void {
    for (const [key, coordinator] of this.#coordinators) {
      if (coordinator === node) this.#coordinators.delete(key);
    }
    for (const [topic, { partitions }] of this.#topics) {
      if (partitions.some(({ leader }) => leader === node)) this.#topics.delete(topic);
    }
  }

  async #topic(topic: string): Promise<TopicMetadata> {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    // Whoever waits already asked for the same thing, or will ask again.
    this.#refresh ??= this.metadata([...this.#topics.keys(), topic]).finally(() => {
      this.#refresh = undefined;
    });
    const all = await this.#refresh;
    const found = all.topics.find((one) => one.topic === topic);
    if (found === undefined) return this.#topic(topic);
    if (found.error === 0) return found;
    const name = brokerError(found.error);
    if (name === 'TOPIC_AUTHORIZATION_FAILED') {
      throw new ShrikeError('KAFKA_NOT_AUTHORIZED', `no right to describe the topic ${topic}`);
    }
    if (name === 'LEADER_NOT_AVAILABLE') {
      throw new ShrikeError('LOG_UNAVAILABLE', `the topic ${topic} has no leader at the moment`);
    }
    throw new ShrikeError('LOG_TOPIC_UNKNOWN', `there is no topic ${topic} (${name})`);
  }

  #patiently<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const { clock, requestTimeoutMs: patienceMs } = this.#options;
    const isOver = () => this.#isClosed;
    const failure = `${what} is not there`;
    return patiently({ clock, patienceMs, waitMsMin: RETRY_MS_MIN, failure, isOver }, look);
  }

  /** Brokers heard of first: the addresses one starts from may be a gate that is slow, or gone. */
  #known(): HostPort[] {
    const heard = [...this.#brokers.values()];
    const isHeard = ({ host, port }: HostPort) =>
      heard.some((one) => one.host === host && one.port === port);
    return [...heard, ...this.#options.settings.bootstrap.filter((one) => !isHeard(one))];
  }

  async #connection(node: number, lane: Lane): Promise<Connection> {
    if (!this.#brokers.has(node)) await this.metadata([]);
    const at = this.#brokers.get(node);
    if (at === undefined) throw new ShrikeError('LOG_UNAVAILABLE', `broker ${node} is not there`);
    const key = lane === 'general' ? `${at.host}:${at.port}` : `${at.host}:${at.port} ${lane}`;
    const { requestTimeoutMs } = this.#options;
    const isGroup = lane.startsWith('group ');
    return this.#open(key, at, isGroup ? GROUP_TIMEOUT_MS : requestTimeoutMs);
  }

  async #open(
    key: string,
    at: HostPort,
    requestTimeoutMs = this.#options.requestTimeoutMs,
  ): Promise<Connection> {
    if (this.#isClosed) throw new ShrikeError('LOG_UNAVAILABLE', 'the log is closed');
    const known = this.#connections.get(key);
    if (known !== undefined) {
      const connection = await known;
      if (connection.isUsable) return connection;
      // Someone else may have replaced it meanwhile.
      if (this.#connections.get(key) === known) this.#connections.delete(key);
      else return this.#open(key, at, requestTimeoutMs);
    }
    const { settings } = this.#options;
    const opening = Connection.open({ settings, at, requestTimeoutMs });
    this.#connections.set(key, opening);
    opening.then(
      ({ certificateEndsAtMs: endsAtMs }) => {
        if (endsAtMs !== undefined) this.#certificateEnds.set(`${at.host}:${at.port}`, endsAtMs);
      },
      () => {
        if (this.#connections.get(key) === opening) this.#connections.delete(key);
      },
    );
    return opening;
  }
}
