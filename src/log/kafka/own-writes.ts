/**
 * Read your writes. A broker answers a commit when it is decided; readers see it when the markers
 * are in the partitions, a millisecond or two later. The commit does not wait for that (T6): who
 * asks about a partition that was written here does, and so does `close`.
 */
import type { Clock } from '../../core/clock.ts';
import { type Offset, type TopicPartition, topicPartitionName } from '../../core/ids.ts';
import type { PartitionOffsets } from '../../core/log.ts';

/** Longer waits have another reason: a transaction of somebody else's that is open below ours. */
const PATIENCE_MS = 5000;
const LOOK_MS_MIN = 1;
const LOOK_MS_MAX = 50;

type Look = (of: readonly TopicPartition[]) => Promise<readonly PartitionOffsets[]>;

export class OwnWrites {
  readonly #clock: Clock;
  readonly #look: Look;
  /** Ends of what was written here and may not be visible yet. */
  readonly #ends = new Map<string, { readonly of: TopicPartition; readonly end: Offset }>();

  constructor(clock: Clock, look: Look) {
    this.#clock = clock;
    this.#look = look;
  }

  wrote({ topic, partition }: TopicPartition, end: Offset): void {
    const name = topicPartitionName({ topic, partition });
    const known = this.#ends.get(name)?.end ?? 0;
    if (end > known) this.#ends.set(name, { of: { topic, partition }, end });
  }

  /** True when an offset is of a record that was written here and may not be visible yet. */
  mayHide(of: TopicPartition, offset: Offset): boolean {
    return offset < (this.#ends.get(topicPartitionName(of))?.end ?? 0);
  }

  /** The offsets when all that was written here before the call is visible, with patience. */
  async offsets(of: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]> {
    const ends = of.map((one) => this.#ends.get(topicPartitionName(one))?.end ?? 0);
    const endMs = this.#clock.nowMs() + PATIENCE_MS;
    for (let waitMs = LOOK_MS_MIN; ; waitMs = Math.min(waitMs * 2, LOOK_MS_MAX)) {
      const found = await this.#look(of);
      const isVisible = (i: number) => (found[i]?.highWatermark ?? 0) >= (ends[i] as Offset);
      const isOver = this.#clock.nowMs() + waitMs > endMs;
      if (isOver || of.every((_, i) => isVisible(i))) {
        for (const [i, one] of of.entries()) this.#seen(one, ends[i] as Offset);
        return found;
      }
      await this.#clock.sleep(waitMs);
    }
  }

  /** Resolves when all that was written here is visible, with patience. */
  async visible(): Promise<void> {
    const of = [...this.#ends.values()].map((one) => one.of);
    if (of.length > 0) await this.offsets(of);
  }

  #seen(of: TopicPartition, end: Offset): void {
    const name = topicPartitionName(of);
    if (this.#ends.get(name)?.end === end) this.#ends.delete(name);
  }
}
