/**
 * Actor objects of one partition, cached over its store.
 *
 *   prefetch ─> cache ─change─> dirty ─snapshot─> frozen ─encoded─> writing ─store─> clean ─evict─>
 *
 * T1  An actor that is frozen and not encoded yet is encoded before it changes: the image is of one
 *     offset (S2).
 * T2  Only clean actors leave memory (S4); what is absent from the cache is in the store, or
 *     nowhere.
 * T3  A key is loaded by one read at a time, so a read never brings back what has been overtaken.
 * T4  The digest holds each actor's last encoding, exactly once; so does the actor count.
 * T5  Snapshot, store, snapshot, store: each snapshot is stored, or has failed to be, before the
 *     next one.
 * T6  What comes into memory is packed again after its first step; used once more, it stays an
 *     object. Most objects then die young, which costs the garbage collector nothing.
 */
import { assert } from '../src/core/assert.ts';
import type { Clock } from '../src/core/clock.ts';
import type { ActorState } from '../src/core/flow.ts';
import type { ActorKey, Offset } from '../src/core/ids.ts';
import { LIMITS } from '../src/core/limits.ts';
import type {
  ActorStore,
  ActorTable,
  ActorTableStats,
  Snapshot,
  StoreMeta,
} from '../src/core/state.ts';
import { ActorCache, CachedActor, CLEAN, WRITING } from './actor-cache.ts';
import type { ActorCodec } from './actor-codec.ts';
import { DigestSum, hashActor } from './digest.ts';
import { ImageWriter } from './image-writer.ts';
import type { Schemas } from './schema.ts';

// Large actors fill a slice before their number does: 256 KiB take about 1 ms to encode.
const SLICE_BYTES_MAX = 256 << 10;

export interface ActorTableOptions {
  readonly store: ActorStore;
  readonly codec: ActorCodec;
  readonly clock: Clock;
  /** Budget of this table's cache, estimated heap bytes. */
  readonly cacheBytesMax: number;
  readonly createActor: () => ActorState;
  /** Actors encoded or decoded between two turns of the event loop; tests make it small. */
  readonly sliceActors?: number;
}

/** @throws STATE_SCHEMA_UNKNOWN when this flow cannot read what the store may hold */
export function createActorTable(options: ActorTableOptions): CachedActorTable {
  return new CachedActorTable(options);
}

export class CachedActorTable implements ActorTable {
  readonly stats: ActorTableStats;
  /** Of memory, not of encodings: it is memory that changed actors take until they are stored. */
  dirtyBytes = 0;
  readonly #options: ActorTableOptions;
  readonly #cache: ActorCache;
  readonly #digest: DigestSum;
  readonly #lanes = new Int32Array(4);
  readonly #sliceActors: number;
  readonly #loading = new Map<ActorKey, Promise<void>>();
  #actorCount: number;
  #schemas: Schemas;
  #storedOffset: Offset;
  /** Of the next snapshot; an actor whose epoch it is, is dirty. */
  #epoch = 1;
  #dirty: CachedActor[] = [];
  #frozen: CachedActor[] = [];
  /** Brought into memory since the last `evict`, and objects until the next one that follows. */
  #newcomers: CachedActor[] = [];
  #phase: 'idle' | 'encoding' | 'taken' | 'storing' = 'idle';

