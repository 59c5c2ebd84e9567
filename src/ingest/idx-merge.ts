/**
 * The records of a topic over all its partitions in ascending `idx`, by merging the partitions'
 * heads. Where a partition does not ascend (records from elsewhere than a loaded file) its own
 * order stays.
 */
import type { Offset } from '../core/ids.ts';
import type { Log } from '../core/log.ts';
import { MergeHeap } from '../core/merge-heap.ts';
import { type FetchedBatch, PackedRecords } from '../core/records.ts';

export interface MergeTopicOptions {
  readonly log: Pick<Log, 'offsets' | 'read'>;
  readonly topic: string;
  readonly partitions: number;
  /** Position in the global order; undefined where the record has none. */
  readonly idxOf: (value: Buffer) => number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface IndexedValue {
  readonly idx: number | undefined;
  /** A view of the read batch. */
  readonly value: Buffer;
}

export interface TopicEnd {
  readonly records: number;
  /** False where a partition did not ascend, and the order is by partition in part. */
  readonly ordered: boolean;
}

const READ_BYTES_MAX = 256 << 10;
const BATCH_RECORDS = 1024;

/** All records up to the high watermarks of this moment. Tombstones are left out. */
export async function* mergeTopic(
  options: MergeTopicOptions,
): AsyncGenerator<IndexedValue[], TopicEnd> {
  const heap = new MergeHeap(options.partitions);
  const heads: PartitionHead[] = [];
  for (let partition = 0; partition < options.partitions; partition++) {
    const head = await PartitionHead.open(options, partition);
    heads.push(head);
    if (await head.refill()) heap.push(head.rank, partition);
  }
  let records = 0;
  let batch: IndexedValue[] = [];
  while (heap.size > 0) {
    const head = heads[heap.least] as PartitionHead;
    batch.push({ idx: head.idx, value: head.value });
    records++;
    if (head.advance() || (await head.refill())) heap.replaceLeast(head.rank);
    else heap.pop();
    if (batch.length < BATCH_RECORDS) continue;
    options.signal?.throwIfAborted();
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
  return { records, ordered: heads.every((head) => head.ascends) };
}

/** Reads one partition from its first record to the high watermark it had when it was opened. */
class PartitionHead {
  readonly #options: MergeTopicOptions;
  readonly #partition: number;
  readonly #end: Offset;
  #next: Offset;
  #batches: FetchedBatch[] = [];
  #records: PackedRecords | undefined;
  #base: Offset = 0;
  #from: Offset = 0;
  #at = 0;
  ascends = true;
  idx: number | undefined;
  /** The greatest idx so far: a record without one, or out of order, comes where it stands. */
  rank = -1;
  value: Buffer = Buffer.alloc(0);

  private constructor(options: MergeTopicOptions, partition: number, range: [Offset, Offset]) {
    this.#options = options;
    this.#partition = partition;
    [this.#next, this.#end] = range;
  }

  static async open(options: MergeTopicOptions, partition: number): Promise<PartitionHead> {
    const { earliest, highWatermark } = await options.log.offsets({
      topic: options.topic,
      partition,
    });
    return new PartitionHead(options, partition, [earliest, highWatermark]);
  }

  /** Goes to the next record in memory. */
  advance(): boolean {
    for (;;) {
      const records = this.#records;
      while (records !== undefined && this.#at < records.count) {
        const i = this.#at++;
        const offset = records.offset(this.#base, i);
        const value = offset >= this.#from && offset < this.#end ? records.value(i) : undefined;
        if (value === undefined) continue;
        this.#stand(value);
        return true;
      }
      const batch = this.#batches.shift();
      if (batch === undefined) return false;
      this.#records = PackedRecords.of(batch.bytes);
      this.#base = batch.baseOffset;
      this.#from = batch.from;
      this.#at = 0;
    }
  }

  /** Reads on from the log. @returns false at the end of the partition */
  async refill(): Promise<boolean> {
    const { log, topic } = this.#options;
    while (this.#next < this.#end) {
      const { batches } = await log.read({
        topic,
        partition: this.#partition,
        from: this.#next,
        bytesMax: READ_BYTES_MAX,
        waitMs: 0,
      });
      // Nothing below a high watermark that was there before: the rest is a gap.
      if (batches.length === 0) return false;
      this.#batches = [...batches];
      this.#next = (batches.at(-1) as FetchedBatch).nextOffset;
      if (this.advance()) return true;
    }
    return false;
  }

  #stand(value: Buffer): void {
    this.value = value;
    this.idx = this.#options.idxOf(value);
    if (this.idx !== undefined && this.idx >= this.rank) this.rank = this.idx;
    else this.ascends = false;
  }
}
