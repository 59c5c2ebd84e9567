/**
 * Walks the records of one batch in place. A record, lengths and deltas as signed varints:
 *   length   attributes i8   timestamp delta   offset delta   key length, key
 *   value length, value   header count, headers
 */
import { FLAG_NULL_KEY, FLAG_TOMBSTONE } from '../../../core/records.ts';
import {
  attributesOf,
  baseOffsetOf,
  baseTimestampOf,
  LOG_APPEND_TIME,
  maxTimestampOf,
  recordCountOf,
} from './batch-header.ts';
import type { ColumnScratch } from './column-scratch.ts';

export interface RecordBatch {
  /** The buffer that holds the batch's header, at `headerAt`. */
  readonly header: Buffer;
  readonly headerAt: number;
  /** The records, unpacked; their values are moved within it. */
  readonly bytes: Uint8Array;
  /** Records below are left out. */
  readonly from: number;
  /** What offset deltas in the columns count from. */
  readonly base: number;
}

/** @throws RangeError where the bytes are no records */
export function readRecords(batch: RecordBatch, scratch: ColumnScratch): void {
  const { header, headerAt, bytes } = batch;
  const count = recordCountOf(header, headerAt);
  // A record has seven bytes at least: a count beyond that is damage, and must not cost memory.
  if (count < 0 || count > bytes.byteLength / 7) throw new RangeError(`it names ${count} records`);
  scratch.recordRoom(count);
  scratch.keyRoom(bytes.byteLength);
  const baseOffset = baseOffsetOf(header, headerAt);
  const isLogTime = (attributesOf(header, headerAt) & LOG_APPEND_TIME) !== 0;
  const logTimeMs = isLogTime ? maxTimestampOf(header, headerAt) : -1;
  const baseTimeMs = baseTimestampOf(header, headerAt);
  const { timestampsMs, offsetDeltas, keyEnds, valueEnds, flags, keys } = scratch;
  const walk = new RecordWalk(bytes);
  let { count: row, keyBytes, valueBytes } = scratch;
  let valuesEnd = 0;
  for (let i = 0; i < count; i++) {
    const end = walk.enter();
    const timeMs = baseTimeMs + walk.varint();
    const offset = baseOffset + walk.varint();
    const keyLength = walk.varint();
    const keyAt = walk.at;
    if (keyLength > 0) walk.at += keyLength;
    const valueLength = walk.varint();
    const valueAt = walk.at;
    if (valueLength > 0) walk.at += valueLength;
    if (!(walk.at < end)) throw new RangeError(`record ${i} is longer than it says`);
    walk.at = end; // past the headers, which nobody here looks at
    if (offset < batch.from) continue;
    for (let at = keyAt, until = keyAt + keyLength; at < until; at++) {
      keys[keyBytes++] = bytes[at] as number;
    }
    // Values close ranks within the buffer: no object a record, and one copy in the end.
    if (valueLength > 0) {
      bytes.copyWithin(valuesEnd, valueAt, valueAt + valueLength);
      valuesEnd += valueLength;
      valueBytes += valueLength;
    }
    timestampsMs[row] = isLogTime ? logTimeMs : timeMs;
    offsetDeltas[row] = offset - batch.base;
    keyEnds[row] = keyBytes;
    valueEnds[row] = valueBytes;
    flags[row] = (valueLength < 0 ? FLAG_TOMBSTONE : 0) | (keyLength < 0 ? FLAG_NULL_KEY : 0);
    row++;
  }
  scratch.count = row;
  scratch.keyBytes = keyBytes;
  scratch.valueBytes = valueBytes;
  scratch.addValues(bytes.subarray(0, valuesEnd));
}

/** A control record's key is its version and its type, an i16 each; type 0 aborts. */
export function isAbortMarker(bytes: Buffer): boolean {
  const walk = new RecordWalk(bytes);
  walk.enter();
  walk.varint();
  walk.varint();
  const keyLength = walk.varint();
  if (keyLength < 4) throw new RangeError('a control record without a type');
  return bytes.readInt16BE(walk.at + 2) === 0;
}

class RecordWalk {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Goes past a record's length and attributes. @returns where it ends */
  enter(): number {
    const length = this.varint();
    const end = this.at + length;
    if (!(length > 0 && end <= this.#bytes.byteLength)) throw new RangeError('a record is cut off');
    this.at++;
    return end;
  }

  varint(): number {
    const byte = this.#bytes[this.at++] as number;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    return this.#longVarint(byte);
  }

  #longVarint(first: number): number {
    const second = this.#bytes[this.at++] as number;
    if (second < 0x80) {
      const value = (first & 0x7f) | (second << 7);
      return (value >>> 1) ^ -(value & 1);
    }
    // Rare: timestamps far apart. Beyond 32 bits in doubles.
    let value = (first & 0x7f) + (second & 0x7f) * 128;
    let byte = 0x80;
    for (let scale = 2 ** 14; byte >= 0x80 && scale <= 2 ** 63; scale *= 128) {
      byte = this.#bytes[this.at++] ?? 0x80;
      value += (byte & 0x7f) * scale;
    }
    if (byte >= 0x80) throw new RangeError('a number without an end');
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
