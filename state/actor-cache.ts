/**
 * Actors in memory, by key, with a byte budget. Who goes is decided by CLOCK: a hand walks over all
 * actors and lowers each one's mark; an actor whose mark is down already leaves, if it is clean.
 * That costs one field write an access, where a true LRU list costs six, and lets hardly anything
 * hot go.
 */
import type { ActorState } from '../src/core/flow.ts';
import type { ActorKey } from '../src/core/ids.ts';

/** Actor is as its last encoding, and as the store beneath has it (or unknown there). */
export const CLEAN = 0;
/** Encoded, and on its way to the store. */
export const WRITING = -1;

const MARK_USED = 1;
// Prefetched for a batch that may come after the next `evict`: it survives two.
const MARK_PREFETCHED = 2;

// Measured with the operators of R1 (`test/bench/state.ts heap`): an actor without cards takes 480
// bytes and 150 in the cache, a card 1,100 for its empty states, and what they hold 0.7 to 1.5 by
// encoded byte.
const HEAP_BYTES_OF_ACTOR = 650;
const HEAP_BYTES_OF_SUB = 1100;
const HEAP_BYTES_BY_ENCODED = 1.5;
/** An actor that is packed: 170 bytes, 60 in the cache, 100 for the view of its encoding. */
const HEAP_BYTES_OF_PACKED = 350;
/** Stands for the encoded bytes of an actor that was never encoded. */
const NEW_ACTOR_BYTES = 200;

// Steps of the hand in one go: about 0.5 ms.
const HAND_STEPS_MAX = 16_384;

export class CachedActor {
  readonly key: ActorKey;
  /** Undefined while it is packed: then `image` is all there is of it. */
  state: ActorState | undefined;
  mark = MARK_PREFETCHED;
  /** CLEAN, WRITING, or the number of the snapshot that its last change belongs to. */
  epoch = CLEAN;
  encodedBytes = NEW_ACTOR_BYTES;
  /** Estimated when it was last encoded or loaded. */
  heapBytes = 0;
  /** True when the digest holds its last encoding, whose hash is h0 to h3. */
  counted = false;
  h0 = 0;
  h1 = 0;
  h2 = 0;
  h3 = 0;
  /**
   * Its encoding: as it is while it is packed, else as of the snapshot that is being taken, when it
   * changed before its turn came.
   */
  image: Uint8Array | undefined = undefined;

  constructor(key: ActorKey, state: ActorState) {
    this.key = key;
    this.state = state;
  }
}

function heapBytesOf({ state, encodedBytes }: CachedActor): number {
  if (state === undefined) return HEAP_BYTES_OF_PACKED + encodedBytes;
  // A new actor gets its first sub-key with the step that it is made for.
  const subs = Math.max(1, state.subs.size);
  return HEAP_BYTES_OF_ACTOR + HEAP_BYTES_OF_SUB * subs + HEAP_BYTES_BY_ENCODED * encodedBytes;
}

export class ActorCache {
  bytesMax: number;
  bytes = 0;
  evicted = 0;
  readonly #actors = new Map<ActorKey, CachedActor>();
  /**
   * A Map's iterator survives insertions and deletions, and meets what is added behind it: the
   * clock's hand.
   */
  #hand = this.#actors.values();

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get size(): number {
    return this.#actors.size;
  }

  /** For a step: the actor counts as used. */
  use(key: ActorKey): CachedActor | undefined {
    const actor = this.#actors.get(key);
    if (actor !== undefined) actor.mark = MARK_USED;
    return actor;
  }

  /** For a step to come: the actor stays for it. */
  keep(key: ActorKey): boolean {
    const actor = this.#actors.get(key);
    if (actor === undefined) return false;
    actor.mark = MARK_PREFETCHED;
    return true;
  }

  get(key: ActorKey): CachedActor | undefined {
    return this.#actors.get(key);
  }

  add(actor: CachedActor): void {
    this.#actors.set(actor.key, actor);
    actor.heapBytes = heapBytesOf(actor);
    this.bytes += actor.heapBytes;
  }

  /** An actor has been encoded: its size is known anew. */
  resize(actor: CachedActor, encodedBytes: number): void {
    actor.encodedBytes = encodedBytes;
    this.bytes -= actor.heapBytes;
    actor.heapBytes = heapBytesOf(actor);
    this.bytes += actor.heapBytes;
  }

  /**
   * Lets clean actors go, and has dirty ones packed, until the budget is met, as far as one short
   * walk of the hand gets.
   */
  evict(pack: (actor: CachedActor) => void): void {
    const stepsMax = Math.min(this.#actors.size, HAND_STEPS_MAX);
    for (let steps = 0; steps < stepsMax && this.bytes > this.bytesMax; steps++) {
      let next = this.#hand.next();
      if (next.done === true) {
        this.#hand = this.#actors.values();
        next = this.#hand.next();
      }
      const actor = next.value as CachedActor;
      const isClean = actor.epoch === CLEAN;
      if (!isClean && (actor.epoch === WRITING || actor.state === undefined)) continue;
      if (actor.mark > 0) actor.mark -= 1;
      else if (!isClean) pack(actor);
      else this.#drop(actor);
    }
  }

  #drop(actor: CachedActor): void {
    this.#actors.delete(actor.key);
    this.bytes -= actor.heapBytes;
    this.evicted += 1;
  }
}
