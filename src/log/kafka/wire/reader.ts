/** Reads the types of Kafka's protocol out of one answer. Compact kinds, as in `writer.ts`. */
export class Reader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get left(): number {
    return this.bytes.byteLength - this.at;
  }

  i8(): number {
    return this.bytes.readInt8(this.at++);
  }

  i16(): number {
    const value = this.bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  i32(): number {
    const value = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  /** Offsets, times and producer ids stay within 2^53. */
  i64(): number {
    const high = this.bytes.readInt32BE(this.at);
    const low = this.bytes.readUInt32BE(this.at + 4);
    this.at += 8;
    return high * 2 ** 32 + low;
  }

  bool(): boolean {
    return this.i8() !== 0;
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes.readUInt8(this.at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value >>> 0;
  }

  uuid(): string {
    const hex = this.bytes.toString('hex', this.at, this.at + 16);
    this.at += 16;
    return hex;
  }

  nullableString(): string | null {
    const bytes = this.uvarint() - 1;
    if (bytes < 0) return null;
    this.at += bytes;
    return this.bytes.toString('utf8', this.at - bytes, this.at);
  }

  string(): string {
    return this.nullableString() ?? '';
  }

  /** Length in two bytes: the versions before the flexible ones. */
  shortString(): string {
    const bytes = Math.max(0, this.i16());
    this.at += bytes;
    return this.bytes.toString('utf8', this.at - bytes, this.at);
  }

  /** A view; empty for null. */
  bytesField(): Buffer {
    const bytes = Math.max(0, this.uvarint() - 1);
    this.at += bytes;
    return this.bytes.subarray(this.at - bytes, this.at);
  }

  /** Empty for null. */
  array<T>(read: () => T): T[] {
    const count = Math.max(0, this.uvarint() - 1);
    return Array.from({ length: count }, read);
  }

  /** Skips what a newer broker may add. */
  tags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint();
      this.at += this.uvarint();
    }
  }
}
