/**
 * One reader's way through one partition: what was fetched and not yet read, and the read that
 * waits. A read at another offset has a feed of its own; a feed that nobody reads for a while goes.
 *
 *     cursor            position                last stable offset
 *       |-- fetched runs --|  next fetch begins here   |
 *
 * D1  cursor <= position; all that is visible in [cursor, position) is in the runs.
 * D2  An answer counts only if it was asked for at `position` as it is when the answer comes.
 */
import type { Clock } from '../../../core/clock.ts';
import type { Offset, TopicPartition } from '../../../core/ids.ts';
import type { ReadRequest } from '../../../core/log.ts';
import type { FetchedBatch, SourceRead } from '../../../core/records.ts';
import type { ColumnScratch } from './column-scratch.ts';
import type { FetchedPartition } from './fetch-messages.ts';
import { FetchedRun } from './fetched-run.ts';
import { PendingRead } from './pending-read.ts';

export type FetchLane = 'fetch' | 'fetch-now';

/** A feed is fetched for before it is asked again, for so long. */
const WARM_MS = 2000;
/** What may lie ready without being asked for. */
const QUEUED_BYTES_MAX = 64 << 10;

/** No answer that helps, since when, and why the last time. */
export interface Trouble {
  readonly sinceMs: number;
  readonly attempts: number;
  readonly error: Error;
}

export class PartitionFeed {
  readonly of: TopicPartition;
  readonly #clock: Clock;
  readonly #scratch: ColumnScratch;
  #cursor: Offset;
  #runs: FetchedRun[] = [];
  #lastAskedMs = 0;
  position: Offset;
  lastEpoch = -1;
  leaderEpoch = -1;
  bytesMax = 0;
  /** Whether the fetch of a lane that is under way includes this feed. */
  readonly inAir: Record<FetchLane, boolean> = { fetch: false, 'fetch-now': false };
  /** The answers that had brought something from its broker when one last did so for it. */
  servedAt = 0;
  /** Undefined before the first answer. */
  lastStableOffset: Offset | undefined;
  /** There is more, but the last answer had no room for it: first in the next fetch. */
  isStarved = false;
  /** The broker has given nothing since, though it had all its room for this feed. */
  starvedSinceMs: number | undefined;
  pending: PendingRead | undefined;
  trouble: Trouble | undefined;

  constructor(parts: { of: TopicPartition; clock: Clock; scratch: ColumnScratch }, from: Offset) {
    this.of = parts.of;
    this.#clock = parts.clock;
    this.#scratch = parts.scratch;
    this.#cursor = from;
    this.position = from;
  }

  get cursor(): Offset {
    return this.#cursor;
  }

  /** True when records are known to wait at the broker, or nothing is known. */
  get isBehind(): boolean {
    return this.lastStableOffset === undefined || this.position < this.lastStableOffset;
  }

  get isWarm(): boolean {
    return this.pending !== undefined || this.#clock.nowMs() - this.#lastAskedMs < WARM_MS;
  }

  /** Worth fetching for although nobody waits, at the end of the partition. */
  get hasRoom(): boolean {
    let bytes = 0;
    for (const run of this.#runs) bytes += run.byteLength;
    return bytes < QUEUED_BYTES_MAX;
  }

  read(request: ReadRequest): Promise<SourceRead> {
    this.#lastAskedMs = this.#clock.nowMs();
    this.bytesMax = request.bytesMax;
    const pending = new PendingRead(request, {
      startMs: this.#lastAskedMs,
      feed: this,
      ended: () => {
        if (this.pending === pending) this.pending = undefined;
      },
    });
    this.pending = pending;
    this.#serve();
    return pending.promise;
  }

  /** An answer without an error, asked for at `position`. @throws LOG_BATCH_UNREADABLE */
  accept(answer: FetchedPartition, lane: FetchLane): void {
    const run = new FetchedRun({ ...this.of, ...answer, from: this.position });
    this.trouble = undefined;
    this.lastStableOffset = answer.lastStableOffset;
    this.isStarved = run.nextOffset === this.position && this.isBehind;
    if (!this.isStarved) this.starvedSinceMs = undefined;
    if (run.nextOffset > this.position) {
      this.#runs.push(run);
      this.position = run.nextOffset;
      this.lastEpoch = run.lastEpoch;
    }
    this.#serve();
    // What got no room tells nothing: a read that does not wait is owed a record that is there.
    if (!this.isStarved) this.pending?.answered(lane);
  }

  /** Nothing is left between here and the end: compaction took it. */
  skipToEnd(): void {
    const from = this.position;
    const nextOffset = this.lastStableOffset as Offset;
    this.#runs.push(FetchedRun.gap({ ...this.of, from }, nextOffset));
    this.position = nextOffset;
    this.isStarved = false;
    this.starvedSinceMs = undefined;
    this.#serve();
  }

  /** What a read sees that got nothing. */
  get empty(): SourceRead {
    const highWatermark = Math.max(this.lastStableOffset ?? 0, this.#cursor);
    return { ...this.of, batches: [], highWatermark };
  }

  #serve(): void {
    if (this.pending === undefined || this.#runs.length === 0) return;
    try {
      const batch = this.#take(this.pending.request.bytesMax);
      const highWatermark = Math.max(this.lastStableOffset ?? 0, batch.nextOffset);
      this.pending.resolve({ ...this.of, batches: [batch], highWatermark });
    } catch (error) {
      this.pending.reject(error as Error);
    }
  }

  #take(bytesMax: number): FetchedBatch {
    const base = this.#cursor;
    const scratch = this.#scratch;
    scratch.clear();
    let nextOffset = base;
    for (let run = this.#runs[0]; run !== undefined; run = this.#runs[0]) {
      nextOffset = run.decode(scratch, base, bytesMax);
      if (nextOffset < run.nextOffset) break;
      this.#runs.shift();
    }
    this.#cursor = nextOffset;
    const bytes = scratch.pack();
    scratch.clear();
    return { baseOffset: base, from: base, nextOffset, bytes };
  }
}
