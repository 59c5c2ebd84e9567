/**
 * Writes the types of Kafka's protocol into one growing buffer. Strings, bytes and arrays are of
 * the "compact" kind (length + 1 as an unsigned varint), as in every flexible version.
 */
export class Writer {
  #bytes: Buffer;
  #length = 0;

  constructor(bytesHint = 256) {
    this.#bytes = Buffer.allocUnsafe(bytesHint);
  }

  get length(): number {
    return this.#length;
  }

  /** A view of what is written; it changes with the next write. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What is about to be written is so long, or less: it is not put together in steps then. */
  reserve(bytes: number): this {
    this.#room(bytes);
    return this;
  }

  i8(value: number): this {
    this.#room(1);
    this.#length = this.#bytes.writeInt8(value, this.#length);
    return this;
  }

  i16(value: number): this {
    this.#room(2);
    this.#length = this.#bytes.writeInt16BE(value, this.#length);
    return this;
  }

  i32(value: number): this {
    this.#room(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#room(4);
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
    return this;
  }

  /** A whole number within 2^53: offsets, times and producer ids are. */
  i64(value: number): this {
    this.#room(8);
    this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.#length);
    this.#bytes.writeUInt32BE(value >>> 0, this.#length + 4);
    this.#length += 8;
    return this;
  }

  bool(value: boolean): this {
    return this.i8(value ? 1 : 0);
  }

  uvarint(value: number): this {
    this.#room(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  string(value: string): this {
    const bytes = Buffer.byteLength(value, 'utf8');
    this.uvarint(bytes + 1);
    this.#room(bytes);
    this.#length += this.#bytes.write(value, this.#length, 'utf8');
    return this;
  }

  nullableString(value: string | null): this {
    return value === null ? this.uvarint(0) : this.string(value);
  }

  /** Length in two bytes: request headers and the versions before the flexible ones. */
  shortString(value: string | null): this {
    if (value === null) return this.i16(-1);
    const bytes = Buffer.byteLength(value, 'utf8');
    this.i16(bytes).#room(bytes);
    this.#length += this.#bytes.write(value, this.#length, 'utf8');
    return this;
  }

  bytesField(value: Uint8Array): this {
    return this.uvarint(value.byteLength + 1).raw(value);
  }

  raw(value: Uint8Array): this {
    this.#room(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
    return this;
  }

  array<T>(values: readonly T[], write: (value: T) => void): this {
    this.uvarint(values.length + 1);
    for (const value of values) write(value);
    return this;
  }

  nullableArray<T>(values: readonly T[] | null, write: (value: T) => void): this {
    return values === null ? this.uvarint(0) : this.array(values, write);
  }

  /** No tagged fields: ends every structure of a flexible version. */
  tags(): this {
    return this.uvarint(0);
  }

  setI32(at: number, value: number): void {
    this.#bytes.writeInt32BE(value, at);
  }

  setU32(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.byteLength * 2, this.#length + more));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
