/**
 * Actors in memory, by key, with a byte budget. Each has a slot: a line of 64 bytes in one typed
 * array with all that the table knows of it, and beside it either the actor as an object or its
 * encoding in an arena. What is packed is no object at all to the garbage collector, however many
 * there are.
 *
 * Who goes is decided by CLOCK: a hand walks over all slots and lowers each one's mark; an actor
 * whose mark is down already leaves, if it is clean. That costs one field write an access, where a
 * true LRU list costs six, and lets hardly anything hot go.
 */
import type { ActorState } from '../src/core/flow.ts';
import type { ActorKey } from '../src/core/ids.ts';
import { NumberIndex } from '../src/core/number-index.ts';
import { ByteArena, type Span, spanOf } from './byte-arena.ts';

/** A slot's number: good until its actor leaves. */
export type Slot = number;

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
/** Its slot, its place among the objects, and 16 to 48 in the index. */
const BYTES_OF_SLOT = 110;
/** Stands for the encoded bytes of an actor that was never encoded. */
const NEW_ACTOR_BYTES = 200;

// Steps of the hand in one go: about 0.5 ms.
const HAND_STEPS_MAX = 16_384;

const SLOTS_AT_FIRST = 256;
const NONE = -1;
const FREE_KEY = -1;

/** A slot's words; the first two are its key, as a double. */
const WORDS = 16;
const EPOCH = 2;
const MARK = 3;
/** Of its last encoding. */
const ENCODED_BYTES = 4;
/** Estimated when it was last encoded or loaded. */
const MEMORY_BYTES = 5;
const IMAGE = 6;
const IMAGE_BYTES = 7;
/** Four lanes. */
const HASH = 8;
const COUNTED = 12;
/** Batches: of its last step, and of the table's next look at it. */
const LAST_USE = 13;
const NEXT_LOOK = 14;
const IS_HOT = 15;
/** Of a slot that is free. */
const NEXT_FREE = 2;

