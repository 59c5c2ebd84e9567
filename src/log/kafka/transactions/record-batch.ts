/**
 * Kafka's record batches (format 2) out of packed records: from column to wire, no object a record.
 *
 *   0 i64 base offset   8 i32 length of what follows   12 i32 leader epoch   16 i8 magic
 *   17 u32 CRC-32C of what follows   21 i16 attributes   23 i32 last offset delta
 *   27 i64 first timestamp   35 i64 newest timestamp   43 i64 producer id   51 i16 epoch
 *   53 i32 base sequence   57 i32 count   61 records
 */
import type { PackedRecords } from '../../../core/records.ts';
import { crc32c } from '../wire/crc32c.ts';
import type { ProducerEpoch } from './messages.ts';

/**
 * Batches end before they reach this, unless it is for a single record: brokers refuse batches
 * beyond `max.message.bytes`, 1 MiB unless told otherwise. Where it is less, they end sooner.
 */
export const BATCH_BYTES = 900 << 10;
const HEADER_BYTES = 61;
/** Length 5, attributes 1, timestamp 10, offset 5, key's length 5, value's length 5, headers 1. */
const RECORD_OVERHEAD_BYTES = 32;
const TRANSACTIONAL = 0x10;
/** Up to this length a loop in JavaScript is faster than the call that copies. */
const LOOP_BYTES_MAX = 64;

export interface RecordBatch {
  readonly count: number;
  readonly bytes: Buffer;
}

/** Where an append begins: record `index` of batch `batch`. */
export interface Place {
  readonly batch: number;
  readonly index: number;
}

/** Enough for all batches of these records, however they are cut. */
export function batchBytesBound(all: readonly PackedRecords[], batchBytes = BATCH_BYTES): number {
  let bytes = 0;
  for (const { count, keys, values } of all) {
    bytes += keys.byteLength + values.byteLength + count * RECORD_OVERHEAD_BYTES;
  }
  // A batch and the first record of the next one are together more than a batch may hold.
  const batches = 2 * Math.ceil(bytes / (batchBytes - HEADER_BYTES)) + 1;
  return bytes + HEADER_BYTES * batches;
}

/** Writes the batches of one partition, one behind the other, into memory of the caller's. */
export class BatchEncoder {
  readonly #to: Buffer;
  readonly #batchBytes: number;
  #at: number;
  #start = 0;
  #count = 0;
  #firstMs = 0;
  #newestMs = 0;
  #batches: RecordBatch[] = [];

  constructor(to: Buffer, at = 0, batchBytes = BATCH_BYTES) {
    this.#to = to;
    this.#at = at;
    this.#batchBytes = batchBytes;
  }

  /** Where the next byte goes. */
  get at(): number {
    return this.#at;
  }

