/**
 * Actors' memory, per partition: a cache of actor objects over a local store.
 *
 * S1  A store is written only by `write`: entries and meta together, atomically (L moves with the
 *     data).
 * S2  What is written at offset B holds exactly the events below B.
 * S3  Nothing is written at B before the log has committed B: L <= K.
 * S4  An actor changed since the last write stays in memory until it is written or dropped.
 * S5  digest = sum over actors of hash(key, encoded actor): it does not depend on the order of
 *     changes.
 */
import type { ActorState, OperatorVersion } from './flow.ts';
import type { ActorKey, Offset } from './ids.ts';

/** What a local store says of itself; written with every batch of entries. */
export interface StoreMeta {
  readonly formatVersion: 1;
  /** L: the store holds exactly the events below it. */
  readonly nextOffset: Offset;
  readonly digest: StateDigest;
  readonly actorCount: number;
  /** Schemas that entries may have been written with, by schema id. */
  readonly schemas: Readonly<Record<string, readonly OperatorVersion[]>>;
}

/** 128 bits as 32 hex digits. */
export type StateDigest = string;

/** Adds up a digest (S5), one actor at a time, in any order; `state/` implements it. */
export interface StateDigester {
  add(key: ActorKey, bytes: Uint8Array): void;
  remove(key: ActorKey, bytes: Uint8Array): void;
  hex(): StateDigest;
}

/**
 * Packed actors, ascending by key: (key f64, length u32, bytes) back to back. See
 * `packed-actors.ts`.
 */
export type PackedActors = Uint8Array;

/** One partition's local store: RocksDB, or memory in tests; one conformance suite for both. */
export interface ActorStore {
  /** Undefined when nothing was ever written. */
  readonly meta: StoreMeta | undefined;
  /** Encoded actors, in the order of `keys`; undefined where there is none. */
  getMany(keys: readonly ActorKey[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** S1. Calls do not overlap. @throws DISK_FULL, STATE_CORRUPT; nothing of it is visible then. */
  write(actors: PackedActors, meta: StoreMeta): Promise<void>;
  /** All actors as of the call, ascending by key, in blocks of about `blockBytes`. */
  scan(blockBytes: number): AsyncIterable<PackedActors>;
  /** Estimates, for people; a store that is no files has none. */
  rocksBytes?(): { readonly disk: number; readonly memory: number };
  close(): Promise<void>;
}

/** Opens and removes local stores; one folder a partition. */
export interface ActorStores {
  /** @throws STATE_CORRUPT when it cannot be opened. */
  open(partition: number): Promise<ActorStore>;
  /** Removes a store that is closed: before a restore, or when it is corrupt. */
  destroy(partition: number): Promise<void>;
}

/** A consistent local image of one partition: what changed since the last one. */
export interface Snapshot {
  readonly meta: StoreMeta;
  /**
   * Offset of the snapshot before this one: the changes are those of events [fromOffset,
   * nextOffset).
   */
  readonly fromOffset: Offset;
  readonly changed: PackedActors;
  readonly changedCount: number;
}

/** Actor objects of one partition, cached over its store. Not for concurrent use. */
export interface ActorTable {
  /** L of the store beneath. */
  readonly storedOffset: Offset;
  /**
   * Loads what is not in memory. Resolves synchronously-cheap (undefined) when nothing is missing.
   */
  prefetch(keys: readonly ActorKey[]): Promise<void> | undefined;
  /**
   * The actor, to be changed by the caller; created when unknown. Its key must have been
   * prefetched.
   */
  change(key: ActorKey): ActorState;
  /**
   * The actor as it is now, changes that are not committed yet included; for people, not for steps.
   */
  peek(key: ActorKey): Promise<ActorState | undefined>;
  /** Bytes changed since the last snapshot, estimated. */
  readonly dirtyBytes: number;
  readonly stats: ActorTableStats;
  /**
   * Takes the image at `nextOffset`, which is where the steps are now; serialises it in slices
   * while steps go on (an actor that is about to change is serialised first), yielding in between.
   */
  snapshot(nextOffset: Offset): Promise<Snapshot>;
  /** Writes a snapshot beneath (S1); only when its offset is committed (S3). */
  store(snapshot: Snapshot): Promise<void>;
  /** Lets go of unchanged actors until the cache fits its budget. */
  evict(): void;
}

export interface ActorTableStats {
  hits: number;
  misses: number;
  cachedActors: number;
  cachedBytes: number;
  evicted: number;
  /** Longest time in one go that serialising took from the steps, since the last reading. */
  snapshotPauseMsMax: number;
  /** Spent on serialising the last snapshot, ms. */
  snapshotMs: number;
}
