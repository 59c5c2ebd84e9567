/** A read that waits: for records, for its time to be over, or for its caller to lose interest. */
import { ShrikeError } from '../../../core/errors.ts';
import { topicPartitionName } from '../../../core/ids.ts';
import type { ReadRequest } from '../../../core/log.ts';
import type { SourceRead } from '../../../core/records.ts';
import type { FetchLane, PartitionFeed } from './partition-feed.ts';

/** How long a read may find no broker that answers before it fails. */
export const PATIENCE_MS = 5000;

export interface PendingReadParts {
  readonly startMs: number;
  readonly feed: PartitionFeed;
  readonly ended: () => void;
}

export class PendingRead {
  readonly request: ReadRequest;
  readonly promise: Promise<SourceRead>;
  readonly #parts: PendingReadParts;
  readonly #askedOn = new Set<FetchLane>();
  #settle: { resolve(read: SourceRead): void; reject(error: Error): void } | undefined;
  #isDue: boolean;
  /** When it has to be looked at. */
  deadlineMs: number;

  constructor(request: ReadRequest, parts: PendingReadParts) {
    this.request = request;
    this.#parts = parts;
    this.#isDue = request.waitMs <= 0;
    this.deadlineMs = parts.startMs + (this.#isDue ? PATIENCE_MS : request.waitMs);
    this.promise = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
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

  /** Its deadline has come. */
  expire(nowMs: number): void {
    const { feed, startMs } = this.#parts;
    const sinceMs = Math.min(feed.trouble?.sinceMs ?? nowMs, this.#isDue ? startMs : nowMs);
    const isTroubled = nowMs - sinceMs >= PATIENCE_MS;
    // What was known a moment ago is a good answer to a read that has waited its time.
    if (!this.#isDue && feed.lastStableOffset !== undefined && !isTroubled) {
      return this.resolve(feed.empty);
    }
    const endMs = startMs + PATIENCE_MS;
    if (!isTroubled && nowMs < endMs) {
      this.#isDue = true;
      this.deadlineMs = endMs;
      return;
    }
    const name = topicPartitionName(feed.of);
    const message = `${name}: no broker has answered a read at offset ${this.request.from}`;
    this.reject(new ShrikeError('LOG_UNAVAILABLE', message, { cause: feed.trouble?.error }));
  }

  #end(): { resolve(read: SourceRead): void; reject(error: Error): void } | undefined {
    const settle = this.#settle;
    if (settle === undefined) return undefined;
    this.#settle = undefined;
    this.request.signal?.removeEventListener('abort', this.#onAbort);
    this.#parts.ended();
    return settle;
  }

  readonly #onAbort = (): void => this.resolve(this.#parts.feed.empty);
}
