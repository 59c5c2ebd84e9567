/**
 * Checkpoints of one partition in the object store.
 *
 * C1  C <= K: a checkpoint holds committed events only.
 * C2  A manifest is written after every segment it names, never before.
 * C3  Manifests of a partition have consecutive sequence numbers, each written by `putIfAbsent`: of
 *     two owners that seal the same number one fails with CHECKPOINT_CONFLICT.
 * C4  Nothing that a kept manifest names is deleted; a manifest goes before its segments.
 * C5  Restoring the segments of a manifest in their order gives a state with the manifest's digest.
 */
import type { OperatorVersion } from './flow.ts';
import type { Offset, TopicPartition } from './ids.ts';
import type { PackedActors, Snapshot, StateDigest } from './state.ts';

export interface SegmentRef {
  readonly key: string;
  readonly bytes: number;
  /** SHA-256 of the object, hex. */
  readonly sha256: string;
  readonly actorCount: number;
}

export interface Manifest extends TopicPartition {
  readonly formatVersion: 1;
  readonly application: string;
  /** The log that it was made from (`Log.identity`); absent in manifests of earlier versions. */
  readonly log?: string;
  readonly sequence: number;
  /** C: the next offset to process. */
  readonly nextOffset: Offset;
  readonly createdAtMs: number;
  /** A savepoint was asked for by a person, who may have named it; retention keeps it. */
  readonly savepoint: string | null;
  readonly digest: StateDigest;
  readonly actorCount: number;
  readonly schemas: Readonly<Record<string, readonly OperatorVersion[]>>;
  /** Base parts first, then increments: a later segment's actor replaces an earlier one's. */
  readonly segments: readonly SegmentRef[];
  /** How many of `segments` are the base. */
  readonly baseCount: number;
}

export interface SealOptions {
  readonly savepoint?: string;
  /** The whole state, for a new base in place of base + increments; called only when one is due. */
  readonly scan: () => AsyncIterable<PackedActors>;
}

/** Seals and finds the checkpoints of one partition. */
export interface CheckpointChain {
  /** The newest known manifest; undefined when there is none. */
  readonly newest: Manifest | undefined;
  /**
   * Uploads segments, then the manifest. A snapshot whose upload fails is kept, in a bounded
   * backlog, and goes with the next one; past the bound the next seal writes a base instead.
   * @throws CHECKPOINT_UPLOAD_FAILED (nothing lost, try with the next snapshot),
   * CHECKPOINT_CONFLICT (C3)
   */
  seal(snapshot: Snapshot, options: SealOptions): Promise<Manifest>;
  /** Deletes what retention allows (C4). @returns deleted keys. */
  retain(): Promise<readonly string[]>;
}

export interface Checkpoints {
  /**
   * Opens the chain: reads the manifests there are.
   * @throws OBJECT_STORE_UNAVAILABLE, CHECKPOINT_OF_OTHER_LOG
   */
  open(of: TopicPartition): Promise<CheckpointChain>;
  /**
   * All readable manifests of a partition, newest first; an unreadable one is reported, not thrown.
   * @throws OBJECT_STORE_UNAVAILABLE, CHECKPOINT_OF_OTHER_LOG when the newest is of another log
   */
  list(of: TopicPartition): Promise<readonly ListedManifest[]>;
  /** The same, each read when it is asked for: a restore seldom needs a second one. */
  newestFirst(of: TopicPartition): AsyncIterable<ListedManifest>;
  /**
   * A manifest's blocks in order, each verified (sha256).
   * @throws CHECKPOINT_CORRUPT naming the object
   */
  read(manifest: Manifest): AsyncIterable<PackedActors>;
}

/** What a partition's task needs of them. */
export type TaskCheckpoints = Omit<Checkpoints, 'list'>;

export type ListedManifest =
  | { readonly key: string; readonly manifest: Manifest }
  | { readonly key: string; readonly damage: string };
