/**
 * The log of a running engine, read through its API: RocksDB lets one process in. It goes on while
 * it is read, and retention may remove records before a slow reader gets to them.
 */
import { ShrikeError } from '../core/errors.ts';
import type { TopicPartition } from '../core/ids.ts';
import type { PartitionOffsets, ReadRequest, TopicDescription } from '../core/log.ts';
import { type FetchedBatch, PackedRecordsBuilder, type SourceRead } from '../core/records.ts';
import type { EngineClient } from './engine-client.ts';
import type { LogReader } from './log-records.ts';

/** The API's own limit (docs/api.md). It bounds the bytes of a page, too, whatever is asked for. */
const PAGE_RECORDS_MAX = 1000;
/** Fewer records than this have so many bytes on average: a payment has 262. */
const RECORD_BYTES = 256;

/** docs/api.md */
interface SentPage extends PartitionOffsets {
  readonly nextOffset: number;
  readonly records: readonly {
    readonly offset: number;
    readonly timestampMs: number;
    readonly key: string | null;
    readonly value_base64: string | null;
  }[];
}

export class EngineLog implements LogReader {
  readonly #client: EngineClient;

  constructor(client: EngineClient) {
    this.#client = client;
  }

  async topics(only?: readonly string[]): Promise<readonly TopicDescription[]> {
    const all = await this.#client.get<readonly TopicDescription[]>('/api/topics');
    return only === undefined ? all : all.filter(({ topic }) => only.includes(topic));
  }

  async offsets({ topic, partition }: TopicPartition): Promise<PartitionOffsets> {
    const known = (await this.topics([topic]))[0];
    const offsets = known?.offsets[partition];
    if (offsets !== undefined) return offsets;
    throw new ShrikeError('LOG_TOPIC_UNKNOWN', `the engine has no ${topic}-${partition}`);
  }

  /** Answers at once, with one page as one batch. */
  async read({ topic, partition, from, bytesMax }: ReadRequest): Promise<SourceRead> {
    const count = Math.min(PAGE_RECORDS_MAX, Math.ceil(bytesMax / RECORD_BYTES));
    const path = `/api/topics/${topic}/partitions/${partition}/records`;
    const page = await this.#client.get<SentPage>(`${path}?from=${from}&count=${count}`);
    const { nextOffset, highWatermark } = page;
    const batches = nextOffset > from ? [batchOf(page, from)] : [];
    return { topic, partition, batches, highWatermark };
  }
}

function batchOf({ nextOffset, records }: SentPage, from: number): FetchedBatch {
  const builder = new PackedRecordsBuilder();
  for (const { offset, timestampMs, key, value_base64: value } of records) {
    const bytes = value === null ? undefined : Buffer.from(value, 'base64');
    builder.add({ key: key ?? undefined, value: bytes, timestampMs }, offset - from);
  }
  return { baseOffset: from, from, nextOffset, bytes: builder.finish() };
}
