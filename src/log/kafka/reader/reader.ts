/**
 * Reads partitions straight from the brokers that lead them: read committed, many partitions a
 * request, packed batches out (`src/core/records.ts`). One for each thread that reads.
 */
import type { Clock } from '../../../core/clock.ts';
import { codeOf, ShrikeError } from '../../../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { PartitionOffsets, ReadRequest } from '../../../core/log.ts';
import type { SourceRead } from '../../../core/records.ts';
import { DESCRIBE_TOPICS } from '../admin/messages.ts';
import type { Cluster } from '../cluster.ts';
import { brokerError, isTransient } from '../wire/broker-errors.ts';
import { BrokerFetches, type FeedAnswer } from './broker-fetches.ts';
import { ColumnScratch } from './column-scratch.ts';
import { listOffsets } from './list-offsets.ts';
import { PartitionFeed } from './partition-feed.ts';
import { ReadDeadlines } from './read-deadlines.ts';

const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 500;
/** A topic just created is not known to all brokers at once. */
const UNKNOWN_TOPIC_MS = 1000;
/** How long a broker gives nothing before a gap is taken for one, and how often it is asked. */
const GAP_MS = 2000;
const GAP_RETRY_MS = 100;

export interface KafkaReaderOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
}

export class KafkaReader {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #scratch = new ColumnScratch();
  readonly #brokers = new Map<number, BrokerFetches>();
  readonly #feeds = new Set<PartitionFeed>();
  readonly #deadlines: ReadDeadlines;
  #isClosed = false;

