/** Topics, partitions and group offsets in memory, and how they are found again on open. */
import { randomUUID } from 'node:crypto';
import { ShrikeError } from '../../core/errors.ts';
import { type Offset, type TopicPartition, topicPartitionName } from '../../core/ids.ts';
import type { TopicDescription, TopicSpec } from '../../core/log.ts';
import { Arrivals } from './arrivals.ts';
import { endOfChunks } from './chunks.ts';
import {
  FORMAT,
  FORMAT_KEY,
  groupKey,
  IDENTITY_KEY,
  type PartitionMeta,
  placeKey,
  readPlace,
  sealedJson,
  TAG,
  topicKey,
  unseal,
} from './layout.ts';
import type { Operation, Store } from './store.ts';
import type { Tail } from './tail-cache.ts';

/** E7: earliest <= end <= stagedEnd; `end` moves only after its write has succeeded. */
export interface Partition extends TopicPartition {
  readonly compacted: boolean;
  readonly place: Buffer;
  readonly metaKey: Buffer;
  readonly arrivals: Arrivals;
  readonly tail: Tail;
  /** Next offsets by group. */
  readonly groups: Map<string, Offset>;
  meta: PartitionMeta;
  /** Up to here no chunk is left; 0 when not known. */
  deletedTo: Offset;
  /** The high watermark. */
  end: Offset;
  /** Where the next staged chunk goes. */
  stagedEnd: Offset;
}

interface Topic {
  readonly id: number;
  spec: TopicSpec;
  readonly partitions: readonly Partition[];
}

const NEW_PARTITION: PartitionMeta = { earliest: 0, compactedTo: 0, liveCount: 0 };

export class TopicTable {
  readonly #topics = new Map<string, Topic>();
  readonly #newTail: () => Tail;
  #nextId = 1;
  #identity = '';

  constructor(newTail: () => Tail) {
    this.#newTail = newTail;
  }

  /** @throws LOG_TOPIC_UNKNOWN */
  partition(of: TopicPartition): Partition {
    const found = this.#topics.get(of.topic)?.partitions[of.partition];
    if (found) return found;
    throw new ShrikeError('LOG_TOPIC_UNKNOWN', `the log has no ${topicPartitionName(of)}`);
  }

  /** @throws LOG_TOPIC_UNKNOWN */
  partitionsOf(topic: string): readonly Partition[] {
    const found = this.#topics.get(topic);
    if (found) return found.partitions;
    throw new ShrikeError('LOG_TOPIC_UNKNOWN', `the log has no topic ${topic}`);
  }

  /** @throws LOG_TOPIC_UNKNOWN */
  identity(topic: string): string {
    this.partitionsOf(topic);
    return `embedded/${this.#identity}/${topic}`;
  }

