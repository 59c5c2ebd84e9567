/**
 * The part of msgpack that actors are written in: numbers, strings, booleans, null and arrays of
 * these. Written into one buffer that is used again, and read where the bytes lie: no object is
 * made for an encoding but what operators give and get.
 *
 * A number is packed by its value alone, in the shortest form that there is for integers of 32
 * bits, else as a double: equal numbers give equal bytes, and -0 is 0.
 */
import { type Span, spanOf } from './byte-arena.ts';

const NUMBER_BYTES_MAX = 9;
const HEADER_BYTES_MAX = 5;

export class MsgpackWriter {
  /** What has been written: from `start`, which is 0, to `end`. Good until the next `begin`. */
  readonly span: Span = spanOf(new ArrayBuffer(16 << 10));

  begin(): void {
    this.span.end = 0;
  }

  byte(value: number): void {
    this.#room(1);
    this.span.bytes[this.span.end++] = value;
  }

  /** Little-endian. */
  word(value: number): void {
    this.#room(4);
    this.span.view.setUint32(this.span.end, value, true);
    this.span.end += 4;
  }

  arrayHead(length: number): void {
    this.#room(HEADER_BYTES_MAX);
    if (length < 0x10) this.span.bytes[this.span.end++] = 0x90 | length;
    else if (length < 0x1_0000) this.#tagged16(0xdc, length);
    else this.#tagged32(0xdd, length);
  }

  number(value: number): void {
    this.#room(NUMBER_BYTES_MAX);
    this.#number(value);
  }

  value(value: unknown): void {
    if (typeof value === 'number') this.number(value);
    else if (Array.isArray(value)) this.#array(value);
    else if (typeof value === 'string') this.#text(value);
    else if (value === null) this.byte(0xc0);
    else if (typeof value === 'boolean') this.byte(value ? 0xc3 : 0xc2);
    else throw new TypeError(`an operator encoded a value of type ${typeof value}`);
  }

  #array(values: readonly unknown[]): void {
    const { length } = values;
    this.arrayHead(length);
    this.#room(NUMBER_BYTES_MAX * length);
    for (let i = 0; i < length; i++) {
      const value = values[i];
      if (typeof value !== 'number') {
        this.value(value);
        this.#room(NUMBER_BYTES_MAX * (length - i));
      } else this.#number(value);
    }
  }

  /** There is room for it. */
  #number(value: number): void {
    const { span } = this;
    if ((value | 0) === value) {
      if (value >= 0) {
        if (value < 0x80) span.bytes[span.end++] = value;
        else if (value < 0x100) this.#tagged8(0xcc, value);
        else if (value < 0x1_0000) this.#tagged16(0xcd, value);
        else this.#tagged32(0xce, value);
      } else if (value >= -0x20) span.bytes[span.end++] = value;
      else if (value >= -0x80) this.#tagged8(0xd0, value);
      else if (value >= -0x8000) this.#tagged16(0xd1, value);
      else this.#tagged32(0xd2, value);
    } else if (value >>> 0 === value) {
      this.#tagged32(0xce, value);
    } else {
      span.bytes[span.end] = 0xcb;
      span.view.setFloat64(span.end + 1, value);
      span.end += 9;
    }
  }

  #text(text: string): void {
    const length = Buffer.byteLength(text);
    this.#room(HEADER_BYTES_MAX + length);
    if (length < 0x20) this.span.bytes[this.span.end++] = 0xa0 | length;
    else if (length < 0x100) this.#tagged8(0xd9, length);
    else if (length < 0x1_0000) this.#tagged16(0xda, length);
    else this.#tagged32(0xdb, length);
    this.span.end += this.span.bytes.write(text, this.span.end);
  }

  #tagged8(tag: number, value: number): void {
    const { span } = this;
    span.bytes[span.end] = tag;
    span.bytes[span.end + 1] = value;
    span.end += 2;
  }

  #tagged16(tag: number, value: number): void {
    const { span } = this;
    span.bytes[span.end] = tag;
    span.view.setUint16(span.end + 1, value);
    span.end += 3;
  }

  #tagged32(tag: number, value: number): void {
    const { span } = this;
    span.bytes[span.end] = tag;
    span.view.setUint32(span.end + 1, value);
    span.end += 5;
  }

  #room(more: number): void {
    const { span } = this;
    if (span.end + more <= span.bytes.length) return;
    const larger = spanOf(new ArrayBuffer(2 ** Math.ceil(Math.log2(span.end + more))));
    larger.bytes.set(span.bytes.subarray(0, span.end));
    Object.assign(span, { ...larger, end: span.end });
  }
}

/** Reads forward through a span; what is not msgpack, or runs over the span's end, throws. */
export class MsgpackReader {
  #span: Span = spanOf(new ArrayBuffer(0));
  #at = 0;

  begin(span: Span, at: number): void {
    this.#span = span;
    this.#at = at;
  }

  /** @throws when bytes are left */
  finish(): void {
    if (this.#at !== this.#span.end) throw new RangeError('an encoding has bytes behind its end');
  }

  arrayHead(): number {
    const tag = this.#byte();
    if ((tag & 0xf0) === 0x90) return tag & 0x0f;
    if (tag === 0xdc) return this.#count(this.#unsigned16());
    if (tag === 0xdd) return this.#count(this.#unsigned32());
    throw new RangeError(`the tag ${tag} is no array's`);
  }

  number(): number {
    const value = this.value();
    if (typeof value !== 'number') throw new RangeError(`not a number but ${typeof value}`);
    return value;
  }

  value(): unknown {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    if (tag < 0x90) throw new RangeError('a map');
    if (tag < 0xa0) return this.#array(tag & 0x0f);
    if (tag < 0xc0) return this.#text(tag & 0x1f);
    return this.#tagged(tag);
  }

  #tagged(tag: number): unknown {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xcb:
        return this.#span.view.getFloat64(this.#skip(8));
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#unsigned16();
      case 0xce:
        return this.#unsigned32();
      case 0xd0:
        return this.#span.view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#span.view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#span.view.getInt32(this.#skip(4));
      case 0xd9:
        return this.#text(this.#byte());
      case 0xda:
        return this.#text(this.#unsigned16());
      case 0xdb:
        return this.#text(this.#unsigned32());
      case 0xdc:
        return this.#array(this.#unsigned16());
      case 0xdd:
        return this.#array(this.#unsigned32());
    }
    throw new RangeError(`the tag ${tag} is none that actors are written with`);
  }

  #array(length: number): unknown[] {
    const values = new Array<unknown>(this.#count(length));
    for (let i = 0; i < length; i++) values[i] = this.value();
    return values;
  }

  #text(length: number): string {
    const from = this.#skip(length);
    return this.#span.bytes.toString('utf8', from, from + length);
  }

  /** Each element takes a byte at least: a damaged count is found before it takes memory. */
  #count(length: number): number {
    if (length > this.#span.end - this.#at) throw new RangeError('an array runs over the end');
    return length;
  }

  #byte(): number {
    return this.#span.bytes[this.#skip(1)] as number;
  }

  #unsigned16(): number {
    return this.#span.view.getUint16(this.#skip(2));
  }

  #unsigned32(): number {
    return this.#span.view.getUint32(this.#skip(4));
  }

  /** @returns where what is skipped begins */
  #skip(length: number): number {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#span.end) throw new RangeError('an encoding ends too early');
    return from;
  }
}
