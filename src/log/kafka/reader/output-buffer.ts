/** What a decoder writes: it grows by doubling, up to a limit. */
export class OutputBuffer {
  readonly #bytesMax: number;
  #bytes: Uint8Array;
  length = 0;

  constructor(bytesHint: number, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bytes = new Uint8Array(Math.min(bytesHint, bytesMax));
  }

  /** The bytes, with room for `more` after `length`. @throws RangeError beyond the limit */
  room(more: number): Uint8Array {
    const needed = this.length + more;
    if (needed <= this.#bytes.byteLength) return this.#bytes;
    if (needed > this.#bytesMax) {
      throw new RangeError(`it unpacks to more than ${this.#bytesMax} bytes`);
    }
    const grown = new Uint8Array(Math.min(Math.max(needed, this.length * 2), this.#bytesMax));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
    return grown;
  }

  add(piece: Uint8Array): void {
    this.room(piece.byteLength).set(piece, this.length);
    this.length += piece.byteLength;
  }

  /**
   * Repeats `count` bytes from `distance` back, no further than `start`; they may overlap what is
   * written: then the pattern repeats.
   */
  repeat(distance: number, count: number, start = 0): void {
    const from = this.length - distance;
    if (distance === 0 || from < start) throw new RangeError('a copy from before the start');
    const bytes = this.room(count);
    if (distance >= count) bytes.copyWithin(this.length, from, from + count);
    else for (let i = 0; i < count; i++) bytes[this.length + i] = bytes[from + i] as number;
    this.length += count;
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}
