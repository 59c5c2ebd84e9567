/**
 * From keys, integers of 0 to 2^53 - 1, to rows of a table: open addressing in one typed array, so
 * that the garbage collector sees one object where a Map of a million keys is millions of words to
 * mark, and a look-up touches one cache line. Growing moves the entries, not what they point at.
 */
import { assert } from './assert.ts';

const CAPACITY_AT_FIRST = 1024;
const EMPTY = -1;
const NONE = -1;

export class NumberIndex {
  /** Pairs of key and row; an empty place has the key -1. */
  #pairs = new Float64Array(2 * CAPACITY_AT_FIRST).fill(EMPTY);
  #mask = CAPACITY_AT_FIRST - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns the row, or -1 */
  get(key: number): number {
    const pairs = this.#pairs;
    for (let place = this.#home(key); ; place = (place + 1) & this.#mask) {
      const found = pairs[2 * place] as number;
      if (found === key) return pairs[2 * place + 1] as number;
      if (found === EMPTY) return NONE;
    }
  }

  /** The key is not there yet. */
  add(key: number, row: number): void {
    assert(key >= 0 && row >= 0, 'an index holds rows by keys, neither below 0');
    // At two thirds a look-up that finds nothing takes five steps; they lie side by side.
    if (3 * this.#size >= 2 * (this.#mask + 1)) this.#grow();
    this.#size += 1;
    this.#put(key, row);
  }

  /** Closes the gap, so that no look-up ever walks over what is gone. */
  delete(key: number): void {
    const pairs = this.#pairs;
    let gap = this.#home(key);
    while (pairs[2 * gap] !== key) {
      if (pairs[2 * gap] === EMPTY) return;
      gap = (gap + 1) & this.#mask;
    }
    this.#size -= 1;
    for (let next = (gap + 1) & this.#mask; pairs[2 * next] !== EMPTY; ) {
      const way = (next - this.#home(pairs[2 * next] as number)) & this.#mask;
      if (way >= ((next - gap) & this.#mask)) {
        pairs.copyWithin(2 * gap, 2 * next, 2 * next + 2);
        gap = next;
      }
      next = (next + 1) & this.#mask;
    }
    pairs[2 * gap] = EMPTY;
  }

  /** Multiplied, the low bits of a key reach all of the high ones, which are then moved down. */
  #home(key: number): number {
    const high = (key / 0x1_0000_0000) | 0;
    const mixed = Math.imul((key | 0) ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }

  #put(key: number, row: number): void {
    let place = this.#home(key);
    while (this.#pairs[2 * place] !== EMPTY) place = (place + 1) & this.#mask;
    this.#pairs[2 * place] = key;
    this.#pairs[2 * place + 1] = row;
  }

  #grow(): void {
    const old = this.#pairs;
    this.#pairs = new Float64Array(2 * old.length).fill(EMPTY);
    this.#mask = 2 * this.#mask + 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== EMPTY) this.#put(old[i] as number, old[i + 1] as number);
    }
  }
}
