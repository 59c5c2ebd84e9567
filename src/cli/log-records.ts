/** Records of a topic one by one, for commands that print or copy them. */
import { codeOf } from '../core/errors.ts';
import type { TopicPartition } from '../core/ids.ts';
import type { Log } from '../core/log.ts';
import { type FetchedBatch, PackedRecords } from '../core/records.ts';

/** What a command may do with a log that it only reads. */
export type LogReader = Pick<Log, 'topics' | 'offsets' | 'read'>;

type SpanReader = Pick<Log, 'offsets' | 'read'>;

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

/** Records [from, to) in offset order, without those that retention removes meanwhile. */
export async function* recordsOf(log: SpanReader, span: Span): AsyncGenerator<LogRecord> {
  const { topic, partition, to } = span;
  let { from } = span;
  while (from < to) {
    const batches = await readFrom(log, { ...span, from });
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

async function readFrom(log: SpanReader, span: Span): Promise<readonly FetchedBatch[]> {
  const { topic, partition, from } = span;
  try {
    const read = { topic, partition, from, bytesMax: READ_BYTES_MAX, waitMs: 0 };
    return (await log.read(read)).batches;
  } catch (error) {
    const { earliest } = await log.offsets(span);
    // Beside a running engine, retention may overtake a reader: what is left begins later.
    if (codeOf(error) !== 'LOG_OFFSET_OUT_OF_RANGE' || earliest <= from) throw error;
    return earliest < span.to ? readFrom(log, { ...span, from: earliest }) : [];
  }
}

/** Partitions of a topic; none when there is no such topic. */
export async function partitionsOf(log: Pick<Log, 'topics'>, topic: string): Promise<number> {
  return (await log.topics([topic])).find((one) => one.topic === topic)?.partitions ?? 0;
}
