/** One timer for all reads that wait: a timer a read costs more than the read. */
import type { Clock } from '../../../core/clock.ts';
import type { PartitionFeed } from './partition-feed.ts';

export class ReadDeadlines {
  readonly #clock: Clock;
  readonly #feeds: ReadonlySet<PartitionFeed>;
  readonly #over = new AbortController();
  #wakeMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, feeds: ReadonlySet<PartitionFeed>) {
    this.#clock = clock;
    this.#feeds = feeds;
  }

  /** There is a read that has to be looked at then. */
  watch(deadlineMs: number): void {
    if (deadlineMs >= this.#wakeMs) return;
    void this.#sleepUntil(deadlineMs, deadlineMs - this.#clock.nowMs());
  }

  stop(): void {
    this.#over.abort();
  }

  /** `wakeMs` counts when the sleep is over, whatever the clock says: clocks are put back. */
  async #sleepUntil(wakeMs: number, ms: number): Promise<void> {
    this.#wakeMs = wakeMs;
    await this.#clock.sleep(Math.max(0, ms), this.#over.signal);
    if (this.#over.signal.aborted) return;
    // An earlier deadline may have come after this one, and sleeps for itself.
    if (this.#wakeMs === wakeMs) this.#wakeMs = Number.POSITIVE_INFINITY;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const feed of this.#feeds) {
      if (feed.pending !== undefined && feed.pending.deadlineMs <= wakeMs) {
        feed.pending.expire(wakeMs);
      }
      // A read that found nobody to answer has a second deadline.
      if (feed.pending !== undefined) nextMs = Math.min(nextMs, feed.pending.deadlineMs);
    }
    if (nextMs >= this.#wakeMs) return;
    const leftMs = Math.min(nextMs - wakeMs, nextMs - this.#clock.nowMs());
    void this.#sleepUntil(nextMs, leftMs);
  }
}
