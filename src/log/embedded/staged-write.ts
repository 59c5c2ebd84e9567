/** One append or commit on its way to disk: chunks and group offsets, all or nothing (L2). */
import { assert } from '../../core/assert.ts';
import type { Offset, TopicPartition } from '../../core/ids.ts';
import type { Append } from '../../core/log.ts';
import { PackedRecords } from '../../core/records.ts';
import { chunkKey, sealedOffset } from './layout.ts';
import type { Operation } from './store.ts';
import type { TailCache } from './tail-cache.ts';
import { groupOffsetKey, type Partition, type TopicTable } from './topic-table.ts';
import type { Write } from './write-queue.ts';

export interface StagedOffsets {
  readonly group: string;
  readonly offsets: readonly (TopicPartition & { readonly nextOffset: Offset })[];
  /** Called when the write's turn has come. @throws COMMIT_FENCED */
  readonly requireOwner: () => void;
}

interface Chunk {
  readonly partition: Partition;
  readonly bytes: Buffer;
  /** Offsets it takes; 0: an append without records. */
  readonly span: number;
  key: Buffer | undefined;
  baseOffset: Offset;
}

export class StagedWrite implements Write {
  readonly #chunks: readonly Chunk[];
  readonly #offsets: readonly { partition: Partition; nextOffset: Offset }[];
  readonly #commit: StagedOffsets | undefined;
  readonly #cache: TailCache;

  /** The bytes of `appends` must stay as they are until the write has ended. */
  constructor(
    parts: { table: TopicTable; cache: TailCache },
    appends: readonly Append[],
    commit?: StagedOffsets,
  ) {
    this.#cache = parts.cache;
    this.#commit = commit;
    this.#chunks = appends.map((append) => {
      const { bytes, count, offsetDeltas } = PackedRecords.of(append.records);
      return {
        partition: parts.table.partition(append),
        bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        span: count === 0 ? 0 : (offsetDeltas[count - 1] as number) + 1,
        key: undefined,
        baseOffset: 0,
      };
    });
    this.#offsets = (commit?.offsets ?? []).map((offset) => {
      const { nextOffset } = offset;
      assert(Number.isSafeInteger(nextOffset) && nextOffset >= 0, 'a next offset is an integer');
      return { partition: parts.table.partition(offset), nextOffset };
    });
  }

  get baseOffsets(): Offset[] {
    return this.#chunks.map(({ baseOffset }) => baseOffset);
  }

  stage(): Operation[] {
    this.#commit?.requireOwner();
    const operations: Operation[] = [];
    for (const chunk of this.#chunks) {
      const { partition, bytes, span } = chunk;
      chunk.baseOffset = partition.stagedEnd;
      if (span === 0) continue;
      chunk.key = chunkKey(partition.place, chunk.baseOffset, { bytes, span });
      partition.stagedEnd += span;
      operations.push({ type: 'put', key: chunk.key, value: bytes });
    }
    const group = this.#commit?.group ?? '';
    for (const { partition, nextOffset } of this.#offsets) {
      operations.push(offsetOperation(partition, group, nextOffset));
    }
    return operations;
  }

  applied(): void {
    for (const { partition, baseOffset, bytes, span } of this.#chunks) {
      if (span === 0) continue;
      partition.end = baseOffset + span;
      this.#cache.add(partition.tail, { baseOffset, nextOffset: partition.end, bytes });
    }
    const group = this.#commit?.group ?? '';
    for (const { partition, nextOffset } of this.#offsets) partition.groups.set(group, nextOffset);
    // Only now: who wakes must find all of the commit, also in other partitions.
    for (const { partition } of this.#chunks) partition.arrivals.wake();
  }

  undo(): Operation[] {
    const operations: Operation[] = [];
    for (const { partition, key } of this.#chunks) {
      partition.stagedEnd = partition.end;
      if (key) operations.push({ type: 'del', key });
    }
    const group = this.#commit?.group ?? '';
    for (const { partition } of this.#offsets) {
      operations.push(offsetOperation(partition, group, partition.groups.get(group)));
    }
    return operations;
  }
}

function offsetOperation(
  partition: Partition,
  group: string,
  nextOffset: Offset | undefined,
): Operation {
  const key = groupOffsetKey(partition, group);
  if (nextOffset === undefined) return { type: 'del', key };
  return { type: 'put', key, value: sealedOffset(key, nextOffset) };
}
