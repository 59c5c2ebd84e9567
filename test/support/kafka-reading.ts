/** The reader under test, and all that it sees of a topic, in the oracle's form. */
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { TopicPartition } from '../../src/core/ids.ts';
import { PackedRecords, type SourceRead } from '../../src/core/records.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import { KafkaReader } from '../../src/log/kafka/reader/reader.ts';
import type { SaslSettings, TlsSettings } from '../../src/log/kafka/wire/settings.ts';

export interface SeenRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | undefined;
  readonly value: string | undefined;
  readonly timestampMs: number;
}

export interface ReadingOptions {
  readonly clock?: Clock;
  readonly tls?: TlsSettings;
  readonly sasl?: SaslSettings;
}

export interface Reading {
  readonly cluster: Cluster;
  readonly reader: KafkaReader;
  close(): Promise<void>;
}

/** Time at twenty times the pace, for waits that are long and say nothing. */
export const hastyClock: Clock = {
  nowMs: () => systemClock.nowMs() * 20,
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
  yield: () => systemClock.yield(),
};

export function openReader(
  bootstrap: string,
  { clock = systemClock, ...security }: ReadingOptions = {},
): Reading {
  const addresses = bootstrap.split(',').map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
  const cluster = new Cluster({
    settings: {
      bootstrap: addresses,
      clientId: 'reader-test',
      tls: undefined,
      sasl: undefined,
      ...security,
    },
    clock,
    requestTimeoutMs: 10_000,
  });
  const reader = new KafkaReader({ cluster, clock });
  const close = async () => {
    await reader.close();
    await cluster.close();
  };
  return { cluster, reader, close };
}

export function recordsIn({ partition, batches }: SourceRead): SeenRecord[] {
  return batches.flatMap(({ bytes, baseOffset }) => {
    const packed = PackedRecords.of(bytes);
    return Array.from({ length: packed.count }, (_, i) => ({
      partition,
      offset: packed.offset(baseOffset, i),
      key: packed.key(i),
      value: packed.value(i)?.toString(),
      timestampMs: packed.timestampMs(i),
    }));
  });
}

/** From `from`, or the beginning, to the high watermark as it is when the reading begins. */
export async function readPartition(
  reader: KafkaReader,
  at: TopicPartition,
  { from, bytesMax = 1 << 20 }: { readonly from?: number; readonly bytesMax?: number } = {},
): Promise<SeenRecord[]> {
  const { earliest, highWatermark } = await reader.offsets(at);
  const seen: SeenRecord[] = [];
  for (let next = from ?? earliest; next < highWatermark; ) {
    const read = await reader.read({ ...at, from: next, bytesMax, waitMs: 1000 });
    seen.push(...recordsIn(read));
    next = read.batches.at(-1)?.nextOffset ?? next;
  }
  return seen;
}

export async function readTopic(
  reader: KafkaReader,
  topic: string,
  partitions: number,
  options: { readonly bytesMax?: number } = {},
): Promise<SeenRecord[]> {
  const all = Array.from({ length: partitions }, (_, partition) =>
    readPartition(reader, { topic, partition }, options),
  );
  return (await Promise.all(all)).flat();
}