  constructor({ cluster, clock }: KafkaReaderOptions) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#deadlines = new ReadDeadlines(clock, this.#feeds);
  }

  /**
   * One batch of at most about `bytesMax` bytes, which may be empty: then all before its
   * `nextOffset` was control records, aborted or compacted away.
   * @throws LOG_OFFSET_OUT_OF_RANGE, LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE, LOG_BATCH_UNREADABLE,
   *   KAFKA_NOT_AUTHORIZED, KAFKA_AUTH_FAILED, KAFKA_REQUEST_FAILED
   */
  async read(request: ReadRequest): Promise<SourceRead> {
    const { topic, partition, from, signal } = request;
    if (this.#isClosed) throw new ShrikeError('LOG_UNAVAILABLE', 'the reader is closed');
    if (signal?.aborted) return { topic, partition, batches: [], highWatermark: from };
    const feed = this.#feedAt(request);
    const answer = feed.read(request);
    if (feed.pending !== undefined) this.#deadlines.watch(feed.pending.deadlineMs);
    for (const broker of this.#brokers.values()) broker.wake();
    return answer;
  }

  /** @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE, KAFKA_NOT_AUTHORIZED */
  async offsets(of: TopicPartition): Promise<PartitionOffsets> {
    const [offsets] = await listOffsets(this.#cluster, [of]);
    return offsets as PartitionOffsets;
  }

  /** Reads that wait end empty. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#deadlines.stop();
    for (const feed of this.#feeds) {
      this.#drop(feed);
      feed.pending?.resolve(feed.empty);
    }
  }

  /** The feed that stands where the read begins, if nobody else waits there. */
  #feedAt({ topic, partition, from }: ReadRequest): PartitionFeed {
    let found: PartitionFeed | undefined;
    for (const feed of this.#feeds) {
      const { of, cursor, pending } = feed;
      const isHere = of.partition === partition && of.topic === topic && cursor === from;
      if (isHere && pending === undefined) found ??= feed;
      else if (!feed.isWarm) this.#drop(feed);
    }
    if (found !== undefined) return found;
    const parts = { of: { topic, partition }, clock: this.#clock, scratch: this.#scratch };
    const feed = new PartitionFeed(parts, from);
    this.#feeds.add(feed);
    void this.#place(feed);
    return feed;
  }

  #drop(feed: PartitionFeed): void {
    this.#feeds.delete(feed);
    for (const broker of this.#brokers.values()) broker.remove(feed);
  }

  /** Puts a feed with the leader of its partition. */
  async #place(feed: PartitionFeed): Promise<void> {
    try {
      const { leader, leaderEpoch } = await this.#cluster.leadership(feed.of);
      if (!this.#feeds.has(feed)) return;
      feed.leaderEpoch = leaderEpoch;
      feed.inAir.fetch = feed.inAir['fetch-now'] = false;
      feed.servedAt = 0;
      this.#broker(leader).add(feed);
    } catch (error) {
      await this.#onTrouble(feed, error as Error);
    }
  }

  #broker(node: number): BrokerFetches {
    const known = this.#brokers.get(node);
    if (known !== undefined) return known;
    const broker = new BrokerFetches({
      cluster: this.#cluster,
      clock: this.#clock,
      node,
      onAnswer: (answer) => this.#onAnswer(answer),
      onFailure: (feeds, error) => {
        for (const feed of feeds) void this.#onTrouble(feed, error);
      },
    });
    this.#brokers.set(node, broker);
    return broker;
  }

  /** What may pass is tried again for as long as somebody waits, or may ask again. */
  async #onTrouble(feed: PartitionFeed, error: Error): Promise<void> {
    if (!this.#feeds.has(feed)) return;
    for (const broker of this.#brokers.values()) broker.remove(feed);
    const nowMs = this.#clock.nowMs();
    const { sinceMs = nowMs, attempts = 0 } = feed.trouble ?? {};
    feed.trouble = { sinceMs, attempts: attempts + 1, error };
    const code = codeOf(error);
    const isNew = code === 'LOG_TOPIC_UNKNOWN' && nowMs - sinceMs < UNKNOWN_TOPIC_MS;
    if (code !== 'LOG_UNAVAILABLE' && !isNew) return this.#fail(feed, error);
    this.#cluster.forgetTopic(feed.of.topic);
    await this.#clock.sleep(Math.min(RETRY_MS_MIN * 2 ** attempts, RETRY_MS_MAX));
    if (!this.#feeds.has(feed)) return;
    if (feed.isWarm) await this.#place(feed);
    else this.#drop(feed);
  }

  #fail(feed: PartitionFeed, error: Error): void {
    this.#drop(feed);
    feed.pending?.reject(error);
  }

  #onAnswer({ feed, lane, answer, wasFirst }: FeedAnswer): void {
    const name = brokerError(answer.error);
    if (name === 'OFFSET_OUT_OF_RANGE') {
      void this.#onOutOfRange(feed);
    } else if (answer.error !== 0) {
      void this.#onTrouble(feed, refusal(feed.of, answer.error));
    } else if (answer.isDiverging) {
      const what = `was cut off: what came before offset ${feed.position} is gone`;
      this.#fail(feed, outOfRange(feed.of, what));
    } else {
      try {
        feed.accept(answer, lane);
        if (feed.isStarved && wasFirst) void this.#onNothing(feed);
      } catch (error) {
        this.#fail(feed, error as Error);
      }
    }
  }

  /** Says what the range is; a broker that has just become leader may know better in a moment. */
  async #onOutOfRange(feed: PartitionFeed): Promise<void> {
    for (const broker of this.#brokers.values()) broker.remove(feed);
    try {
      const { earliest, highWatermark, logEnd = highWatermark } = await this.offsets(feed.of);
      const at = feed.position;
      const what = `holds [${earliest}, ${logEnd}) and was asked for offset ${at}`;
      const error = outOfRange(feed.of, what);
      if (at < earliest || at > logEnd) this.#fail(feed, error);
      else await this.#onTrouble(feed, new ShrikeError('LOG_UNAVAILABLE', error.message));
    } catch (error) {
      await this.#onTrouble(feed, error as Error);
    }
  }

  /**
   * The broker had all its room for this partition and gave nothing, though its end is further on.
   * In a compacted topic all records between may be gone: when it stays like that, the feed goes on
   * at the end. Elsewhere, and where records may lie in tiered storage (which answers like that
   * when it is slow), it is asked again: skipping what is only late would lose it.
   */
  async #onNothing(feed: PartitionFeed): Promise<void> {
    const { topic } = feed.of;
    feed.starvedSinceMs ??= this.#clock.nowMs();
    for (const broker of this.#brokers.values()) broker.remove(feed);
    try {
      const isOld = this.#clock.nowMs() - feed.starvedSinceMs >= GAP_MS;
      if (isOld && (await this.#mayHaveGaps(topic))) feed.skipToEnd();
      else await this.#clock.sleep(GAP_RETRY_MS);
      if (this.#feeds.has(feed)) await this.#place(feed);
    } catch (error) {
      await this.#onTrouble(feed, error as Error);
    }
  }

  async #mayHaveGaps(topic: string): Promise<boolean> {
    const asked = { topics: [topic], names: ['cleanup.policy', 'remote.storage.enable'] };
    const [described] = await this.#cluster.callAny(DESCRIBE_TOPICS, asked);
    const { error = -1, settings = new Map() } = described ?? {};
    if (error !== 0) {
      const name = brokerError(error);
      const isRight = /AUTHORIZATION/.test(name);
      const message = `the broker does not tell whether ${topic} is compacted: ${name}`;
      throw new ShrikeError(isRight ? 'KAFKA_NOT_AUTHORIZED' : 'LOG_UNAVAILABLE', message);
    }
    const isCompacted = /compact/.test(settings.get('cleanup.policy') ?? '');
    return isCompacted && settings.get('remote.storage.enable') !== 'true';
  }
}

function outOfRange(of: TopicPartition, what: string): ShrikeError {
  return new ShrikeError('LOG_OFFSET_OUT_OF_RANGE', `${topicPartitionName(of)} ${what}`);
}

function refusal(of: TopicPartition, code: number): ShrikeError {
  const name = brokerError(code);
  const message = `${topicPartitionName(of)}: the broker refuses to be read: ${name}`;
  if (/AUTHORIZATION/.test(name)) return new ShrikeError('KAFKA_NOT_AUTHORIZED', message);
  const isPassing = isTransient(code) || code === -1;
  return new ShrikeError(isPassing ? 'LOG_UNAVAILABLE' : 'KAFKA_REQUEST_FAILED', message);
}
