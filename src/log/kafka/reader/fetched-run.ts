/**
 * What one fetch brought of one partition, undecoded: whole record batches, one after another, and
 * which transactions among them were aborted. Batches are decoded when they are asked for.
 *
 * F1  A record is given out when its batch is no control batch and not part of an aborted
 *     transaction. An aborted transaction begins at the first offset that the broker names for its
 *     producer, and ends with that producer's next abort marker.
 * F2  Positions only ever move to the end of a batch: nothing is left out, nothing comes twice.
 */
import { ShrikeError } from '../../../core/errors.ts';
import { type Offset, type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import { crc32c } from '../wire/crc32c.ts';
import {
  attributesOf,
  baseOffsetOf,
  byteLengthOf,
  CHECKED_FROM,
  COMPRESSION_MASK,
  CONTROL,
  CURRENT_MAGIC,
  checksumOf,
  HEADER_BYTES,
  lastOffsetOf,
  leaderEpochOf,
  MAGIC_AT,
  producerOf,
  recordCountOf,
  TRANSACTIONAL,
} from './batch-header.ts';
import { CODECS } from './codecs.ts';
import type { ColumnScratch } from './column-scratch.ts';
import type { AbortedTransaction } from './fetch-messages.ts';
import { isAbortMarker, readRecords } from './record-walk.ts';

/** A batch that unpacks to more is refused; brokers take 1 MiB packed unless told otherwise. */
export const UNPACKED_BYTES_MAX = 64 << 20;
/** Offset deltas of a packed batch have 32 bits; a compacted log may have longer gaps. */
const DELTA_MAX = 2 ** 32 - 1;

export interface Fetched extends TopicPartition {
  readonly from: Offset;
  readonly records: Buffer;
  readonly aborted: readonly AbortedTransaction[];
}

export class FetchedRun {
  readonly #fetched: Fetched;
  /** In order of their first offsets; those before `#nextAborted` have begun. */
  readonly #aborted: readonly AbortedTransaction[];
  #nextAborted = 0;
  readonly #abortedProducers = new Set<number>();
  /** Where the next batch begins, and where the last whole one ends. */
  #at = 0;
  #end = 0;
  #reached: Offset;
  /** What to read after this run; its `from` if it holds no whole batch. */
  readonly nextOffset: Offset;
  /** Leader epoch of the last batch; -1 without one. */
  readonly lastEpoch: number = -1;

  /** @throws LOG_BATCH_UNREADABLE for the message formats before Kafka 0.11 */
  constructor(fetched: Fetched, gapEnd = fetched.from) {
    this.#fetched = fetched;
    const { records, aborted, from } = fetched;
    this.#aborted = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
    this.#reached = from;
    let nextOffset = gapEnd;
    // The broker cuts its answer at a number of bytes, in the middle of a batch.
    while (records.byteLength - this.#end >= HEADER_BYTES) {
      this.#requireCurrent(this.#end);
      const end = this.#end + byteLengthOf(records, this.#end);
      if (end > records.byteLength) break;
      nextOffset = Math.max(from, lastOffsetOf(records, this.#end) + 1);
      this.lastEpoch = leaderEpochOf(records, this.#end);
      this.#end = end;
    }
    this.nextOffset = nextOffset;
  }

  /** Nothing from `from` up to `nextOffset`. */
  static gap(from: TopicPartition & { from: Offset }, nextOffset: Offset): FetchedRun {
    return new FetchedRun({ ...from, records: Buffer.alloc(0), aborted: [] }, nextOffset);
  }

  /** Bytes that are not decoded yet. */
  get byteLength(): number {
    return this.#end - this.#at;
  }

  /**
   * Decodes into `scratch` until it holds `bytesMax` bytes, or all.
   * @param base what offset deltas count from
   * @returns the offset up to which all is in `scratch`
   * @throws LOG_BATCH_UNREADABLE
   */
  decode(scratch: ColumnScratch, base: Offset, bytesMax: number): Offset {
    const { records } = this.#fetched;
    while (this.#at < this.#end) {
      if (scratch.keyBytes + scratch.valueBytes >= bytesMax) return this.#reached;
      const last = lastOffsetOf(records, this.#at);
      // The next read begins behind the gap: its base is then near enough.
      if (last - base > DELTA_MAX) return Math.max(base, baseOffsetOf(records, this.#at));
      this.#decodeBatch(scratch, base);
      this.#at += byteLengthOf(records, this.#at);
      this.#reached = Math.max(last + 1, this.#reached);
    }
    return this.nextOffset;
  }

  #decodeBatch(scratch: ColumnScratch, base: Offset): void {
    const { records, from } = this.#fetched;
    const at = this.#at;
    const attributes = attributesOf(records, at);
    const end = at + byteLengthOf(records, at);
    const codec = CODECS[attributes & COMPRESSION_MASK];
    try {
      // A broker sends its disk's bytes unread: nobody else would notice that they have changed.
      if (crc32c(records, at + CHECKED_FROM, end) !== checksumOf(records, at)) {
        throw new RangeError('its checksum is wrong');
      }
      if (this.#isLeftOut(attributes, at, end)) return;
      const isPlain = (attributes & COMPRESSION_MASK) === 0;
      if (!isPlain && codec === undefined) throw new RangeError('an unknown compression');
      const body = records.subarray(at + HEADER_BYTES, end);
      const bytes = codec === undefined ? body : codec(body, UNPACKED_BYTES_MAX);
      readRecords({ header: records, headerAt: at, bytes, from, base }, scratch);
    } catch (error) {
      throw this.#unreadable(at, (error as Error).message, error);
    }
  }

  /** F1 */
  #isLeftOut(attributes: number, at: number, end: number): boolean {
    const { records } = this.#fetched;
    if ((attributes & (TRANSACTIONAL | CONTROL)) === 0) return false;
    const last = lastOffsetOf(records, at);
    const producer = producerOf(records, at);
    for (; this.#nextAborted < this.#aborted.length; this.#nextAborted++) {
      const { producerId, firstOffset } = this.#aborted[this.#nextAborted] as AbortedTransaction;
      if (firstOffset > last) break;
      this.#abortedProducers.add(producerId);
    }
    if ((attributes & CONTROL) === 0) return this.#abortedProducers.has(producer);
    // Compaction may have emptied the marker: the transaction is over all the same.
    const isEmpty = recordCountOf(records, at) === 0;
    if (isEmpty || isAbortMarker(records.subarray(at + HEADER_BYTES, end))) {
      this.#abortedProducers.delete(producer);
    }
    return true;
  }

  #requireCurrent(at: number): void {
    const { records } = this.#fetched;
    const magic = records.readInt8(at + MAGIC_AT);
    if (magic !== CURRENT_MAGIC) {
      throw this.#unreadable(at, `it has the message format ${magic}, from before Kafka 0.11`);
    }
    if (byteLengthOf(records, at) < HEADER_BYTES) {
      throw this.#unreadable(at, `it says that it has ${records.readInt32BE(at + 8)} bytes`);
    }
  }

  #unreadable(at: number, reason: string, cause?: unknown): ShrikeError {
    const offset = baseOffsetOf(this.#fetched.records, at);
    const name = topicPartitionName(this.#fetched);
    const message = `${name}: the batch at offset ${offset} cannot be read: ${reason}`;
    return new ShrikeError('LOG_BATCH_UNREADABLE', message, { cause });
  }
}
