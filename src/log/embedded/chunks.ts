/** Reading chunks from disk; every one is checked (E1, checksum) before anybody sees it. */
import { ShrikeError } from '../../core/errors.ts';
import { type Offset, type TopicPartition, topicPartitionName } from '../../core/ids.ts';
import type { FetchedBatch } from '../../core/records.ts';
import { chunkBound, chunkIsWhole, readChunkKey } from './layout.ts';
import type { Store } from './store.ts';
import type { Span } from './tail-cache.ts';

/** A partition as the disk knows it: `place` is the prefix of its chunks' keys. */
export interface ChunkPlace extends TopicPartition {
  readonly place: Buffer;
}

// Between two scans a compaction may merge the chunk that was found into the one before it.
const ATTEMPTS_MAX = 10;

/** Whole chunks from the one that holds `span.from`; empty when the range holds none. */
export async function readChunks(
  store: Store,
  of: ChunkPlace,
  span: Span,
): Promise<FetchedBatch[]> {
  // A reader in sequence asks for the base of a chunk: one scan. Any other needs a look back first.
  let base = span.from;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const batches = await scanFrom(store, of, { ...span, base });
    const first = batches[0];
    if (first && first.baseOffset <= span.from) return batches;
    if (span.from >= span.to) return [];
    base = await baseBefore(store, of, span.from);
  }
  throw corrupt(of, span.from, 'is in no chunk');
}

/** The base of the last chunk that begins before `offset`; `offset` itself when there is none. */
export async function baseBefore(store: Store, of: ChunkPlace, offset: Offset): Promise<Offset> {
  let base = offset;
  const range = { gte: chunkBound(of.place, 0), lt: chunkBound(of.place, offset) };
  await store.scan({ ...range, reverse: true, limit: 1, values: false }, (key) => {
    base = readChunkKey(key).baseOffset;
    return false;
  });
  return base;
}

/** The offset after the partition's last chunk; undefined when it has none. */
export async function endOfChunks(store: Store, of: ChunkPlace): Promise<Offset | undefined> {
  let end: Offset | undefined;
  const range = { gte: chunkBound(of.place, 0), lt: chunkBound(of.place, Number.MAX_SAFE_INTEGER) };
  await store.scan({ ...range, reverse: true, limit: 1, values: false }, (key) => {
    end = readChunkKey(key).nextOffset;
    return false;
  });
  return end;
}

async function scanFrom(
  store: Store,
  of: ChunkPlace,
  span: Span & { base: Offset },
): Promise<FetchedBatch[]> {
  const batches: FetchedBatch[] = [];
  let bytesRead = 0;
  let expected: Offset | undefined;
  const range = { gte: chunkBound(of.place, span.base), lt: chunkBound(of.place, span.to) };
  await store.scan(range, (key, value) => {
    const { baseOffset, nextOffset } = readChunkKey(key);
    bytesRead += value.byteLength;
    if (batches.length > 0 && bytesRead > span.bytesMax) return false;
    if (!chunkIsWhole(key, value)) throw corrupt(of, baseOffset, 'fails its checksum');
    if (expected !== undefined && baseOffset !== expected)
      throw corrupt(of, expected, 'is missing');
    expected = nextOffset;
    const from = Math.max(span.from, baseOffset);
    batches.push({ baseOffset, from, nextOffset, bytes: ownBytes(value) });
    return bytesRead < span.bytesMax;
  });
  return batches;
}

/** RocksDB's binding gives each value a buffer of its own; a copy only where that is not so. */
function ownBytes(value: Buffer): Uint8Array {
  const exact = value.byteOffset === 0 && value.buffer.byteLength === value.byteLength;
  return exact ? new Uint8Array(value.buffer) : new Uint8Array(value);
}

function corrupt(of: TopicPartition, offset: Offset, what: string): ShrikeError {
  return new ShrikeError(
    'LOG_CORRUPT',
    `the chunk of ${topicPartitionName(of)} at offset ${offset} ${what}`,
  );
}
