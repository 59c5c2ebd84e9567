/**
 * Memory for the encodings of packed actors, outside the heap: the garbage collector neither marks
 * nor moves it.
 *
 * Pages of 64 KiB are cut into blocks of one size each; sizes grow by an eighth, so a block wastes
 * at most that. A page whose blocks are all free may be cut anew to another size. What is larger
 * than a quarter of a page has a page of its own size, which goes with it.
 */
import { assert } from '../src/core/assert.ts';

const PAGE_BYTES = 64 << 10;
const UNIT_BYTES = 16;
/** An address is the page's number and the block's place within it, in units. */
const UNIT_BITS = 12;
const UNIT_MASK = (1 << UNIT_BITS) - 1;
const BLOCK_BYTES_MAX = PAGE_BYTES >> 2;
const NONE = -1;

/** Bytes at a place: `start` is a multiple of 4, `words` and `view` are over the same buffer. */
export interface Span {
  bytes: Buffer;
  words: Int32Array;
  view: DataView;
  start: number;
  end: number;
}

export function spanOf(buffer: ArrayBuffer): Span {
  return {
    bytes: Buffer.from(buffer),
    words: new Int32Array(buffer),
    view: new DataView(buffer),
    start: 0,
    end: 0,
  };
}

interface Page extends Pick<Span, 'bytes' | 'words' | 'view'> {
  blockUnits: number;
  /** Units, of the first free block; each free block begins with the place of the next. */
  free: number;
  /** Units up to here have been blocks; what lies behind is free too. */
  cut: number;
  used: number;
}

export class ByteArena {
  readonly #pages: (Page | undefined)[] = [];
  /** Numbers of pages with room, by the size of their blocks in units. */
  readonly #roomy = new Map<number, number[]>();
  readonly #empty: number[] = [];
  readonly #freeNumbers: number[] = [];

  /** What a block for so many bytes takes. */
  static blockBytes(length: number): number {
    return length > BLOCK_BYTES_MAX ? length : UNIT_BYTES * blockUnits(length);
  }

  /** Copies the span into a block. @returns its address */
  put(span: Span): number {
    const length = span.end - span.start;
    const address = length > BLOCK_BYTES_MAX ? this.#newLarge(length) : this.#take(length);
    const { words } = this.#pages[address >> UNIT_BITS] as Page;
    const to = (address & UNIT_MASK) * (UNIT_BYTES / 4);
    const from = span.start >> 2;
    const source = span.words;
    // For the few words of most actors a loop is faster than a view to copy from.
    for (let i = 0; i < (length + 3) >> 2; i++) words[to + i] = source[from + i] as number;
    return address;
  }

  /** Points `span` at the `length` bytes of a block. */
  read(address: number, length: number, span: Span): void {
    const { bytes, words, view } = this.#pages[address >> UNIT_BITS] as Page;
    span.bytes = bytes;
    span.words = words;
    span.view = view;
    span.start = (address & UNIT_MASK) * UNIT_BYTES;
    span.end = span.start + length;
  }

  free(address: number): void {
    const number = address >> UNIT_BITS;
    const page = this.#pages[number] as Page;
    page.used -= 1;
    assert(page.used >= 0, 'a block is freed once');
    if (page.blockUnits === 0) {
      this.#pages[number] = undefined;
      this.#freeNumbers.push(number);
      return;
    }
    const wasFull = page.free === NONE && page.cut + page.blockUnits > PAGE_BYTES / UNIT_BYTES;
    const place = address & UNIT_MASK;
    page.words[place * (UNIT_BYTES / 4)] = page.free;
    page.free = place;
    const roomy = this.#roomyOf(page.blockUnits);
    if (wasFull) roomy.push(number);
    // One page of each size stays, or a single actor that comes and goes would cut it again.
    if (page.used === 0 && roomy.length > 1) {
      roomy.splice(roomy.indexOf(number), 1);
      this.#empty.push(number);
    }
  }

  #take(length: number): number {
    const units = blockUnits(length);
    const roomy = this.#roomyOf(units);
    let number = roomy[roomy.length - 1];
    if (number === undefined) {
      number = this.#cutPage(units);
      roomy.push(number);
    }
    const page = this.#pages[number] as Page;
    let place = page.free;
    if (place !== NONE) {
      page.free = page.words[place * (UNIT_BYTES / 4)] as number;
    } else {
      place = page.cut;
      page.cut += units;
    }
    page.used += 1;
    if (page.free === NONE && page.cut + units > PAGE_BYTES / UNIT_BYTES) roomy.pop();
    return (number << UNIT_BITS) | place;
  }

  #roomyOf(units: number): number[] {
    let roomy = this.#roomy.get(units);
    if (roomy === undefined) this.#roomy.set(units, (roomy = []));
    return roomy;
  }

  #cutPage(units: number): number {
    const number = this.#empty.pop() ?? this.#addPage(PAGE_BYTES);
    const page = this.#pages[number] as Page;
    page.blockUnits = units;
    page.free = NONE;
    page.cut = 0;
    return number;
  }

  #newLarge(length: number): number {
    const number = this.#addPage((length + 3) & ~3);
    (this.#pages[number] as Page).used = 1;
    return number << UNIT_BITS;
  }

  #addPage(byteLength: number): number {
    const number = this.#freeNumbers.pop() ?? this.#pages.length;
    assert(number < 2 ** (31 - UNIT_BITS), 'an arena has at most 32 GiB of pages');
    const { bytes, words, view } = spanOf(new ArrayBuffer(byteLength));
    this.#pages[number] = { bytes, words, view, blockUnits: 0, free: NONE, cut: 0, used: 0 };
    return number;
  }
}

/** Units of the smallest block that holds `length` bytes. */
function blockUnits(length: number): number {
  const units = Math.max(1, Math.ceil(length / UNIT_BYTES));
  if (units <= 16) return units;
  // Steps of an eighth of the power of two below.
  const step = 1 << (28 - Math.clz32(units - 1));
  return Math.ceil(units / step) * step;
}
