/** A read that waits: for records, for its time to be over, or for its caller to lose interest. */
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import { topicPartitionName } from '../../../core/ids.ts';
import type { ReadRequest } from '../../../core/log.ts';
import type { SourceRead } from '../../../core/records.ts';
import type { FetchLane, PartitionFeed } from './partition-feed.ts';

/** How long a read may find no broker that answers before it fails. */
export const PATIENCE_MS = 5000;

export interface PendingReadParts {
  readonly clock: Clock;
  readonly feed: PartitionFeed;
  readonly ended: () => void;
}

export class PendingRead {
  readonly request: ReadRequest;
  readonly promise: Promise<SourceRead>;
  readonly #parts: PendingReadParts;
  readonly #over = new AbortController();
  readonly #askedOn = new Set<FetchLane>();
  #settle: { resolve(read: SourceRead): void; reject(error: Error): void } | undefined;
  #isDue: boolean;

  constructor(request: ReadRequest, parts: PendingReadParts) {
    this.request = request;
    this.#parts = parts;
    this.#isDue = request.waitMs <= 0;
    this.promise = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  /** Time runs. */
  begin(): void {
    this.request.signal?.addEventListener('abort', this.#onAbort, { once: true });
    void this.#expire();
  }

  /** Its time is over: the next answer ends it, whatever it holds. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** A fetch that includes this read's partition goes out. */
  asked(lane: FetchLane): void {
    this.#askedOn.add(lane);
  }

  /** An answer without records: it tells something only if it was asked for after the read. */
  answered(lane: FetchLane): void {
    if (this.#isDue && this.#askedOn.has(lane)) this.resolve(this.#parts.feed.empty);
  }

  resolve(read: SourceRead): void {
    this.#end()?.resolve(read);
  }

  reject(error: Error): void {
    this.#end()?.reject(error);
  }

  #end(): { resolve(read: SourceRead): void; reject(error: Error): void } | undefined {
    const settle = this.#settle;
    if (settle === undefined) return undefined;
    this.#settle = undefined;
    this.request.signal?.removeEventListener('abort', this.#onAbort);
    this.#over.abort();
    this.#parts.ended();
    return settle;
  }

  readonly #onAbort = (): void => this.resolve(this.#parts.feed.empty);

  async #expire(): Promise<void> {
    const { clock, feed } = this.#parts;
    const { waitMs } = this.request;
    if (waitMs > 0) await clock.sleep(waitMs, this.#over.signal);
    if (this.#settle === undefined) return;
    const sinceMs = feed.trouble?.sinceMs ?? clock.nowMs();
    const isTroubled = clock.nowMs() - sinceMs >= PATIENCE_MS;
    // What was known a moment ago is a good answer to a read that has waited its time.
    if (waitMs > 0 && feed.lastStableOffset !== undefined && !isTroubled) {
      return this.resolve(feed.empty);
    }
    this.#isDue = true;
    if (!isTroubled) await clock.sleep(Math.max(PATIENCE_MS - waitMs, 0), this.#over.signal);
    if (this.#settle === undefined) return;
    const name = topicPartitionName(feed.of);
    const message = `${name}: no broker has answered a read at offset ${this.request.from}`;
    this.reject(new ShrikeError('LOG_UNAVAILABLE', message, { cause: feed.trouble?.error }));
  }
}
