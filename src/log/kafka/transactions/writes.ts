/** What a commit writes, by partition: its appends, their batches, and where they came to lie. */
import type { Offset, TopicPartition } from '../../../core/ids.ts';
import { topicPartitionName } from '../../../core/ids.ts';
import type { Append } from '../../../core/log.ts';
import { PackedRecords } from '../../../core/records.ts';
import {
  BATCH_BYTES,
  BatchEncoder,
  batchBytesBound,
  type Place,
  type RecordBatch,
} from './record-batch.ts';

/** Memory for batches is kept from one commit to the next up to this size. */
const KEPT_BYTES_MAX = 4 << 20;

/** Whatever the limit: more than the head of a batch. */
const BATCH_BYTES_MIN = 1 << 7;

/** What is known of how large batches may be, by topic. */
export interface BatchLimits {
  batchBytesMax(topic: string): number | undefined;
  refused(topic: string, batch: { readonly count: number; readonly bytes: number }): void;
}

const NO_LIMITS: BatchLimits = { batchBytesMax: () => undefined, refused: () => undefined };

/** Where an append came to lie. */
export interface Written {
  readonly baseOffset: Offset;
  /** The offset after its last record. */
  readonly nextOffset: Offset;
}

export class PartitionWrite {
  readonly at: TopicPartition;
  readonly records: PackedRecords[] = [];
  /** Where batches of several records are cut. */
  readonly batchBytes: number;
  readonly #limits: BatchLimits;
  /** Of each of `records`: its index among the commit's outputs. */
  readonly #indexes: number[] = [];
  readonly #places: Place[] = [];
  readonly #baseOffsets: Offset[] = [];
  #batches: readonly RecordBatch[] = [];

  constructor({ topic, partition }: TopicPartition, limits: BatchLimits) {
    this.at = { topic, partition };
    this.#limits = limits;
    const bytesMax = limits.batchBytesMax(topic) ?? BATCH_BYTES;
    this.batchBytes = Math.max(BATCH_BYTES_MIN, Math.min(BATCH_BYTES, bytesMax));
  }

  add(records: PackedRecords, index: number): void {
    this.records.push(records);
    this.#indexes.push(index);
  }

  encode(encoder: BatchEncoder): void {
    for (const records of this.records) this.#places.push(encoder.add(records));
    this.#batches = encoder.finish();
  }

  /** The batch to send; undefined when all are stored. */
  get batch(): RecordBatch | undefined {
    return this.#batches[this.#baseOffsets.length];
  }

  /** Every batch of it is. */
  get isStored(): boolean {
    return this.#batches.length > 0 && this.batch === undefined;
  }

  /** Where its first record lies; undefined until that is stored. */
  get baseOffset(): Offset | undefined {
    return this.#baseOffsets[0];
  }

  /** The batch is stored. */
  stored(baseOffset: Offset): void {
    this.#baseOffsets.push(baseOffset);
  }

  /** The batch is too large for the leader. */
  refused(): void {
    if (this.batch === undefined) return;
    const { count, bytes } = this.batch;
    this.#limits.refused(this.at.topic, { count, bytes: bytes.byteLength });
  }

  /** Tells each append its place. */
  report(to: Written[]): void {
    for (const [i, { count }] of this.records.entries()) {
      const start = this.#places[i] as Place;
      let { batch, index } = start;
      const baseOffset = (this.#baseOffsets[batch] as Offset) + index;
      // It may go on in the next batches, before which others may have written.
      let left = count;
      for (; index + left > (this.#batches[batch] as RecordBatch).count; batch++) {
        left -= (this.#batches[batch] as RecordBatch).count - index;
        index = 0;
      }
      const nextOffset = (this.#baseOffsets[batch] as Offset) + index + left;
      to[this.#indexes[i] as number] = { baseOffset, nextOffset };
    }
  }
}

/** Outputs without records are left out. */
export function writesOf(
  outputs: readonly Append[],
  limits: BatchLimits = NO_LIMITS,
): readonly PartitionWrite[] {
  const writes = new Map<string, PartitionWrite>();
  for (const [index, output] of outputs.entries()) {
    const records = PackedRecords.of(output.records);
    if (records.count === 0) continue;
    const name = topicPartitionName(output);
    const write = writes.get(name) ?? new PartitionWrite(output, limits);
    writes.set(name, write);
    write.add(records, index);
  }
  return [...writes.values()];
}

export class BatchMemory {
  #bytes = Buffer.alloc(0);

  encode(writes: readonly PartitionWrite[]): void {
    let bound = 0;
    for (const { records, batchBytes } of writes) bound += batchBytesBound(records, batchBytes);
    const bytes = this.#bytes.byteLength >= bound ? this.#bytes : Buffer.allocUnsafe(bound);
    if (bytes.byteLength <= KEPT_BYTES_MAX) this.#bytes = bytes;
    let at = 0;
    for (const write of writes) {
      const encoder = new BatchEncoder(bytes, at, write.batchBytes);
      write.encode(encoder);
      at = encoder.at;
    }
  }
}
