/**
 * The log: ordered, partitioned input and output (the embedded log now, Kafka behind the same
 * port).
 *
 * L1  Offsets of a partition ascend; the record at an offset never changes; compaction and
 *     retention may remove it.
 * L2  `commit` is atomic: all its outputs become visible and all its offsets are stored, or
 *     nothing.
 * L3  `read` shows committed records only, in offset order.
 * L4  A commit whose `owner` is not the newest member for one of its partitions fails with
 *     COMMIT_FENCED and leaves no trace.
 * L5  After a crash the log holds exactly the commits that returned, and of one that was under way
 *     all or nothing. (Embedded with `sync: intervalMs`: after a power cut, the last interval's
 *     commits may be gone, newest first; a killed process loses nothing.)
 */
import type { Offset, TopicPartition } from './ids.ts';
import type { SourceRead } from './records.ts';

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** `compact`: the newest record of each key is kept forever, a tombstone deletes it. */
  readonly cleanup: 'delete' | 'compact';
  /**
   * With `delete`: records older than this may go, once no kept checkpoint needs them. 0: never.
   */
  readonly retentionMs: number;
}

export interface PartitionOffsets {
  /** The first offset that can still be read. */
  readonly earliest: Offset;
  /** The offset after the last visible record (in Kafka's words: the last stable offset). */
  readonly highWatermark: Offset;
  /**
   * The offset after the last record, whether visible or part of a commit that is still open.
   * Undefined: the same.
   */
  readonly logEnd?: Offset;
}

export interface TopicDescription extends TopicSpec {
  readonly offsets: readonly PartitionOffsets[];
  /** On how many brokers each partition is, and of how many; absent where there are no brokers. */
  readonly replication?: { readonly factor: number; readonly brokers: number };
}

/** Packed records (`records.ts`) for one partition. */
export interface Append extends TopicPartition {
  readonly records: Uint8Array;
}

/** A commit that is neither made nor aborted: what lies behind it is not visible yet. */
export interface OpenCommit {
  /** Whose it is: a transactional id. */
  readonly name: string;
  readonly sinceMs: number;
  /** After so long it is aborted by itself. */
  readonly timeoutMs: number;
  /** What it has a part in. */
  readonly partitions: readonly TopicPartition[];
}

export interface LogCommit {
  readonly group: string;
  /** The member that owns the input partitions (`Membership.owner`). */
  readonly owner: string;
  /** Input positions: the next offset to process. */
  readonly offsets: readonly (TopicPartition & { readonly nextOffset: Offset })[];
  readonly outputs: readonly Append[];
}

export interface ReadRequest extends TopicPartition {
  readonly from: Offset;
  /** At least one record comes back when there is one, however large. */
  readonly bytesMax: number;
  /** How long to wait for a record when there is none yet. 0: answer at once. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

/** Where a group's partitions come and go. The embedded log assigns all of them, once. */
export interface Membership {
  /** Names this member and its generation; a commit carries it (L4). */
  readonly owner: string;
  /** False while the group counts without this member: it owns nothing, and waits to join again. */
  readonly isCounted: boolean;
  leave(): Promise<void>;
}

export interface MembershipListener {
  assigned(partitions: readonly TopicPartition[]): void;
  /** Resolves when the partitions are let go: nothing of theirs will be committed after it. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
}

export interface Log {
  readonly kind: 'embedded' | 'kafka';
  /**
   * Creates what is missing.
   * @throws LOG_TOPIC_MISMATCH where a topic exists with other partitions.
   */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Those of `only` that exist; without it, all, which may be very many. */
  topics(only?: readonly string[]): Promise<readonly TopicDescription[]>;
  /**
   * Names this log's topic for ever: of another log, or of one that was deleted and made again, it
   * is another. State is a fold of one log, and kept with this name.
   * @throws LOG_TOPIC_UNKNOWN
   */
  identity(topic: string): Promise<string>;
  /**
   * Bytes of key and value that a record of the topic may have; a topic without a limit, or of
   * which none is known, is not there.
   * @throws LOG_UNAVAILABLE
   */
  recordBytesMax(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Of all writers, as far as this one may know of them. @throws LOG_UNAVAILABLE */
  openCommits(): Promise<readonly OpenCommit[]>;
  /** @throws LOG_TOPIC_UNKNOWN */
  offsets(of: TopicPartition): Promise<PartitionOffsets>;
  /**
   * Answers with no batches after `waitMs`.
   * @throws LOG_OFFSET_OUT_OF_RANGE below `earliest` or above the end.
   */
  read(request: ReadRequest): Promise<SourceRead>;
  /**
   * Appends outside any group: producers, loaders. Atomic and durable as a commit.
   * @returns base offsets.
   * @throws OUTPUT_TOO_LARGE for a record beyond the topic's limit
   */
  append(appends: readonly Append[]): Promise<readonly Offset[]>;
  /**
   * Committed next offsets; undefined where the group has none. A commit under way is waited for,
   * except where `asOfNow` says that an offset which is about to change is good enough.
   */
  committed(
    group: string,
    partitions: readonly TopicPartition[],
    options?: { readonly asOfNow: boolean },
  ): Promise<readonly (Offset | undefined)[]>;
  join(group: string, topic: string, listener: MembershipListener): Promise<Membership>;
  /**
   * @throws COMMIT_FENCED (L4), COMMIT_FAILED, DISK_FULL: in each case nothing of it is visible.
   */
  commit(commit: LogCommit): Promise<void>;
  /** Makes all that was committed durable against a power cut (see L5). */
  sync(): Promise<void>;
  /** Retention: nothing below `before` is needed any more. May free less than asked. */
  deleteBefore(of: TopicPartition, before: Offset): Promise<void>;
  /** Compacts a `compact` topic now. */
  compact(topic: string): Promise<void>;
  /** When the certificates end that reaching it needs; absent where there are none. */
  certificates?(): readonly CertificateEnd[];
  close(): Promise<void>;
}

/** `broker` as it was shown last; `client` is ours; `authority` the last of those that we trust. */
export interface CertificateEnd {
  readonly which: 'broker' | 'client' | 'authority';
  readonly endsAtMs: number;
}
