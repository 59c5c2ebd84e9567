/**
 * The newest chunks of each partition, in memory: a live reader follows without the disk.
 * One budget for all partitions; the chunk that came first goes first.
 * E5: what a tail holds of its partition is contiguous, up to the partition's end.
 */
import type { Offset } from '../../core/ids.ts';
import type { FetchedBatch } from '../../core/records.ts';

export interface Chunk {
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  readonly bytes: Uint8Array;
}

/** What of a partition to read: [from, to), in whole chunks, one at least, up to `bytesMax`. */
export interface Span {
  readonly from: Offset;
  readonly to: Offset;
  readonly bytesMax: number;
}

/** A queue that gives its front away in constant time. */
class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  at(index: number): T {
    return this.#items[this.#head + index] as T;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined as T;
    this.#head += 1;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

export type Tail = Fifo<Chunk>;

export class TailCache {
  readonly #bytesMax: number;
  /** The tail of each cached chunk, oldest chunk first. */
  readonly #ages = new Fifo<Tail>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  newTail(): Tail {
    return new Fifo();
  }

  /** Copies the bytes: the caller may go on to transfer its own. */
  add(tail: Tail, chunk: Chunk): void {
    if (chunk.bytes.byteLength > this.#bytesMax / 4) return this.drop(tail);
    tail.push({ ...chunk, bytes: new Uint8Array(chunk.bytes) });
    this.#ages.push(tail);
    this.#bytes += chunk.bytes.byteLength;
    while (this.#bytes > this.#bytesMax) {
      this.#bytes -= this.#ages.shift()?.shift()?.bytes.byteLength ?? 0;
    }
  }

  /** Forgets a partition: its chunks on disk have become others. */
  drop(tail: Tail): void {
    while (tail.length > 0) this.#bytes -= tail.shift()?.bytes.byteLength ?? 0;
  }

  /** Copies, fit to be transferred; undefined when the tail does not reach back to `from`. */
  read(tail: Tail, span: Span): FetchedBatch[] | undefined {
    if (tail.length === 0 || tail.at(0).baseOffset > span.from) return undefined;
    const batches: FetchedBatch[] = [];
    let bytes = 0;
    for (let i = indexOf(tail, span.from); i < tail.length; i++) {
      const chunk = tail.at(i);
      bytes += chunk.bytes.byteLength;
      if (chunk.baseOffset >= span.to || (batches.length > 0 && bytes > span.bytesMax)) break;
      const from = Math.max(span.from, chunk.baseOffset);
      batches.push({ ...chunk, from, bytes: new Uint8Array(chunk.bytes) });
    }
    return batches;
  }
}

/** The last chunk that begins at or before `offset`; there is one. */
function indexOf(tail: Tail, offset: Offset): number {
  let low = 0;
  let high = tail.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tail.at(middle).baseOffset <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