  all(): Partition[] {
    return [...this.#topics.values()].flatMap(({ partitions }) => partitions);
  }

  describe(): TopicDescription[] {
    return [...this.#topics.values()].map(({ spec, partitions }) => ({
      ...spec,
      offsets: partitions.map(({ meta, end }) => ({ earliest: meta.earliest, highWatermark: end })),
    }));
  }

  /** What must be written for `specs` to exist, and how to show it. @throws LOG_TOPIC_MISMATCH */
  plan(specs: readonly TopicSpec[]): { operations: Operation[]; show: () => void } {
    const byName = new Map(specs.map((spec) => [spec.topic, spec]));
    const changes = [...byName.values()]
      .map((spec) => ({ spec, existing: this.#topics.get(spec.topic) }))
      .filter(({ spec, existing }) => !existing || differs(existing.spec, spec))
      .map(({ spec, existing }, i) => ({ spec, id: existing?.id ?? this.#nextId + i }));
    const operations = changes.map(({ spec, id }): Operation => {
      const key = topicKey(id);
      return { type: 'put', key, value: sealedJson(key, spec) };
    });
    return {
      operations,
      show: () => {
        for (const { spec, id } of changes) this.#add(id, spec);
      },
    };
  }

  /** @throws DATA_DIR_VERSION, LOG_CORRUPT */
  async recover(store: Store): Promise<void> {
    await requireFormat(store);
    this.#identity = await identityOf(store);
    const entries: { key: Buffer; value: Buffer }[] = [];
    const range = { gte: Buffer.from([TAG.topic]), lt: Buffer.from([TAG.chunk]) };
    await store.scan(range, (key, value) => {
      entries.push({ key, value: unseal(key, value) });
      return true;
    });
    const byId = new Map<number, Topic>();
    for (const { key, value } of entries) {
      if (key[0] === TAG.topic) {
        const id = key.readUInt32BE(1);
        byId.set(id, this.#add(id, JSON.parse(value.toString()) as TopicSpec));
      } else {
        const { topicId, partition, rest } = readPlace(key);
        const found = byId.get(topicId)?.partitions[partition];
        if (!found) throw new ShrikeError('LOG_CORRUPT', `topic ${topicId} of the log is missing`);
        if (key[0] === TAG.group) found.groups.set(rest.toString(), value.readDoubleBE());
        else found.meta = JSON.parse(value.toString()) as PartitionMeta;
      }
    }
    for (const partition of this.all()) {
      partition.end = (await endOfChunks(store, partition)) ?? partition.meta.earliest;
      partition.end = Math.max(partition.end, partition.meta.earliest);
      partition.stagedEnd = partition.end;
    }
  }

  #add(id: number, spec: TopicSpec): Topic {
    this.#nextId = Math.max(this.#nextId, id + 1);
    const existing = this.#topics.get(spec.topic);
    if (existing) {
      existing.spec = spec;
      return existing;
    }
    const partitions = Array.from({ length: spec.partitions }, (_, partition) => ({
      topic: spec.topic,
      partition,
      compacted: spec.cleanup === 'compact',
      place: placeKey(TAG.chunk, id, partition),
      metaKey: placeKey(TAG.partition, id, partition),
      arrivals: new Arrivals(),
      tail: this.#newTail(),
      groups: new Map<string, Offset>(),
      meta: NEW_PARTITION,
      deletedTo: 0,
      end: 0,
      stagedEnd: 0,
    }));
    const topic = { id, spec, partitions };
    this.#topics.set(spec.topic, topic);
    return topic;
  }
}

export function metaOperation(partition: Partition, meta: PartitionMeta): Operation {
  return { type: 'put', key: partition.metaKey, value: sealedJson(partition.metaKey, meta) };
}

export function groupOffsetKey(partition: Partition, group: string): Buffer {
  return groupKey(partition.place, group);
}

/** True when only the retention differs. @throws LOG_TOPIC_MISMATCH when more does. */
function differs(existing: TopicSpec, wanted: TopicSpec): boolean {
  const { topic, partitions, cleanup } = existing;
  if (partitions === wanted.partitions && cleanup === wanted.cleanup) {
    return existing.retentionMs !== wanted.retentionMs;
  }
  throw new ShrikeError(
    'LOG_TOPIC_MISMATCH',
    `topic ${topic} has ${partitions} partitions and cleanup '${cleanup}', ` +
      `not ${wanted.partitions} and '${wanted.cleanup}'`,
  );
}

async function requireFormat(store: Store): Promise<void> {
  let found: string | undefined;
  let empty = true;
  await store.scan({ gte: Buffer.from([0]), lt: Buffer.from([0xff]), limit: 2 }, (key, value) => {
    empty = false;
    if (key.equals(FORMAT_KEY)) found = value.toString();
    return found === undefined;
  });
  if (found === FORMAT) return;
  if (!empty) {
    throw new ShrikeError(
      'DATA_DIR_VERSION',
      `the folder's log has format ${found ?? 'unknown'}; this version reads ${FORMAT}`,
    );
  }
  const format: Operation = { type: 'put', key: FORMAT_KEY, value: Buffer.from(FORMAT) };
  await store.write([format], { sync: true, undo: () => [] });
}

/** Given when the log is made; a log of an earlier version gets its own now. */
async function identityOf(store: Store): Promise<string> {
  let found: string | undefined;
  await store.scan({ gte: IDENTITY_KEY, lt: Buffer.from([TAG.topic]), limit: 1 }, (_, value) => {
    found = value.toString();
    return false;
  });
  if (found !== undefined) return found;
  const value = randomUUID();
  const entry: Operation = { type: 'put', key: IDENTITY_KEY, value: Buffer.from(value) };
  await store.write([entry], { sync: true, undo: () => [] });
  return value;
}
