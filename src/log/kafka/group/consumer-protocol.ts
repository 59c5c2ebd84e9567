/**
 * What members of a group tell each other through the broker, in the formats that all consumers
 * share (ConsumerProtocolSubscription, ConsumerProtocolAssignment in Kafka's sources). A newer
 * version only adds fields at the end.
 */
import type { TopicPartition } from '../../../core/ids.ts';
import { byTopic } from '../wire/by-topic.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';

/** The newest version without the rack. */
const SUBSCRIPTION_VERSION = 2;
const ASSIGNMENT_VERSION = 0;

export interface Subscription {
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartition[];
  /** In which `owned` was assigned. -1: unknown. */
  readonly generation: number;
}

export function encodeSubscription({ topics, owned, generation }: Subscription): Uint8Array {
  const to = new Writer().i16(SUBSCRIPTION_VERSION).i32(topics.length);
  for (const topic of topics) to.shortString(topic);
  // The generation once more: a leader that knows version 1 only looks for it in the user bytes.
  to.i32(4).i32(generation);
  writePartitions(to, owned);
  return to.i32(generation).bytes;
}

export function decodeSubscription(bytes: Buffer): Subscription {
  const from = new Reader(bytes);
  const version = from.i16();
  const topics = readArray(from, () => from.shortString());
  const userBytes = from.i32();
  const at = from.at;
  from.at += Math.max(0, userBytes);
  const owned = version >= 1 ? readPartitions(from) : [];
  if (version >= 2) return { topics, owned, generation: from.i32() };
  return { topics, owned, generation: userBytes === 4 ? bytes.readInt32BE(at) : -1 };
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Uint8Array {
  const to = new Writer().i16(ASSIGNMENT_VERSION);
  writePartitions(to, partitions);
  return to.i32(0).bytes;
}

/** Nothing at all is what a member gets that the leader has not thought of. */
export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  const from = new Reader(bytes);
  if (from.left === 0) return [];
  from.i16(); // version
  return readPartitions(from);
}

function writePartitions(to: Writer, partitions: readonly TopicPartition[]): void {
  const topics = byTopic(partitions);
  to.i32(topics.length);
  for (const [topic, of] of topics) {
    to.shortString(topic).i32(of.length);
    for (const { partition } of of) to.i32(partition);
  }
}

function readPartitions(from: Reader): TopicPartition[] {
  return readArray(from, () => {
    const topic = from.shortString();
    return readArray(from, () => ({ topic, partition: from.i32() }));
  }).flat();
}

function readArray<T>(from: Reader, read: () => T): T[] {
  return Array.from({ length: Math.max(0, from.i32()) }, read);
}
