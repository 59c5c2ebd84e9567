/** Deletion from the front of a partition. */
import type { Offset } from '../../core/ids.ts';
import type { MaintenanceParts } from './compaction.ts';
import { chunkBound, readChunkKey } from './layout.ts';
import type { Operation } from './store.ts';
import { metaOperation, type Partition } from './topic-table.ts';

/** Keys of one write: small enough for commits to pass in between. */
const SLICE_KEYS = 1000;

/**
 * E10: `earliest` moves first, in a write of its own; then the chunks that lie below it as a whole
 *      go, slice by slice. A crash in between leaves chunks that nobody can read, and the next call
 *      takes them.
 */
export async function deleteChunksBefore(
  parts: MaintenanceParts,
  partition: Partition,
  before: Offset,
): Promise<void> {
  const earliest = Math.min(before, partition.end);
  if (earliest <= partition.meta.earliest) return;
  const meta = { ...partition.meta, earliest };
  await parts.queue.submit({
    stage: () => [metaOperation(partition, meta)],
    applied: () => {
      partition.meta = meta;
    },
    undo: () => [],
  });
  while (!parts.stopped()) {
    const keys = await keysBelow(parts, partition, earliest);
    const last = keys.at(-1);
    if (!last) return;
    const operations = keys.map((key): Operation => ({ type: 'del', key }));
    await parts.queue.submit({ stage: () => operations, applied: () => undefined, undo: () => [] });
    partition.deletedTo = readChunkKey(last).nextOffset;
  }
}

async function keysBelow(
  { store }: MaintenanceParts,
  partition: Partition,
  offset: Offset,
): Promise<Buffer[]> {
  const keys: Buffer[] = [];
  const range = {
    gte: chunkBound(partition.place, partition.deletedTo),
    lt: chunkBound(partition.place, offset),
    values: false,
  };
  await store.scan(range, (key) => {
    if (readChunkKey(key).nextOffset > offset) return false;
    keys.push(key);
    return keys.length < SLICE_KEYS;
  });
  return keys;
}
