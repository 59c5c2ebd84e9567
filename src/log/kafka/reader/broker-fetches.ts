/**
 * The fetches from one broker, for all feeds whose partitions it leads. A broker works on the
 * requests of a connection one after the other, and a fetch that waits for records holds its
 * connection; so there are two:
 *
 *   fetch      one long poll for all feeds that have reached the end of their partition, whether
 *              somebody waits for them or will again in a moment
 *   fetch-now  what can be answered at once: feeds that are behind, reads that do not wait; and,
 *              for short, feeds at the end while the long poll is under way without them
 *
 * B1  A feed is in at most one fetch of each lane.
 * B2  What got no room in the last answer comes first in the next: the broker gives the first
 *     partition that has any at least one batch, however large.
 */
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import type { Cluster } from '../cluster.ts';
import { brokerError } from '../wire/broker-errors.ts';
import { FETCH, type FetchAnswer, type FetchedPartition } from './fetch-messages.ts';
import type { FetchLane, PartitionFeed } from './partition-feed.ts';

const LONG_POLL_MS = 500;
/** How long a feed waits apart before it may join the long poll. */
const SHORT_POLL_MS = 10;
/**
 * From one long poll that brought something to the next, at least: a request, the batches that come
 * of it and their commit cost milliseconds on both sides, whatever they carry. Records wait here,
 * and then for nothing else (decision 21).
 */
const PACE_MS = 16;
/** An answer's size, but for a first batch that is larger. */
const ANSWER_BYTES_MAX = 8 << 20;
const THROTTLE_MS_MAX = 5000;

/** What a fetch brought for a feed, as it was when it was asked. */
export interface FeedAnswer {
  readonly feed: PartitionFeed;
  readonly lane: FetchLane;
  readonly answer: FetchedPartition;
  /** The broker had all its room for this one. */
  readonly wasFirst: boolean;
}

export interface BrokerFetchesParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly node: number;
  readonly onAnswer: (answer: FeedAnswer) => void;
  readonly onFailure: (feeds: readonly PartitionFeed[], error: Error) => void;
}

export class BrokerFetches {
  readonly #parts: BrokerFetchesParts;
  readonly #feeds = new Set<PartitionFeed>();
  // Records and numbers, where sets would be added to and deleted from at every fetch: SlotTable
  // tells what that costs.
  readonly #running: Record<FetchLane, boolean> = { fetch: false, 'fetch-now': false };
  readonly #flying: Record<FetchLane, boolean> = { fetch: false, 'fetch-now': false };
  #servedCount = 0;

  constructor(parts: BrokerFetchesParts) {
    this.#parts = parts;
  }

  add(feed: PartitionFeed): void {
    this.#feeds.add(feed);
    this.wake();
  }

  remove(feed: PartitionFeed): void {
    this.#feeds.delete(feed);
  }

  /** Something may be worth fetching. */
  wake(): void {
    for (const lane of ['fetch', 'fetch-now'] as const) {
      if (!this.#running[lane]) void this.#run(lane);
    }
  }

  async #run(lane: FetchLane): Promise<void> {
    this.#running[lane] = true;
    for (;;) {
      // Whoever was just served asks again before the next fetch goes out.
      await this.#parts.clock.yield();
      const feeds = this.#due(lane);
      if (feeds.length === 0) break;
      await this.#fetch(lane, feeds);
    }
    this.#running[lane] = false;
  }

  #due(lane: FetchLane): PartitionFeed[] {
    const isDue = lane === 'fetch' ? this.#joinsLongPoll : this.#isWantedNow;
    const due = [...this.#feeds].filter((feed) => !feed.inAir[lane] && isDue(feed));
    // B2, and then who has waited longest.
    due.sort((a, b) => Number(b.isStarved) - Number(a.isStarved) || a.servedAt - b.servedAt);
    // A request may name a partition once: another reader's turn comes with the next.
    const first = new Map<string, PartitionFeed>();
    for (const feed of due) {
      const name = `${feed.of.partition} ${feed.of.topic}`;
      if (!first.has(name)) first.set(name, feed);
    }
    return [...first.values()];
  }

  readonly #joinsLongPoll = (feed: PartitionFeed): boolean =>
    !feed.isBehind && feed.isWarm && feed.hasRoom;

  readonly #isWantedNow = (feed: PartitionFeed): boolean =>
    feed.pending !== undefined &&
    (feed.isBehind || feed.pending.isDue || (this.#flying.fetch && !feed.inAir.fetch));

  async #fetch(lane: FetchLane, feeds: readonly PartitionFeed[]): Promise<void> {
    const { cluster, clock, node, onFailure } = this.#parts;
    const partitions = feeds.map((feed) => ({
      ...feed.of,
      offset: feed.position,
      leaderEpoch: feed.leaderEpoch,
      lastEpoch: feed.lastEpoch,
      bytesMax: feed.bytesMax,
    }));
    const isAtOnce = feeds.some((feed) => feed.isBehind || feed.pending?.isDue === true);
    const waitMs = lane === 'fetch' ? LONG_POLL_MS : isAtOnce ? 0 : SHORT_POLL_MS;
    const startMs = performance.now();
    this.#flying[lane] = true;
    for (const feed of feeds) {
      feed.inAir[lane] = true;
      feed.pending?.asked(lane);
    }
    try {
      const request = { waitMs, bytesMax: ANSWER_BYTES_MAX, partitions };
      const answer = await cluster.call({ node, lane }, FETCH, request);
      const positions = partitions.map(({ offset }) => offset);
      if (answer.error !== 0) throw this.#refusal(brokerError(answer.error));
      const isAnswered = answer.partitions.length > 0 || answer.throttleMs > 0;
      if (!isAnswered) throw this.#refusal('it names no partition');
      this.#flew(lane, feeds);
      this.#spread(answer, { lane, feeds, positions });
      const paceMs = lane === 'fetch' ? PACE_MS - (performance.now() - startMs) : 0;
      if (paceMs > 0) await clock.sleep(paceMs);
      if (answer.throttleMs > 0) await clock.sleep(Math.min(answer.throttleMs, THROTTLE_MS_MAX));
    } catch (error) {
      this.#flew(lane, feeds);
      // Those that the other lane's failure has not taken away already.
      const left = feeds.filter((feed) => this.#feeds.has(feed));
      onFailure(left, error as Error);
    }
  }

  #refusal(reason: string): ShrikeError {
    const message = `broker ${this.#parts.node} does not answer a fetch: ${reason}`;
    return new ShrikeError('LOG_UNAVAILABLE', message);
  }

  #flew(lane: FetchLane, feeds: readonly PartitionFeed[]): void {
    this.#flying[lane] = false;
    for (const feed of feeds) feed.inAir[lane] = false;
  }

  #spread(answer: FetchAnswer, asked: Asked): void {
    const { lane, feeds, positions } = asked;
    const name = ({ topic, partition }: { topic: string; partition: number }) =>
      `${partition} ${topic}`;
    const answers = new Map(answer.partitions.map((each) => [name(each), each]));
    for (const [i, feed] of feeds.entries()) {
      const one = answers.get(name(feed.of));
      // D2; and nothing at all comes for it when the broker throttles.
      if (one === undefined || feed.position !== positions[i] || !this.#feeds.has(feed)) continue;
      if (one.records.byteLength > 0) feed.servedAt = ++this.#servedCount;
      this.#parts.onAnswer({ feed, lane, answer: one, wasFirst: i === 0 });
    }
    this.wake();
  }
}

interface Asked {
  readonly lane: FetchLane;
  readonly feeds: readonly PartitionFeed[];
  readonly positions: readonly number[];
}
