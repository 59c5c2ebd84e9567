/**
 * The packed form in which records travel and rest: one buffer a batch, columns first.
 * The embedded log stores it as it is, threads transfer it without a copy, codecs read it in place.
 *
 * Layout, little-endian; n = count, columns start at multiples of 8:
 *   0 u32 magic "SHRB"  4 u32 version 1  8 u32 count  12 u32 keyBytes  16 u32 valueBytes  20 u32 0
 *   24 f64 timestampsMs[n]   u32 offsetDeltas[n]   u32 keyEnds[n]   u32 valueEnds[n]   u8 flags[n]
 *   keys, back to back   values, back to back
 *
 * R1: offset of record i = base offset (kept beside the buffer) + offsetDeltas[i]; deltas ascend;
 *     gaps are allowed (compaction, Kafka's control records).
 * R2: a tombstone (null value) has flag 1 and no value bytes; a null key has flag 2.
 */
import { assert } from './assert.ts';
import type { Offset, TopicPartition } from './ids.ts';

const MAGIC = 0x42524853;
const VERSION = 1;
const HEADER_BYTES = 24;
export const FLAG_TOMBSTONE = 1;
export const FLAG_NULL_KEY = 2;

/**
 * A record to be appended. Undefined value: a tombstone, which deletes the key in a compacted
 * topic.
 */
export interface NewRecord {
  readonly key: string | undefined;
  readonly value: Uint8Array | string | undefined;
  readonly timestampMs: number;
}

function columnsAt(count: number): {
  deltas: number;
  keyEnds: number;
  valueEnds: number;
  flags: number;
  keys: number;
} {
  const deltas = HEADER_BYTES + 8 * count;
  const keyEnds = deltas + 4 * count;
  const valueEnds = keyEnds + 4 * count;
  const flags = valueEnds + 4 * count;
  return { deltas, keyEnds, valueEnds, flags, keys: flags + ((count + 7) & ~7) };
}

/**
 * Reads a packed batch in place. The buffer must start at a multiple of 8 (`PackedRecords.of`
 * copies if not).
 */
export class PackedRecords {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly timestampsMs: Float64Array;
  readonly offsetDeltas: Uint32Array;
  /** All keys and all values: for codecs that read in place. */
  readonly keys: Buffer;
  readonly values: Buffer;
  readonly keyEnds: Uint32Array;
  readonly valueEnds: Uint32Array;
  readonly #flags: Uint8Array;

