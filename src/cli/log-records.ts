/** Records of a topic one by one, for commands that print or copy them. */
import type { TopicPartition } from '../core/ids.ts';
import type { Log } from '../core/log.ts';
import { PackedRecords } from '../core/records.ts';

/** What a command may do with a log that it only reads. */
export type LogReader = Pick<Log, 'topics' | 'offsets' | 'read'>;

export interface LogRecord extends TopicPartition {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | undefined;
  /** Undefined: a tombstone. */
  readonly value: Buffer | undefined;
}

const READ_BYTES_MAX = 1 << 20;

export interface Span extends TopicPartition {
  readonly from: number;
  readonly to: number;
}

/** Records [from, to) in offset order. */
export async function* recordsOf(log: LogReader, span: Span): AsyncGenerator<LogRecord> {
  const { topic, partition, to } = span;
  let { from } = span;
  while (from < to) {
    const read = { topic, partition, from, bytesMax: READ_BYTES_MAX, waitMs: 0 };
    const { batches } = await log.read(read);
    if (batches.length === 0) return;
    for (const batch of batches) {
      const records = PackedRecords.of(batch.bytes);
      for (let i = 0; i < records.count; i++) {
        const offset = records.offset(batch.baseOffset, i);
        if (offset < batch.from || offset >= to) continue;
        const [key, value] = [records.key(i), records.value(i)];
        yield { topic, partition, offset, timestampMs: records.timestampMs(i), key, value };
      }
      from = batch.nextOffset;
    }
  }
}

/** Partitions of a topic; none when there is no such topic. */
export async function partitionsOf(log: LogReader, topic: string): Promise<number> {
  return (await log.topics()).find((one) => one.topic === topic)?.partitions ?? 0;
}
