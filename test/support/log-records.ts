/** Records of a log as plain objects, for tests. */
import { assert } from '../../src/core/assert.ts';
import type { TopicPartition } from '../../src/core/ids.ts';
import type { Log } from '../../src/core/log.ts';
import {
  type FetchedBatch,
  type NewRecord,
  PackedRecords,
  packRecords,
} from '../../src/core/records.ts';

export interface LogRecord {
  readonly offset: number;
  readonly key: string | undefined;
  /** As text; undefined: a tombstone. */
  readonly value: string | undefined;
  readonly timestampMs: number;
}

export function recordsOf(batches: readonly FetchedBatch[]): LogRecord[] {
  return batches.flatMap(({ bytes, baseOffset, from }) => {
    const packed = PackedRecords.of(bytes);
    return Array.from({ length: packed.count }, (_, i) => ({
      offset: packed.offset(baseOffset, i),
      key: packed.key(i),
      value: packed.value(i)?.toString(),
      timestampMs: packed.timestampMs(i),
    })).filter(({ offset }) => offset >= from);
  });
}

/** Everything from `from` (default: the earliest) to the high watermark, read by `bytesMax`. */
export async function readAll(
  log: Log,
  of: TopicPartition,
  options: { from?: number; bytesMax?: number } = {},
): Promise<LogRecord[]> {
  const { earliest, highWatermark } = await log.offsets(of);
  const bytesMax = options.bytesMax ?? 1 << 20;
  const records: LogRecord[] = [];
  let from = options.from ?? earliest;
  while (from < highWatermark) {
    const { batches } = await log.read({ ...of, from, bytesMax, waitMs: 0 });
    const last = batches.at(-1);
    assert(last && last.nextOffset > from, 'a read below the high watermark makes progress');
    records.push(...recordsOf(batches));
    from = last.nextOffset;
  }
  return records;
}

export async function valuesIn(log: Log, of: TopicPartition): Promise<(string | undefined)[]> {
  return (await readAll(log, of)).map(({ value }) => value);
}

/** A packed batch of `key=value` records; a word without `=` is a value without a key. */
export function packed(...words: string[]): Uint8Array {
  return packRecords(words.map(recordOf));
}

function recordOf(word: string): NewRecord {
  const at = word.indexOf('=');
  const key = at < 0 ? undefined : word.slice(0, at);
  return { key, value: word.slice(at + 1), timestampMs: 1_600_000_000_000 };
}
