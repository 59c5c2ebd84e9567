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
 * T6  An actor is an object from a step on until the batch ends, or, if it is hot, until it was
 *     unused for HOT_BATCHES; else it is packed, which is bytes outside the heap. It is hot when it
 *     is used twice within so many batches. Where all of them are few, each that is used again is
 *     hot for good.
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
import { ActorCache, CLEAN, type Slot, WRITING } from './actor-cache.ts';
import type { ActorCodec } from './actor-codec.ts';
import { DigestSum, hashActor, hashSpan } from './digest.ts';
import { ImageWriter } from './image-writer.ts';
import type { Schemas } from './schema.ts';
import { forgetSnapshot, liveStats, SliceTimer } from './table-stats.ts';

// Large actors fill a slice before their number does: 256 KiB take about 1 ms to encode.
const SLICE_BYTES_MAX = 256 << 10;

/**
 * T6. Of a large population most objects then die young, which costs the garbage collector nothing,
 * and those that stay are few: HOT_BATCHES times 1,024 actors a table.
 */
const HOT_BATCHES = 4;
const FEW_ACTORS = 1024;

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
  #dirty: Slot[] = [];
  #frozen: Slot[] = [];
  /** Calls of `evict` so far. */
  #batch = 0;
  /** Objects to look at (T6) by the batch at whose end that is due, modulo the ring's length. */
  readonly #looks: ActorKey[][] = Array.from({ length: HOT_BATCHES + 1 }, () => []);
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
      // Awaited in either case: only now do others see that the keys are being loaded (T3).
      const values = await (this.#holdsAll ? [] : store.getMany(keys));
      for (let i = 0; i < keys.length; i++) {
        if (i > 0 && i % this.#sliceActors === 0) await clock.yield();
        this.#revive(keys[i] as ActorKey, values[i]);
      }
    } finally {
      for (const key of keys) this.#loading.delete(key);
    }
  }

  /** T4: then a key that is absent is not in the store either, and need not be looked for. */
  get #holdsAll(): boolean {
    return this.#cache.countedSize === this.#actorCount;
  }

  /**
   * An actor of an old schema is as clean as any: it is written in the new one when it next
   * changes.
   */
  #revive(key: ActorKey, bytes: Uint8Array | undefined): void {
    const { codec, createActor } = this.#options;
    if (bytes === undefined) {
      this.#cache.add(key, createActor());
    } else {
      const state = codec.decode(key, bytes, this.#schemas);
      const slot = this.#cache.add(key, state, bytes.byteLength);
      hashActor(key, bytes, this.#lanes);
      this.#cache.remember(slot, this.#lanes);
    }
    this.#lookAfter(this.#cache.find(key), 0);
  }

  change(key: ActorKey): ActorState {
    const cache = this.#cache;
    const slot = cache.use(key);
    if (slot < 0) throw new Error(`assertion failed: actor ${key} was prefetched`);
    if (cache.epoch(slot) !== this.#epoch) this.#dirten(slot);
    const state = cache.state(slot) ?? this.#unpack(slot);
    const lastUse = cache.lastUse(slot);
    if (lastUse >= 0 && (this.#batch - lastUse <= HOT_BATCHES || this.#areFew)) {
      cache.setHot(slot, true);
    }
    cache.setLastUse(slot, this.#batch);
    return state;
  }

  #dirten(slot: Slot): void {
    const cache = this.#cache;
    // T1: frozen, and its turn has not come; what is packed has its image already.
    const isAwaited = this.#phase === 'encoding' && cache.epoch(slot) === this.#epoch - 1;
    const state = cache.state(slot);
    if (isAwaited && state !== undefined) cache.setImage(slot, this.#options.codec.write(state));
    cache.setEpoch(slot, this.#epoch);
    this.#dirty.push(slot);
    this.dirtyBytes += cache.memoryBytes(slot);
    if (state === undefined) this.#unpack(slot, isAwaited);
  }

  #unpack(slot: Slot, imageIsAwaited = false): ActorState {
    const cache = this.#cache;
    const key = cache.key(slot);
    const state = this.#options.codec.read(key, cache.image(slot), this.#schemas);
    if (!imageIsAwaited) cache.dropImage(slot);
    cache.setState(slot, state);
    this.#resize(slot, cache.encodedBytes(slot));
    if (cache.nextLook(slot) < this.#batch) this.#lookAfter(slot, 0);
    return state;
  }

  #pack(slot: Slot): void {
    const cache = this.#cache;
    const state = cache.state(slot);
    // An image that the snapshot under way still awaits has the place.
    if (state === undefined || cache.hasImage(slot)) return;
    const image = this.#options.codec.write(state);
    cache.setImage(slot, image);
    cache.setState(slot, undefined);
    cache.setHot(slot, false);
    this.#resize(slot, image.end - image.start);
  }

  get #areFew(): boolean {
    return this.#cache.size <= FEW_ACTORS;
  }

  #lookAfter(slot: Slot, batches: number): void {
    const batch = this.#batch + batches;
    this.#cache.setNextLook(slot, batch);
    (this.#looks[batch % this.#looks.length] as ActorKey[]).push(this.#cache.key(slot));
  }

  /** T6. By key, not by slot: an actor may have left meanwhile, and another have its slot. */
  #packUnused(): void {
    const cache = this.#cache;
    const place = this.#batch % this.#looks.length;
    const due = this.#looks[place] as ActorKey[];
    this.#looks[place] = [];
    for (let i = 0; i < due.length; i++) {
      const slot = cache.find(due[i] as ActorKey);
      if (slot < 0 || cache.state(slot) === undefined) continue;
      if (cache.nextLook(slot) !== this.#batch) continue;
      const unusedBatches = this.#batch - cache.lastUse(slot);
      if (cache.isHot(slot) && (unusedBatches < HOT_BATCHES || this.#areFew)) {
        this.#lookAfter(slot, Math.max(1, HOT_BATCHES - unusedBatches));
      } else if (cache.hasImage(slot)) {
        this.#lookAfter(slot, 1); // which the snapshot under way awaits
      } else this.#pack(slot);
    }
    this.#batch += 1;
  }

  #resize(slot: Slot, encodedBytes: number): void {
    const before = this.#cache.memoryBytes(slot);
    this.#cache.resize(slot, encodedBytes);
    if (this.#cache.epoch(slot) === this.#epoch) {
      this.dirtyBytes += this.#cache.memoryBytes(slot) - before;
    }
  }

  async peek(key: ActorKey): Promise<ActorState | undefined> {
    const cache = this.#cache;
    const slot = cache.find(key);
    if (slot >= 0) {
      if (!cache.isCounted(slot) && cache.epoch(slot) === CLEAN) return undefined;
      return cache.state(slot) ?? this.#options.codec.read(key, cache.image(slot), this.#schemas);
    }
    const [bytes] = await this.#options.store.getMany([key]);
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
    forgetSnapshot(this.stats);
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
    const timer = new SliceTimer(this.stats);
    const { keys, bytes } = this.#cache.sorted(this.#frozen);
    const image = new ImageWriter(bytes);
    for (let i = 0; i < keys.length; ) {
      const end = Math.min(keys.length, i + this.#sliceActors);
      const bytesEnd = image.length + SLICE_BYTES_MAX;
      while (i < end && image.length < bytesEnd) {
        const key = keys[i++] as ActorKey;
        this.#encode(key, this.#cache.find(key), image);
      }
      timer.stop();
      if (i < keys.length) await this.#options.clock.yield();
      timer.start();
    }
    return image;
  }

  #encode(key: ActorKey, slot: Slot, image: ImageWriter): void {
    const cache = this.#cache;
    const state = cache.state(slot);
    const hasImage = cache.hasImage(slot);
    const span = hasImage ? cache.image(slot) : this.#options.codec.write(state as ActorState);
    image.add(key, span);
    if (cache.isCounted(slot)) {
      cache.recall(slot, this.#lanes);
      this.#digest.removeLanes(this.#lanes);
    } else this.#actorCount += 1;
    hashSpan(key, span, this.#lanes);
    this.#digest.addLanes(this.#lanes);
    cache.remember(slot, this.#lanes);
    this.#resize(slot, span.end - span.start);
    if (hasImage && state !== undefined) cache.dropImage(slot);
    if (cache.epoch(slot) !== this.#epoch) cache.setEpoch(slot, WRITING);
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
    const cache = this.#cache;
    for (const slot of this.#frozen) if (cache.epoch(slot) === WRITING) cache.setEpoch(slot, CLEAN);
    this.#frozen = [];
    this.#phase = 'idle';
  }

  /**
   * A snapshot that did not reach the store: its actors are dirty still, and go with the next one.
   */
  #thaw(): void {
    const cache = this.#cache;
    for (const slot of this.#frozen) {
      if (cache.state(slot) !== undefined) cache.dropImage(slot);
      if (cache.epoch(slot) === this.#epoch) continue;
      cache.setEpoch(slot, this.#epoch);
      this.#dirty.push(slot);
      this.dirtyBytes += cache.memoryBytes(slot);
    }
    this.#frozen = [];
    this.#phase = 'idle';
  }

  evict(): void {
    this.#packUnused();
    this.#cache.evict((slot) => this.#pack(slot));
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
}
