/**
 * Compaction of one partition: of the records of a key only the newest stays, at its offset.
 *
 * A pass maps the keys of a stretch above `compactedTo`, then rewrites the partition from its start
 * to the end of the stretch, run by run, and moves `compactedTo` there.
 * E8: a record goes only when a newer one of its key stays, or when it is a tombstone that an
 *     earlier pass has kept: so a reader has the time between two passes to see a deletion.
 * E9: runs are rewritten in ascending order, each in one write: a crash leaves some older records
 *     of a key where they were, and never takes a tombstone before what it deletes.
 * Memory of a pass: a map of at most PASS_KEYS_MAX keys (about 100 bytes each beside the key), one
 * read and one run.
 */
import type { Offset } from '../../core/ids.ts';
import { LIMITS } from '../../core/limits.ts';
import { type FetchedBatch, PackedRecords, PackedRecordsBuilder } from '../../core/records.ts';
import { readChunks } from './chunks.ts';
import { chunkKey, type PartitionMeta } from './layout.ts';
import type { Operation, Store } from './store.ts';
import type { TailCache } from './tail-cache.ts';
import { metaOperation, type Partition } from './topic-table.ts';
import type { WriteQueue } from './write-queue.ts';

const PASS_KEYS_MAX = 1_000_000;
/** Small chunks are merged up to this size; one of this size that keeps all is left alone. */
const RUN_BYTES = 256 << 10;
const SPAN_MAX = 2 ** 32 - 1;
const DIRTY_RECORDS_MIN = 10_000;

export interface MaintenanceParts {
  readonly store: Store;
  readonly queue: WriteQueue;
  readonly cache: TailCache;
  /** True when the log closes: work ends where it is, and starts over another time. */
  readonly stopped: () => boolean;
}

/** True when two thirds of the records may be old, and they are enough to matter. */
export function isDirty({ meta, end }: Partition): boolean {
  const dirtyRecords = end - Math.max(meta.compactedTo, meta.earliest);
  return dirtyRecords > DIRTY_RECORDS_MIN && dirtyRecords > 2 * meta.liveCount;
}

/** Compacts up to the end as it is at the call. */
export async function compactPartition(
  parts: MaintenanceParts,
  partition: Partition,
  keysMax = PASS_KEYS_MAX,
): Promise<void> {
  const { end } = partition;
  do await new Pass(parts, partition).run(end, keysMax);
  while (partition.meta.compactedTo < end && !parts.stopped());
}

interface Run {
  readonly baseOffset: Offset;
  nextOffset: Offset;
  readonly replaced: Operation[];
  /** False when it is one chunk that keeps all its records. */
  changed: boolean;
}

class Pass {
  readonly #parts: MaintenanceParts;
  readonly #partition: Partition;
  readonly #newest = new Map<string, Offset>();
  readonly #builder = new PackedRecordsBuilder();
  #run: Run | undefined;
  #liveCount = 0;

  constructor(parts: MaintenanceParts, partition: Partition) {
    this.#parts = parts;
    this.#partition = partition;
  }

  async run(end: Offset, keysMax: number): Promise<void> {
    const { compactedTo, earliest } = this.#partition.meta;
    const to = await this.#mapKeys({ from: Math.max(compactedTo, earliest), to: end }, keysMax);
    for await (const batch of this.#batches({ from: earliest, to })) await this.#rewrite(batch);
    if (this.#parts.stopped()) return;
    await this.#finishRun({ earliest, compactedTo: to, liveCount: this.#liveCount });
  }

  /** @returns where the map was full, else `span.to`: in both cases the end of a chunk. */
  async #mapKeys(span: { from: Offset; to: Offset }, keysMax: number): Promise<Offset> {
    for await (const { baseOffset, nextOffset, bytes } of this.#batches(span)) {
      const records = PackedRecords.of(bytes);
      for (let i = 0; i < records.count; i++) {
        const key = records.key(i);
        if (key !== undefined) this.#newest.set(key, records.offset(baseOffset, i));
      }
      if (this.#newest.size >= keysMax) return nextOffset;
    }
    return span.to;
  }

  async *#batches(span: { from: Offset; to: Offset }): AsyncGenerator<FetchedBatch> {
    const { store, stopped } = this.#parts;
    const bytesMax = LIMITS.fetchBytesMax;
    for (let from = span.from; from < span.to && !stopped(); ) {
      for (const batch of await readChunks(store, this.#partition, { ...span, from, bytesMax })) {
        from = batch.nextOffset;
        yield batch;
      }
    }
  }

  async #rewrite({ baseOffset, nextOffset, bytes }: FetchedBatch): Promise<void> {
    const records = PackedRecords.of(bytes);
    const staying: number[] = [];
    for (let i = 0; i < records.count; i++) {
      if (this.#stays(records, i, baseOffset)) staying.push(i);
    }
    this.#liveCount += staying.length;
    const allStay = staying.length === records.count;
    if (allStay && bytes.byteLength >= RUN_BYTES) return this.#finishRun();
    const spanAfter = nextOffset - (this.#run?.baseOffset ?? baseOffset);
    const bytesAfter = this.#builder.byteLength + bytes.byteLength;
    if (spanAfter > SPAN_MAX || bytesAfter > RUN_BYTES) await this.#finishRun();

    const run = this.#run ?? { baseOffset, nextOffset, replaced: [], changed: false };
    run.changed ||= !allStay || run === this.#run;
    run.nextOffset = nextOffset;
    const key = chunkKey(this.#partition.place, baseOffset, {
      bytes,
      span: nextOffset - baseOffset,
    });
    run.replaced.push({ type: 'del', key });
    this.#run = run;
    for (const i of staying) {
      const record = {
        key: records.key(i),
        value: records.value(i),
        timestampMs: records.timestampMs(i),
      };
      this.#builder.add(record, records.offset(baseOffset, i) - run.baseOffset);
    }
  }

  #stays(records: PackedRecords, i: number, baseOffset: Offset): boolean {
    const offset = records.offset(baseOffset, i);
    const { earliest, compactedTo } = this.#partition.meta;
    if (offset < earliest) return false;
    const key = records.key(i);
    if (key === undefined) return true; // without a key nothing can replace it
    if ((this.#newest.get(key) ?? offset) > offset) return false;
    return records.value(i) !== undefined || offset >= compactedTo;
  }

  async #finishRun(meta?: PartitionMeta): Promise<void> {
    const partition = this.#partition;
    const run = this.#run;
    const bytes = this.#builder.finish();
    this.#run = undefined;
    const operations: Operation[] = [];
    if (run?.changed) {
      const span = run.nextOffset - run.baseOffset;
      const key = chunkKey(partition.place, run.baseOffset, { bytes, span });
      const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      operations.push(...run.replaced, { type: 'put', key, value });
    }
    if (meta) operations.push(metaOperation(partition, meta));
    if (operations.length === 0) return;
    const applied = () => {
      if (!meta) return;
      partition.meta = meta;
      this.#parts.cache.drop(partition.tail);
    };
    await this.#parts.queue.submit({ stage: () => operations, applied, undo: () => [] });
  }
}