  private constructor(bytes: Uint8Array) {
    const header = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER_BYTES / 4);
    assert(
      header[0] === MAGIC && header[1] === VERSION,
      'a packed batch starts with its magic and version',
    );
    const [, , count, keyBytes, valueBytes] = header as unknown as number[] as [
      number,
      number,
      number,
      number,
      number,
    ];
    const at = columnsAt(count);
    assert(
      at.keys + keyBytes + valueBytes === bytes.byteLength,
      'R1: a packed batch has the length its header says',
    );
    const { buffer, byteOffset } = bytes;
    this.bytes = bytes;
    this.count = count;
    this.timestampsMs = new Float64Array(buffer, byteOffset + HEADER_BYTES, count);
    this.offsetDeltas = new Uint32Array(buffer, byteOffset + at.deltas, count);
    this.keyEnds = new Uint32Array(buffer, byteOffset + at.keyEnds, count);
    this.valueEnds = new Uint32Array(buffer, byteOffset + at.valueEnds, count);
    this.#flags = new Uint8Array(buffer, byteOffset + at.flags, count);
    this.keys = Buffer.from(buffer as ArrayBuffer, byteOffset + at.keys, keyBytes);
    this.values = Buffer.from(buffer as ArrayBuffer, byteOffset + at.keys + keyBytes, valueBytes);
  }

  /**
   * @throws an assertion when the bytes are no packed batch: check a checksum first where they come
   * from outside.
   */
  static of(bytes: Uint8Array): PackedRecords {
    return new PackedRecords(bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes));
  }

  /** Bytes [start, end) of value i within `values`. */
  valueStart(i: number): number {
    return i === 0 ? 0 : (this.valueEnds[i - 1] as number);
  }

  /** Value i as a view; undefined for a tombstone. */
  value(i: number): Buffer | undefined {
    if (((this.#flags[i] as number) & FLAG_TOMBSTONE) !== 0) return undefined;
    return this.values.subarray(this.valueStart(i), this.valueEnds[i]);
  }

  key(i: number): string | undefined {
    if (((this.#flags[i] as number) & FLAG_NULL_KEY) !== 0) return undefined;
    return this.keys.toString('utf8', i === 0 ? 0 : this.keyEnds[i - 1], this.keyEnds[i]);
  }

  isTombstone(i: number): boolean {
    return ((this.#flags[i] as number) & FLAG_TOMBSTONE) !== 0;
  }

  hasKey(i: number): boolean {
    return ((this.#flags[i] as number) & FLAG_NULL_KEY) === 0;
  }

  timestampMs(i: number): number {
    return this.timestampsMs[i] as number;
  }

  /** Offset of record i, given the batch's base offset. */
  offset(base: Offset, i: number): Offset {
    return base + (this.offsetDeltas[i] as number);
  }
}

/**
 * Texts put behind each other in one go: a native call a text costs more than the text. Their ends
 * are known as they are added as long as all is ASCII, and are put right when it turns out not to
 * be.
 */
class TextColumn {
  readonly ends: number[] = [];
  #bytes = Buffer.allocUnsafe(1 << 10);
  #length = 0;
  #texts: string[] = [];
  #charCount = 0;

  get length(): number {
    this.#flush();
    return this.#length;
  }

  addText(text: string): void {
    this.#texts.push(text);
    this.#charCount += text.length;
    this.ends.push(this.#length + this.#charCount);
  }

  addBytes(bytes: Uint8Array): void {
    this.#flush();
    this.#makeRoom(bytes.byteLength);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.byteLength;
    this.ends.push(this.#length);
  }

  addNothing(): void {
    this.ends.push(this.#length + this.#charCount);
  }

  copyTo(target: Uint8Array, at: number): void {
    this.#flush();
    target.set(this.#bytes.subarray(0, this.#length), at);
  }

  clear(): void {
    this.ends.length = 0;
    this.#length = 0;
  }

  #flush(): void {
    if (this.#texts.length === 0) return;
    const whole = this.#texts.join('');
    if (Buffer.byteLength(whole, 'utf8') === this.#charCount) {
      this.#makeRoom(this.#charCount);
      this.#length += this.#bytes.write(whole, this.#length, 'latin1');
    } else this.#writeEach();
    this.#texts = [];
    this.#charCount = 0;
  }

  /** Text by text, correcting the ends: joined, two halves of a pair would become one character. */
  #writeEach(): void {
    let chars = this.#length;
    let next = 0;
    // Ends before the first text of this stretch are right; a record without text repeats an end.
    const first = this.ends.findIndex((end) => end > this.#length);
    for (let i = first; i < this.ends.length; i++) {
      while (chars < (this.ends[i] as number)) {
        const text = this.#texts[next++] as string;
        chars += text.length;
        this.#makeRoom(text.length * 3); // UTF-8 bytes of a UTF-16 unit, at most
        this.#length += this.#bytes.write(text, this.#length, 'utf8');
      }
      this.ends[i] = this.#length;
    }
  }

  #makeRoom(more: number): void {
    if (this.#length + more <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.byteLength * 2, this.#length + more));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/**
 * Grows a packed batch record by record. Reusable: `finish` gives the buffer away and starts anew.
 */
export class PackedRecordsBuilder {
  readonly #timestamps: number[] = [];
  readonly #deltas: number[] = [];
  readonly #flags: number[] = [];
  readonly #keys = new TextColumn();
  readonly #values = new TextColumn();

  get count(): number {
    return this.#flags.length;
  }

  get byteLength(): number {
    return columnsAt(this.count).keys + this.#keys.length + this.#values.length;
  }

  add(record: NewRecord, offsetDelta = this.count): void {
    const { key, value } = record;
    this.#timestamps.push(record.timestampMs);
    this.#deltas.push(offsetDelta);
    this.#flags.push(
      (value === undefined ? FLAG_TOMBSTONE : 0) | (key === undefined ? FLAG_NULL_KEY : 0),
    );
    if (key === undefined) this.#keys.addNothing();
    else this.#keys.addText(key);
    if (value === undefined) this.#values.addNothing();
    else if (typeof value === 'string') this.#values.addText(value);
    else this.#values.addBytes(value);
  }

  /** The packed batch in a buffer of its own, fit to be transferred; the builder is empty then. */
  finish(): Uint8Array {
    const count = this.count;
    const at = columnsAt(count);
    const bytes = new Uint8Array(new ArrayBuffer(this.byteLength));
    const { buffer } = bytes;
    const lengths = [this.#keys.length, this.#values.length];
    new Uint32Array(buffer, 0, 6).set([MAGIC, VERSION, count, ...lengths, 0]);
    new Float64Array(buffer, HEADER_BYTES, count).set(this.#timestamps);
    new Uint32Array(buffer, at.deltas, count).set(this.#deltas);
    new Uint32Array(buffer, at.keyEnds, count).set(this.#keys.ends);
    new Uint32Array(buffer, at.valueEnds, count).set(this.#values.ends);
    bytes.set(this.#flags, at.flags);
    this.#keys.copyTo(bytes, at.keys);
    this.#values.copyTo(bytes, at.keys + this.#keys.length);
    for (const column of [this.#timestamps, this.#deltas, this.#flags]) column.length = 0;
    this.#keys.clear();
    this.#values.clear();
    return bytes;
  }
}

/** Columns that are known already, as a reader of another format has them. */
export interface RecordColumns {
  readonly timestampsMs: Float64Array;
  readonly offsetDeltas: Uint32Array;
  readonly keyEnds: Uint32Array;
  readonly valueEnds: Uint32Array;
  readonly flags: Uint8Array;
  readonly keys: Uint8Array;
  /** All values, in as many pieces as they came in. */
  readonly values: readonly Uint8Array[];
}

/** The packed batch in a buffer of its own, fit to be transferred. */
export function packColumns(columns: RecordColumns): Uint8Array {
  const { timestampsMs, offsetDeltas, keyEnds, valueEnds, flags, keys, values } = columns;
  const count = flags.length;
  const at = columnsAt(count);
  let valueBytes = 0;
  for (const piece of values) valueBytes += piece.byteLength;
  let valuesAt = at.keys + keys.byteLength;
  const bytes = new Uint8Array(new ArrayBuffer(valuesAt + valueBytes));
  const { buffer } = bytes;
  new Uint32Array(buffer, 0, 6).set([MAGIC, VERSION, count, keys.byteLength, valueBytes, 0]);
  new Float64Array(buffer, HEADER_BYTES, count).set(timestampsMs);
  new Uint32Array(buffer, at.deltas, count).set(offsetDeltas);
  new Uint32Array(buffer, at.keyEnds, count).set(keyEnds);
  new Uint32Array(buffer, at.valueEnds, count).set(valueEnds);
  bytes.set(flags, at.flags);
  bytes.set(keys, at.keys);
  for (const piece of values) {
    bytes.set(piece, valuesAt);
    valuesAt += piece.byteLength;
  }
  return bytes;
}

export function packRecords(records: readonly NewRecord[]): Uint8Array {
  const builder = new PackedRecordsBuilder();
  for (const record of records) builder.add(record);
  return builder.finish();
}

/**
 * A packed batch at its place in the log. Records below `from` were asked for by nobody: skip them.
 */
export interface FetchedBatch {
  readonly baseOffset: Offset;
  readonly from: Offset;
  /** The offset to read next, past any gap at the end. */
  readonly nextOffset: Offset;
  readonly bytes: Uint8Array;
}

export interface SourceRead extends TopicPartition {
  readonly batches: readonly FetchedBatch[];
  /** End of what can be read now: records below it are committed and visible. */
  readonly highWatermark: Offset;
}
