/** Builds packed actors (`src/core/packed-actors.ts`) as they come, without holding them twice. */
import { assert } from '../src/core/assert.ts';
import type { ActorKey } from '../src/core/ids.ts';
import type { PackedActors } from '../src/core/state.ts';
import type { Span } from './byte-arena.ts';

const ENTRY_HEADER_BYTES = 12;
/** Up to here a loop copies faster than a view is made to copy from. */
const LOOP_BYTES_MAX = 160;

export class ImageWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  #count = 0;
  #previous = -1;

  /**
   * @param bytesExpected an overestimate costs address space only: the system backs pages when they
   * are written to; an underestimate costs a copy
   */
  constructor(bytesExpected: number) {
    this.#bytes = new Uint8Array(bytesExpected);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  get count(): number {
    return this.#count;
  }

  add(key: ActorKey, { bytes, start, end }: Span): void {
    assert(key > this.#previous, 'packed actors ascend by key');
    this.#previous = key;
    const length = end - start;
    const at = this.#length + ENTRY_HEADER_BYTES;
    if (at + length > this.#bytes.byteLength) this.#grow(at + length);
    this.#view.setFloat64(this.#length, key, true);
    this.#view.setUint32(this.#length + 8, length, true);
    const target = this.#bytes;
    if (length > LOOP_BYTES_MAX) target.set(bytes.subarray(start, end), at);
    else for (let i = 0; i < length; i++) target[at + i] = bytes[start + i] as number;
    this.#length = at + length;
    this.#count += 1;
  }

  finish(): PackedActors {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(bytesMin: number): void {
    const grown = new Uint8Array(Math.max(bytesMin, 2 * this.#bytes.byteLength));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
