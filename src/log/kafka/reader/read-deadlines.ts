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
    if (deadlineMs < this.#wakeMs) void this.#sleepUntil(deadlineMs);
  }

  stop(): void {
    this.#over.abort();
  }

  async #sleepUntil(wakeMs: number): Promise<void> {
    this.#wakeMs = wakeMs;
    const ms = Math.max(0, wakeMs - this.#clock.nowMs());
    await this.#clock.sleep(ms, this.#over.signal);
    // An earlier deadline may have come after this one: its sleep looks after all.
    if (this.#wakeMs !== wakeMs || this.#over.signal.aborted) return;
    this.#wakeMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const feed of this.#feeds) {
      if (feed.pending !== undefined && feed.pending.deadlineMs <= nowMs)
        feed.pending.expire(nowMs);
      // A read that found nobody to answer has a second deadline; timers may be a fraction early.
      if (feed.pending !== undefined) {
        nextMs = Math.min(nextMs, Math.max(feed.pending.deadlineMs, nowMs + 1));
      }
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.watch(nextMs);
  }
}
