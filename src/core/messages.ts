/**
 * Everything that crosses between the main thread and an actor thread. Closed: a new kind is added
 * here. The main thread orders (assign, revoke…); an actor thread asks (read, score, commit…) and
 * reports. Buffers are transferred, not copied.
 *
 * T1  Every ask about a partition carries the epoch of its assignment; an ask of an old epoch is
 *     refused with COMMIT_FENCED, so that a task which was replaced can change nothing.
 */
import type { DigestAt } from './drill.ts';
import type { Offset, TopicPartition } from './ids.ts';
import type { Append, PartitionOffsets } from './log.ts';
import type { SourceRead } from './records.ts';
import type { ActorView } from './status.ts';
import type { WorkerStats } from './telemetry.ts';

/** What the main thread wants done, and what it gets back. */
export interface Orders {
  assign: { ask: { readonly partition: number; readonly epoch: number }; answer: null };
  /** Answered when the partition is let go: everything of it has settled. */
  revoke: { ask: { readonly partition: number }; answer: null };
  peek: {
    ask: { readonly partition: number; readonly user: number };
    answer: ActorView | null;
  };
  savepoint: { ask: { readonly partition: number; readonly name: string }; answer: SavepointDone };
  /** The state at an offset that is committed from now on: as of the next snapshot. */
  digest: { ask: { readonly partition: number }; answer: DigestAt };
}

/** What an actor thread wants done, and what it gets back. */
export interface Asks {
  read: {
    ask: TopicPartition & {
      readonly from: Offset;
      readonly bytesMax: number;
      readonly waitMs: number;
    };
    answer: SourceRead;
  };
  offsets: { ask: TopicPartition; answer: PartitionOffsets };
  /** The rows lie in shared memory, and are the asker's again with the answer: the scores. */
  score: { ask: { readonly rows: Float32Array; readonly count: number }; answer: Float32Array };
  /**
   * Where the partition stands. From here on its commits are taken, each from where the last one
   * ended.
   */
  position: { ask: Owned; answer: Position };
  commit: { ask: Owned & CommitRequest; answer: null };
  sync: { ask: null; answer: null };
}

/** A partition at one of its assignments (T1). */
export interface Owned {
  readonly partition: number;
  readonly epoch: number;
}

export interface CommitRequest {
  /** The next offset of the commit before this one: a gap or an overlap is refused. */
  readonly from: Offset;
  readonly nextOffset: Offset;
  readonly recordCount: number;
  /** More waits in the log than this commit takes: nobody waits for its records in particular. */
  readonly isBacklog: boolean;
  readonly outputs: readonly Append[];
}

/** K and what can be read; offsets are next offsets. */
export interface Position extends PartitionOffsets {
  readonly committed: Offset;
  /** `Log.recordBytesMax` of the outputs. */
  readonly recordBytesMax?: ReadonlyMap<string, number>;
}

export interface SavepointDone {
  readonly sequence: number;
  readonly nextOffset: Offset;
}

/** Sent without an answer, actor thread -> main thread. */
export type Report =
  | { readonly kind: 'stats'; readonly stats: WorkerStats }
  | {
      readonly kind: 'event';
      readonly level: 'info' | 'warn' | 'error';
      readonly event: string;
      readonly facts: Readonly<Record<string, unknown>>;
    };

/** Errors lose their class between threads; code and message arrive. */
export interface WireError {
  readonly code: string;
  readonly message: string;
}

type Calls = Orders & Asks;
export type CallName = keyof Calls;

export type Envelope =
  | { readonly kind: 'call'; readonly id: number; readonly name: CallName; readonly ask: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refuse'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'report'; readonly report: Report };