  /** @returns where the first of them comes to lie */
  add(records: PackedRecords): Place {
    const { count, keys, values, keyEnds, valueEnds, timestampsMs } = records;
    let [keyStart, valueStart] = [0, 0];
    let place: Place | undefined;
    for (let i = 0; i < count; i++) {
      const [keyEnd, valueEnd] = [keyEnds[i] as number, valueEnds[i] as number];
      const bytes = keyEnd - keyStart + valueEnd - valueStart + RECORD_OVERHEAD_BYTES;
      this.#open(timestampsMs[i] as number, bytes);
      place ??= { batch: this.#batches.length, index: this.#count };
      const keyBytes = records.hasKey(i) ? keyEnd - keyStart : -1;
      const valueBytes = records.isTombstone(i) ? -1 : valueEnd - valueStart;
      this.#writeHead(timestampsMs[i] as number, keyBytes, valueBytes);
      if (keyBytes > 0) this.#copy(keys, keyStart, keyEnd);
      this.#varint(valueBytes);
      if (valueBytes > 0) this.#copy(values, valueStart, valueEnd);
      this.#to[this.#at++] = 0; // headers
      this.#count += 1;
      keyStart = keyEnd;
      valueStart = valueEnd;
    }
    return place ?? { batch: this.#batches.length, index: this.#count };
  }

  /** Ends the last batch. They are not sealed yet. */
  finish(): readonly RecordBatch[] {
    this.#close();
    const batches = this.#batches;
    this.#batches = [];
    return batches;
  }

  /** Makes sure that there is a batch which takes a record of so many bytes. */
  #open(timestampMs: number, bytes: number): void {
    if (this.#count > 0) {
      if (this.#at + bytes - this.#start <= this.#batchBytes) {
        if (timestampMs > this.#newestMs) this.#newestMs = timestampMs;
        return;
      }
      this.#close();
    }
    this.#start = this.#at;
    this.#at += HEADER_BYTES;
    this.#firstMs = timestampMs;
    this.#newestMs = timestampMs;
  }

  #close(): void {
    if (this.#count === 0) return;
    const [start, end] = [this.#start, this.#at];
    const bytes = this.#to.subarray(start, end);
    bytes.fill(0, 0, 8);
    bytes.writeInt32BE(end - start - 12, 8);
    bytes.writeInt32BE(-1, 12);
    bytes[16] = 2;
    bytes.writeInt16BE(TRANSACTIONAL, 21);
    bytes.writeInt32BE(this.#count - 1, 23);
    writeI64(bytes, 27, this.#firstMs);
    writeI64(bytes, 35, this.#newestMs);
    bytes.writeInt32BE(this.#count, 57);
    this.#batches.push({ count: this.#count, bytes });
    this.#count = 0;
  }

  #writeHead(timestampMs: number, keyBytes: number, valueBytes: number): void {
    const delta = timestampMs - this.#firstMs;
    const bytes =
      2 + // attributes and the number of headers
      varlongBytes(delta) +
      varintBytes(this.#count) +
      varintBytes(keyBytes) +
      Math.max(0, keyBytes) +
      varintBytes(valueBytes) +
      Math.max(0, valueBytes);
    this.#varint(bytes);
    this.#to[this.#at++] = 0; // attributes
    this.#varlong(delta);
    this.#varint(this.#count);
    this.#varint(keyBytes);
  }

  /** Zigzag: small numbers of either sign are short. */
  #varint(value: number): void {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    while (rest > 0x7f) {
      this.#to[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#to[this.#at++] = rest;
  }

  #varlong(value: number): void {
    if ((value | 0) === value) return this.#varint(value);
    let rest = zigzag(value);
    while (rest > 0x7f) {
      this.#to[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#to[this.#at++] = rest;
  }

  #copy(from: Buffer, start: number, end: number): void {
    const to = this.#to;
    let at = this.#at;
    if (end - start > LOOP_BYTES_MAX) at += from.copy(to, at, start, end);
    else for (let i = start; i < end; i++) to[at++] = from[i] as number;
    this.#at = at;
  }
}

/** Puts in who sends it and as which in order, and the checksum over all. */
export function seal(bytes: Buffer, { producerId, epoch }: ProducerEpoch, sequence: number): void {
  writeI64(bytes, 43, producerId);
  bytes.writeInt16BE(epoch, 51);
  bytes.writeInt32BE(sequence, 53);
  bytes.writeUInt32BE(crc32c(bytes, 21), 17);
}

function writeI64(to: Buffer, at: number, value: number): void {
  to.writeInt32BE(Math.floor(value / 2 ** 32), at);
  to.writeUInt32BE(value >>> 0, at + 4);
}

function varintBytes(value: number): number {
  const rest = ((value << 1) ^ (value >> 31)) >>> 0;
  if (rest < 0x80) return 1;
  return Math.ceil((32 - Math.clz32(rest)) / 7);
}

function varlongBytes(value: number): number {
  if ((value | 0) === value) return varintBytes(value);
  let bytes = 1;
  for (let rest = zigzag(value); rest > 0x7f; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

/** Times differ by less than 2^52 ms: no bits are lost. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