  constructor(options: ActorTableOptions) {
    const { store, codec } = options;
    const { meta } = store;
    this.#options = options;
    this.#sliceActors = options.sliceActors ?? LIMITS.snapshotSliceActors;
    this.#cache = new ActorCache(options.cacheBytesMax);
    this.#digest = new DigestSum(meta?.digest);
    this.#actorCount = meta?.actorCount ?? 0;
    this.#storedOffset = meta?.nextOffset ?? 0;
    this.#schemas = meta?.schemas ?? {};
    codec.check(this.#schemas);
    this.#schemas = codec.schemasWith(this.#schemas);
    this.stats = liveStats(this.#cache);
  }

  get storedOffset(): Offset {
    return this.#storedOffset;
  }

  get cacheBytesMax(): number {
    return this.#cache.bytesMax;
  }

  set cacheBytesMax(bytes: number) {
    this.#cache.bytesMax = bytes;
  }

  /**
   * What it has brought into memory stays there for at least one call of `evict` before it is used;
   * steps follow in the turn in which it resolves, or it is called again before them.
   */
  prefetch(keys: readonly ActorKey[]): Promise<void> | undefined {
    let missing: Set<ActorKey> | undefined;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as ActorKey;
      if (!this.#cache.keep(key)) missing = (missing ?? new Set()).add(key);
    }
    const missingCount = missing?.size ?? 0;
    this.stats.misses += missingCount;
    this.stats.hits += keys.length - missingCount;
    return missing && this.#fetch(missing, keys);
  }

  async #fetch(missing: ReadonlySet<ActorKey>, keys: readonly ActorKey[]): Promise<void> {
    const awaited = new Set<Promise<void>>();
    const unread: ActorKey[] = [];
    for (const key of missing) {
      const loading = this.#loading.get(key);
      if (loading === undefined) unread.push(key);
      else awaited.add(loading);
    }
    if (unread.length > 0) {
      const load = this.#load(unread);
      for (const key of unread) this.#loading.set(key, load);
      awaited.add(load);
    }
    await Promise.all(awaited);
    // Whoever loaded a key for both of us may have used it and let it go before our turn.
    const gone = keys.filter((key) => !this.#cache.keep(key));
    if (gone.length > 0) await this.#fetch(new Set(gone), keys);
  }

  /** T3: the keys are absent and nobody else loads them. */
  async #load(keys: readonly ActorKey[]): Promise<void> {
    const { store, clock } = this.#options;
    try {
      const values = await store.getMany(keys);
      for (let i = 0; i < keys.length; i++) {
        if (i > 0 && i % this.#sliceActors === 0) await clock.yield();
        const actor = this.#revive(keys[i] as ActorKey, values[i]);
        this.#cache.add(actor);
        this.#newcomers.push(actor);
      }
    } finally {
      for (const key of keys) this.#loading.delete(key);
    }
  }

  /**
   * An actor of an old schema is as clean as any: it is written in the new one when it next
   * changes.
   */
  #revive(key: ActorKey, bytes: Uint8Array | undefined): CachedActor {
    const { codec, createActor } = this.#options;
    if (bytes === undefined) return new CachedActor(key, createActor());
    const actor = new CachedActor(key, codec.decode(key, bytes, this.#schemas));
    actor.encodedBytes = bytes.byteLength;
    hashActor(key, bytes, this.#lanes);
    this.#remember(actor);
    return actor;
  }

  change(key: ActorKey): ActorState {
    const actor = this.#cache.use(key);
    if (actor === undefined) throw new Error(`assertion failed: actor ${key} was prefetched`);
    if (actor.epoch !== this.#epoch) this.#dirten(actor);
    else if (actor.state === undefined) this.#unpack(actor);
    return actor.state as ActorState;
  }

  #dirten(actor: CachedActor): void {
    // T1: frozen, and its turn has not come.
    const isAwaited = this.#phase === 'encoding' && actor.epoch === this.#epoch - 1;
    const { image } = actor;
    if (actor.state === undefined) this.#unpack(actor);
    if (isAwaited) actor.image = image ?? this.#options.codec.encode(actor.state as ActorState);
    actor.epoch = this.#epoch;
    this.#dirty.push(actor);
    this.dirtyBytes += actor.heapBytes;
  }

  #unpack(actor: CachedActor): void {
    const { key, image, encodedBytes } = actor;
    actor.state = this.#options.codec.decode(key, image as Uint8Array, this.#schemas);
    actor.image = undefined;
    this.#resize(actor, encodedBytes);
  }

  #pack(actor: CachedActor): void {
    // An image that the snapshot under way still awaits has the place.
    if (actor.state === undefined || actor.image !== undefined) return;
    actor.image = this.#options.codec.encode(actor.state);
    actor.state = undefined;
    this.#resize(actor, actor.image.byteLength);
  }

  #resize(actor: CachedActor, encodedBytes: number): void {
    const { heapBytes } = actor;
    this.#cache.resize(actor, encodedBytes);
    if (actor.epoch === this.#epoch) this.dirtyBytes += actor.heapBytes - heapBytes;
  }

  async peek(key: ActorKey): Promise<ActorState | undefined> {
    const actor = this.#cache.get(key);
    if (actor !== undefined) {
      if (!actor.counted && actor.epoch === CLEAN) return undefined;
      if (actor.state !== undefined) return actor.state;
    }
    const [bytes] = actor ? [actor.image] : await this.#options.store.getMany([key]);
    return bytes && this.#options.codec.decode(key, bytes, this.#schemas);
  }

  snapshot(nextOffset: Offset): Promise<Snapshot> {
    assert(this.#phase === 'idle', 'T5: the last snapshot has been stored');
    assert(nextOffset >= this.#storedOffset, 'a snapshot is not older than what is stored');
    this.#phase = 'encoding';
    this.#frozen = this.#dirty;
    this.#dirty = [];
    this.dirtyBytes = 0;
    this.#epoch += 1;
    this.stats.snapshotPauseMsMax = 0;
    return this.#take(nextOffset);
  }

  async #take(nextOffset: Offset): Promise<Snapshot> {
    try {
      const image = await this.#encodeFrozen();
      this.#phase = 'taken';
      return {
        meta: this.#metaAt(nextOffset),
        fromOffset: this.#storedOffset,
        changed: image.finish(),
        changedCount: image.count,
      };
    } catch (error) {
      this.#thaw();
      throw error;
    }
  }

  async #encodeFrozen(): Promise<ImageWriter> {
    const frozen = this.#frozen;
    const timer = new SliceTimer(this.stats);
    const keys = new Float64Array(frozen.length);
    let bytesExpected = 0;
    for (const [i, { key, encodedBytes }] of frozen.entries()) {
      keys[i] = key;
      bytesExpected += 1.5 * encodedBytes + 64;
    }
    keys.sort();
    const image = new ImageWriter(bytesExpected);
    for (let i = 0; i < keys.length; ) {
      const end = Math.min(keys.length, i + this.#sliceActors);
      const bytesEnd = image.length + SLICE_BYTES_MAX;
      while (i < end && image.length < bytesEnd) {
        this.#encode(this.#cache.get(keys[i++] as ActorKey) as CachedActor, image);
      }
      timer.stop();
      if (i < keys.length) await this.#options.clock.yield();
      timer.start();
    }
    return image;
  }

  #encode(actor: CachedActor, image: ImageWriter): void {
    const bytes = actor.image ?? this.#options.codec.encode(actor.state as ActorState);
    if (actor.state !== undefined) actor.image = undefined;
    image.add(actor.key, bytes);
    if (actor.counted) {
      this.#recall(actor);
      this.#digest.removeLanes(this.#lanes);
    } else this.#actorCount += 1;
    hashActor(actor.key, bytes, this.#lanes);
    this.#digest.addLanes(this.#lanes);
    this.#remember(actor);
    this.#resize(actor, bytes.byteLength);
    if (actor.epoch !== this.#epoch) actor.epoch = WRITING;
  }

  async store(snapshot: Snapshot): Promise<void> {
    assert(this.#phase === 'taken', 'T5: a snapshot has been taken');
    this.#phase = 'storing';
    try {
      await this.#options.store.write(snapshot.changed, snapshot.meta);
    } catch (error) {
      this.#thaw();
      throw error;
    }
    this.#storedOffset = snapshot.meta.nextOffset;
    for (const actor of this.#frozen) if (actor.epoch === WRITING) actor.epoch = CLEAN;
    this.#frozen = [];
    this.#phase = 'idle';
  }

  /**
   * A snapshot that did not reach the store: its actors are dirty still, and go with the next one.
   */
  #thaw(): void {
    for (const actor of this.#frozen) {
      if (actor.state !== undefined) actor.image = undefined;
      if (actor.epoch === this.#epoch) continue;
      actor.epoch = this.#epoch;
      this.#dirty.push(actor);
      this.dirtyBytes += actor.heapBytes;
    }
    this.#frozen = [];
    this.#phase = 'idle';
  }

  evict(): void {
    for (const actor of this.#newcomers) this.#pack(actor);
    this.#newcomers.length = 0;
    this.#cache.evict((actor) => this.#pack(actor));
  }

  #metaAt(nextOffset: Offset): StoreMeta {
    return {
      formatVersion: 1,
      nextOffset,
      digest: this.#digest.hex(),
      actorCount: this.#actorCount,
      schemas: this.#schemas,
    };
  }

  #remember(actor: CachedActor): void {
    actor.counted = true;
    actor.h0 = this.#lanes[0] as number;
    actor.h1 = this.#lanes[1] as number;
    actor.h2 = this.#lanes[2] as number;
    actor.h3 = this.#lanes[3] as number;
  }

  #recall({ h0, h1, h2, h3 }: CachedActor): void {
    this.#lanes[0] = h0;
    this.#lanes[1] = h1;
    this.#lanes[2] = h2;
    this.#lanes[3] = h3;
  }
}

class SliceTimer {
  readonly #stats: ActorTableStats;
  #startedMs = performance.now();

  constructor(stats: ActorTableStats) {
    this.#stats = stats;
  }

  start(): void {
    this.#startedMs = performance.now();
  }

  stop(): void {
    const ms = performance.now() - this.#startedMs;
    if (ms > this.#stats.snapshotPauseMsMax) this.#stats.snapshotPauseMsMax = ms;
  }
}

/** Of the pause the last snapshot's is kept: who reads it once a snapshot misses none. */
function liveStats(cache: ActorCache): ActorTableStats {
  return {
    hits: 0,
    misses: 0,
    snapshotPauseMsMax: 0,
    get cachedActors() {
      return cache.size;
    },
    get cachedBytes() {
      return cache.bytes;
    },
    get evicted() {
      return cache.evicted;
    },
  };
}
