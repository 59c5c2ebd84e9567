/**
 * The smallest log that loaders and exporters can work on: partitions are arrays of appended
 * batches.
 */
import type { Offset, TopicPartition } from '../../src/core/ids.ts';
import type {
  Append,
  Log,
  PartitionOffsets,
  ReadRequest,
  TopicDescription,
} from '../../src/core/log.ts';
import { type FetchedBatch, PackedRecords, type SourceRead } from '../../src/core/records.ts';

export interface RecordedValue {
  readonly partition: number;
  readonly offset: Offset;
  readonly key: string | undefined;
  readonly value: string;
}

export class RecordingLog implements Pick<Log, 'append' | 'offsets' | 'read' | 'topics'> {
  readonly appends: (readonly Append[])[] = [];
  readonly #partitions = new Map<string, FetchedBatch[]>();

  async append(appends: readonly Append[]): Promise<readonly Offset[]> {
    this.appends.push(appends);
    return appends.map((append) => {
      const batches = this.#batches(append);
      const baseOffset = batches.at(-1)?.nextOffset ?? 0;
      const nextOffset = baseOffset + PackedRecords.of(append.records).count;
      batches.push({ baseOffset, from: baseOffset, nextOffset, bytes: append.records });
      return baseOffset;
    });
  }

  async topics(): Promise<readonly TopicDescription[]> {
    const names = new Set([...this.#partitions.keys()].map((name) => name.replace(/-\d+$/, '')));
    return Promise.all(
      [...names].map(async (topic) => {
        const partitions = 1 + Math.max(...this.#partitionsOf(topic));
        const offsets = Array.from({ length: partitions }, (_, partition) =>
          this.offsets({ topic, partition }),
        );
        const spec = { topic, partitions, cleanup: 'delete', retentionMs: 0 } as const;
        return { ...spec, offsets: await Promise.all(offsets) };
      }),
    );
  }

  async offsets(of: TopicPartition): Promise<PartitionOffsets> {
    return { earliest: 0, highWatermark: this.#batches(of).at(-1)?.nextOffset ?? 0 };
  }

  /** One batch a read, so that readers have to come back. */
  async read({ topic, partition, from }: ReadRequest): Promise<SourceRead> {
    const { highWatermark } = await this.offsets({ topic, partition });
    const next = this.#batches({ topic, partition }).find((batch) => batch.nextOffset > from);
    const batches = next === undefined ? [] : [{ ...next, from }];
    return { topic, partition, batches, highWatermark };
  }

  /** All records of a topic, partition by partition. */
  records(topic: string, partitions: number): RecordedValue[] {
    return Array.from({ length: partitions }, (_, partition) =>
      this.#batches({ topic, partition }).flatMap(({ baseOffset, bytes }) => {
        const records = PackedRecords.of(bytes);
        return Array.from({ length: records.count }, (_, i) => ({
          partition,
          offset: records.offset(baseOffset, i),
          key: records.key(i),
          value: records.value(i)?.toString('utf8') ?? '',
        }));
      }),
    ).flat();
  }

  #partitionsOf(topic: string): number[] {
    const names = [...this.#partitions.keys()].filter((name) => name.startsWith(`${topic}-`));
    return names.map((name) => Number(name.slice(topic.length + 1)));
  }

  #batches({ topic, partition }: TopicPartition): FetchedBatch[] {
    const name = `${topic}-${partition}`;
    const batches = this.#partitions.get(name) ?? [];
    this.#partitions.set(name, batches);
    return batches;
  }
}