export class ActorCache {
  bytesMax: number;
  bytes = 0;
  evicted = 0;
  /** Actors that are counted (`isCounted`), of those in memory. */
  countedSize = 0;
  readonly #index = new NumberIndex();
  readonly #arena = new ByteArena();
  readonly #image: Span = spanOf(new ArrayBuffer(0));
  readonly #states: (ActorState | undefined)[] = [];
  #words = new Int32Array(SLOTS_AT_FIRST * WORDS);
  #keys = new Float64Array(this.#words.buffer);
  #slotCount = 0;
  #firstFree: Slot = NONE;
  #hand: Slot = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get size(): number {
    return this.#index.size;
  }

  /** @returns -1 when the actor is not in memory */
  find(key: ActorKey): Slot {
    return this.#index.get(key);
  }

  /** For a step: the actor counts as used. */
  use(key: ActorKey): Slot {
    const slot = this.#index.get(key);
    if (slot !== NONE) this.#words[slot * WORDS + MARK] = MARK_USED;
    return slot;
  }

  /** For a step to come: the actor stays for it. */
  keep(key: ActorKey): boolean {
    const slot = this.#index.get(key);
    if (slot === NONE) return false;
    this.#words[slot * WORDS + MARK] = MARK_PREFETCHED;
    return true;
  }

  /** A clean actor, not in memory so far; `encodedBytes` when it comes from an encoding. */
  add(key: ActorKey, state: ActorState, encodedBytes = NEW_ACTOR_BYTES): Slot {
    const slot = this.#newSlot();
    this.#index.add(key, slot);
    this.#keys[(slot * WORDS) / 2] = key;
    this.#states[slot] = state;
    const words = this.#words;
    const at = slot * WORDS;
    words[at + EPOCH] = CLEAN;
    words[at + MARK] = MARK_PREFETCHED;
    words[at + MEMORY_BYTES] = 0;
    words[at + IMAGE] = NONE;
    words[at + COUNTED] = 0;
    words[at + LAST_USE] = NONE;
    words[at + NEXT_LOOK] = NONE;
    words[at + IS_HOT] = 0;
    this.resize(slot, encodedBytes);
    return slot;
  }

  key(slot: Slot): ActorKey {
    return this.#keys[(slot * WORDS) / 2] as ActorKey;
  }

  /** CLEAN, WRITING, or the number of the snapshot that its last change belongs to. */
  epoch(slot: Slot): number {
    return this.#words[slot * WORDS + EPOCH] as number;
  }

  setEpoch(slot: Slot, epoch: number): void {
    this.#words[slot * WORDS + EPOCH] = epoch;
  }

  /** The keys of these, ascending, and the bytes that their encodings may take in an image. */
  sorted(slots: readonly Slot[]): { readonly keys: Float64Array; readonly bytes: number } {
    const keys = new Float64Array(slots.length);
    let bytes = 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot;
      keys[i] = this.key(slot);
      bytes += 1.5 * this.encodedBytes(slot) + 64;
    }
    return { keys: keys.sort(), bytes };
  }

  /** The batch of its last step; -1 for never. */
  lastUse(slot: Slot): number {
    return this.#words[slot * WORDS + LAST_USE] as number;
  }

  setLastUse(slot: Slot, batch: number): void {
    this.#words[slot * WORDS + LAST_USE] = batch;
  }

  /** True when it was used often enough to stay an object. */
  isHot(slot: Slot): boolean {
    return this.#words[slot * WORDS + IS_HOT] === 1;
  }

  setHot(slot: Slot, isHot: boolean): void {
    this.#words[slot * WORDS + IS_HOT] = isHot ? 1 : 0;
  }

  /** The batch at whose end the table looks whether it is to be packed. */
  nextLook(slot: Slot): number {
    return this.#words[slot * WORDS + NEXT_LOOK] as number;
  }

  setNextLook(slot: Slot, batch: number): void {
    this.#words[slot * WORDS + NEXT_LOOK] = batch;
  }

  /** Undefined while it is packed: then its image is all there is of it. */
  state(slot: Slot): ActorState | undefined {
    return this.#states[slot];
  }

  setState(slot: Slot, state: ActorState | undefined): void {
    this.#states[slot] = state;
  }

  /** True when the digest holds its last encoding. */
  isCounted(slot: Slot): boolean {
    return this.#words[slot * WORDS + COUNTED] === 1;
  }

  /** The digest holds an encoding with this hash from now on. */
  remember(slot: Slot, lanes: Int32Array): void {
    const at = slot * WORDS;
    if (!this.isCounted(slot)) this.countedSize += 1;
    this.#words[at + COUNTED] = 1;
    for (let i = 0; i < 4; i++) this.#words[at + HASH + i] = lanes[i] as number;
  }

  recall(slot: Slot, lanes: Int32Array): void {
    for (let i = 0; i < 4; i++) lanes[i] = this.#words[slot * WORDS + HASH + i] as number;
  }

  hasImage(slot: Slot): boolean {
    return this.#words[slot * WORDS + IMAGE] !== NONE;
  }

  /**
   * Its encoding: as it is while it is packed, else as of the snapshot that is being taken, when it
   * changed before its turn came. Good until the next call.
   */
  image(slot: Slot): Span {
    const at = slot * WORDS;
    const words = this.#words;
    this.#arena.read(words[at + IMAGE] as number, words[at + IMAGE_BYTES] as number, this.#image);
    return this.#image;
  }

  setImage(slot: Slot, image: Span): void {
    this.dropImage(slot);
    this.#words[slot * WORDS + IMAGE] = this.#arena.put(image);
    this.#words[slot * WORDS + IMAGE_BYTES] = image.end - image.start;
  }

  dropImage(slot: Slot): void {
    const address = this.#words[slot * WORDS + IMAGE] as number;
    if (address === NONE) return;
    this.#arena.free(address);
    this.#words[slot * WORDS + IMAGE] = NONE;
  }

  encodedBytes(slot: Slot): number {
    return this.#words[slot * WORDS + ENCODED_BYTES] as number;
  }

  /** Of memory, estimated. */
  memoryBytes(slot: Slot): number {
    return this.#words[slot * WORDS + MEMORY_BYTES] as number;
  }

  /** An actor has been encoded, packed or unpacked: its size is known anew. */
  resize(slot: Slot, encodedBytes: number): void {
    const at = slot * WORDS;
    const bytes = memoryBytesOf(this.#states[slot], encodedBytes);
    this.bytes += bytes - (this.#words[at + MEMORY_BYTES] as number);
    this.#words[at + ENCODED_BYTES] = encodedBytes;
    this.#words[at + MEMORY_BYTES] = bytes;
  }

  /**
   * Lets clean actors go, and has dirty ones packed, until the budget is met, as far as one short
   * walk of the hand gets.
   */
  evict(pack: (slot: Slot) => void): void {
    const stepsMax = Math.min(this.#slotCount, HAND_STEPS_MAX);
    for (let steps = 0; steps < stepsMax && this.bytes > this.bytesMax; steps++) {
      if (this.#hand >= this.#slotCount) this.#hand = 0;
      const slot = this.#hand++;
      if (this.#keys[(slot * WORDS) / 2] === FREE_KEY) continue;
      const epoch = this.epoch(slot);
      if (epoch !== CLEAN && (epoch === WRITING || this.#states[slot] === undefined)) continue;
      const mark = this.#words[slot * WORDS + MARK] as number;
      if (mark > 0) this.#words[slot * WORDS + MARK] = mark - 1;
      else if (epoch !== CLEAN) pack(slot);
      else this.#drop(slot);
    }
  }

  #drop(slot: Slot): void {
    this.#index.delete(this.key(slot));
    this.dropImage(slot);
    if (this.isCounted(slot)) this.countedSize -= 1;
    this.bytes -= this.memoryBytes(slot);
    this.evicted += 1;
    this.#states[slot] = undefined;
    this.#keys[(slot * WORDS) / 2] = FREE_KEY;
    this.#words[slot * WORDS + NEXT_FREE] = this.#firstFree;
    this.#firstFree = slot;
  }

  #newSlot(): Slot {
    const free = this.#firstFree;
    if (free !== NONE) {
      this.#firstFree = this.#words[free * WORDS + NEXT_FREE] as number;
      return free;
    }
    if ((this.#slotCount + 1) * WORDS > this.#words.length) this.#grow();
    this.#states.push(undefined);
    return this.#slotCount++;
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.#words.length);
    larger.set(this.#words);
    this.#words = larger;
    this.#keys = new Float64Array(larger.buffer);
  }
}

function memoryBytesOf(state: ActorState | undefined, encodedBytes: number): number {
  if (state === undefined) return BYTES_OF_SLOT + ByteArena.blockBytes(encodedBytes);
  // A new actor gets its first sub-key with the step that it is made for.
  const subBytes = HEAP_BYTES_OF_SUB * Math.max(1, state.subs.size);
  return HEAP_BYTES_OF_ACTOR + subBytes + Math.ceil(HEAP_BYTES_BY_ENCODED * encodedBytes);
}
