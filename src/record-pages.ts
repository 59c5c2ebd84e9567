/** The log in pages, for tools that read it through the API of a running engine. */
import type { Log } from './core/log.ts';
import { PackedRecords } from './core/records.ts';
import type { PageRecord, RecordPage, RecordsRequest } from './core/status.ts';

/** Values of one page; a single record may be larger. In base64 a page has 1.4 MB at most. */
const PAGE_BYTES_MAX = 1 << 20;

/**
 * One read of the log, so a page may hold fewer records than were asked for, or none where
 * compaction has left a gap: whoever wants more goes on at `nextOffset`, up to `highWatermark`.
 * @throws LOG_TOPIC_UNKNOWN, LOG_OFFSET_OUT_OF_RANGE
 */
export async function readPage(
  log: Pick<Log, 'offsets' | 'read'>,
  { topic, partition, from, count }: RecordsRequest,
): Promise<RecordPage> {
  const { earliest } = await log.offsets({ topic, partition });
  const request = { topic, partition, from, bytesMax: PAGE_BYTES_MAX, waitMs: 0 };
  const { batches, highWatermark } = await log.read(request);
  const records: PageRecord[] = [];
  let [nextOffset, bytes] = [from, 0];
  for (const batch of batches) {
    const packed = PackedRecords.of(batch.bytes);
    for (let i = 0; i < packed.count; i++) {
      const offset = packed.offset(batch.baseOffset, i);
      if (offset < batch.from) continue;
      const value = packed.value(i) ?? null;
      bytes += value?.byteLength ?? 0;
      const isFull = records.length === count || (records.length > 0 && bytes > PAGE_BYTES_MAX);
      if (isFull) return { earliest, highWatermark, nextOffset: offset, records };
      const [timestampMs, key] = [packed.timestampMs(i), packed.key(i) ?? null];
      records.push({ offset, timestampMs, key, value });
    }
    nextOffset = batch.nextOffset;
  }
  return { earliest, highWatermark, nextOffset, records };
}
