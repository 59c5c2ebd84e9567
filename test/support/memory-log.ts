/**
 * A log in memory behind the same port, for the simulator and as a check on the conformance suite.
 * Deterministic: no time but the given clock's, nothing but promises in between.
 *
 * What is durable lies in an object of its own, which outlives a crash: `new MemoryLog(durable, …)`
 * is the process that starts after it, and from then on the log before is dead: whatever it had
 * under way takes no effect and is refused.
 */
import type { Clock } from '../../src/core/clock.ts';
import { type ErrorCode, ShrikeError } from '../../src/core/errors.ts';
import { type Offset, type TopicPartition, topicPartitionName } from '../../src/core/ids.ts';
import type {
  Append,
  Log,
  LogCommit,
  Membership,
  MembershipListener,
  PartitionOffsets,
  ReadRequest,
  TopicDescription,
  TopicSpec,
} from '../../src/core/log.ts';
import {
  type FetchedBatch,
  PackedRecords,
  PackedRecordsBuilder,
  type SourceRead,
} from '../../src/core/records.ts';
import { Arrivals } from '../../src/log/embedded/arrivals.ts';
import { Memberships } from '../../src/log/embedded/memberships.ts';

interface StoredBatch {
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  readonly bytes: Uint8Array;
}

interface StoredPartition {
  earliest: Offset;
  end: Offset;
  batches: StoredBatch[];
  readonly groups: Map<string, Offset>;
}

/** What survives a crash. */
export class DurableLog {
  readonly topics = new Map<string, { spec: TopicSpec; partitions: StoredPartition[] }>();
  /** Counts the logs that were opened on it; only the newest may act. */
  incarnation = 0;

  /** What a power cut leaves, when this is taken at the last sync. */
  clone(): DurableLog {
    const copy = new DurableLog();
    copy.restore(this);
    return copy;
  }

  restore(earlier: DurableLog): void {
    this.topics.clear();
    for (const [topic, { spec, partitions }] of earlier.topics) {
      const copies = partitions.map((p) => ({
        ...p,
        batches: [...p.batches],
        groups: new Map(p.groups),
      }));
      this.topics.set(topic, { spec, partitions: copies });
    }
  }
}

/**
 * Called by the log, awaited, and what they throw is what the caller gets.
 * `before…`: nothing has taken effect yet, and nothing will when it throws.
 * `after…`: all of it has, whatever the caller is told.
 */
export interface MemoryLogFaults {
  beforeCommit?: (commit: LogCommit) => void | Promise<void>;
  afterCommit?: (commit: LogCommit) => void | Promise<void>;
  beforeAppend?: (appends: readonly Append[]) => void | Promise<void>;
  afterAppend?: (appends: readonly Append[]) => void | Promise<void>;
  beforeRead?: (request: ReadRequest) => void | Promise<void>;
}

export class MemoryLog implements Log {
  /** Bytes of a record, by topic: told, and not looked after. */
  limits: ReadonlyMap<string, number> = new Map();
  readonly kind = 'embedded';
  readonly #durable: DurableLog;
  readonly #clock: Clock;
  readonly #faults: MemoryLogFaults;
  readonly #incarnation: number;
  readonly #memberships = new Memberships();
  readonly #arrivals = new Map<string, Arrivals>();
  #closed = false;
  /** Commits take effect one after the other, in the order of their calls. */
  #turn: Promise<void> = Promise.resolve();

  constructor(durable: DurableLog, clock: Clock, faults: MemoryLogFaults = {}) {
    this.#durable = durable;
    this.#clock = clock;
    this.#faults = faults;
    durable.incarnation += 1;
    this.#incarnation = durable.incarnation;
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    this.#requireAlive();
    for (const spec of topics) {
      const existing = this.#durable.topics.get(spec.topic)?.spec ?? spec;
      if (existing.partitions === spec.partitions && existing.cleanup === spec.cleanup) continue;
      throw failure('LOG_TOPIC_MISMATCH', `${spec.topic} has ${existing.partitions} partitions`);
    }
    for (const spec of topics) {
      const partitions = Array.from({ length: spec.partitions }, newPartition);
      const existing = this.#durable.topics.get(spec.topic);
      this.#durable.topics.set(spec.topic, { partitions, ...existing, spec });
    }
  }

  async topics(only?: readonly string[]): Promise<readonly TopicDescription[]> {
    this.#requireAlive();
    const all = [...this.#durable.topics.values()];
    const chosen = all.filter(({ spec }) => only === undefined || only.includes(spec.topic));
    return chosen.map(({ spec, partitions }) => ({
      ...spec,
      offsets: partitions.map(({ earliest, end }) => ({ earliest, highWatermark: end })),
    }));
  }

  async identity(topic: string): Promise<string> {
    this.#partition({ topic, partition: 0 });
    return `memory/${topic}`;
  }

  async recordBytesMax(): Promise<ReadonlyMap<string, number>> {
    return this.limits;
  }

  /** A commit is one write: it is never seen open. */
  async openCommits(): Promise<readonly never[]> {
    return [];
  }

  async offsets(of: TopicPartition): Promise<PartitionOffsets> {
    this.#requireAlive();
    const { earliest, end } = this.#partition(of);
    return { earliest, highWatermark: end };
  }

  async read(request: ReadRequest): Promise<SourceRead> {
    await this.#faults.beforeRead?.(request);
    this.#requireAlive();
    const { topic, partition, from, waitMs, signal } = request;
    const stored = this.#partition(request);
    requireInRange(request, stored);
    if (from === stored.end && waitMs > 0) {
      await this.#arrivalsOf(request).wait(this.#clock, waitMs, signal);
      if (!this.#closed) this.#requireAlive();
      requireInRange(request, stored);
    }
    const batches: FetchedBatch[] = [];
    let bytes = 0;
    for (const batch of this.#closed ? [] : stored.batches) {
      if (batch.nextOffset <= from) continue;
      bytes += batch.bytes.byteLength;
      if (batches.length > 0 && bytes > request.bytesMax) break;
      const first = Math.max(from, batch.baseOffset);
      batches.push({ ...batch, from: first, bytes: new Uint8Array(batch.bytes) });
    }
    return { topic, partition, batches, highWatermark: stored.end };
  }

  async append(appends: readonly Append[]): Promise<readonly Offset[]> {
    this.#requireAlive();
    return this.#inTurn(async () => {
      await this.#faults.beforeAppend?.(appends);
      this.#requireAlive();
      const bases = this.#store(appends);
      await this.#faults.afterAppend?.(appends);
      return bases;
    });
  }

  async committed(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (Offset | undefined)[]> {
    this.#requireAlive();
    return partitions.map((of) => this.#partition(of).groups.get(group));
  }

  async join(group: string, topic: string, listener: MembershipListener): Promise<Membership> {
    this.#requireAlive();
    const partitions = this.#topic(topic).map((_, partition) => ({ topic, partition }));
    return this.#memberships.join({ group, topic, partitions, listener }, () => this.#turn);
  }

  async commit(commit: LogCommit): Promise<void> {
    this.#requireAlive();
    await this.#inTurn(async () => {
      await this.#faults.beforeCommit?.(commit);
      this.#requireAlive();
      const { group, owner, offsets, outputs } = commit;
      for (const { topic } of offsets) this.#memberships.requireOwner(group, topic, owner);
      const targets = offsets.map((offset) => ({ ...offset, stored: this.#partition(offset) }));
      for (const output of outputs) this.#partition(output);
      for (const { stored, nextOffset } of targets) stored.groups.set(group, nextOffset);
      this.#store(outputs);
      await this.#faults.afterCommit?.(commit);
    });
  }

  async sync(): Promise<void> {
    this.#requireAlive();
  }

  async deleteBefore(of: TopicPartition, before: Offset): Promise<void> {
    this.#requireAlive();
    const stored = this.#partition(of);
    stored.earliest = Math.max(stored.earliest, Math.min(before, stored.end));
    stored.batches = stored.batches.filter(({ nextOffset }) => nextOffset > stored.earliest);
  }

  async compact(topic: string): Promise<void> {
    this.#requireAlive();
    const compacted = this.#durable.topics.get(topic)?.spec.cleanup === 'compact';
    for (const stored of this.#topic(topic)) {
      if (compacted) stored.batches = compactedBatches(stored.batches);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const arrivals of this.#arrivals.values()) arrivals.wake();
    await this.#turn;
  }

  #store(appends: readonly Append[]): Offset[] {
    const targets = appends.map((append) => ({
      stored: this.#partition(append),
      records: PackedRecords.of(new Uint8Array(append.records)),
    }));
    const bases = targets.map(({ stored, records }) => {
      const baseOffset = stored.end;
      if (records.count === 0) return baseOffset;
      stored.end = records.offset(baseOffset, records.count - 1) + 1;
      stored.batches.push({ baseOffset, nextOffset: stored.end, bytes: records.bytes });
      return baseOffset;
    });
    for (const append of appends) this.#arrivalsOf(append).wake();
    return bases;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.then(
      () => undefined,
      () => undefined, // its caller learns of it through `result`
    );
    return result;
  }

  #topic(topic: string): StoredPartition[] {
    const found = this.#durable.topics.get(topic);
    if (found) return found.partitions;
    throw failure('LOG_TOPIC_UNKNOWN', `the log has no topic ${topic}`);
  }

  #partition(of: TopicPartition): StoredPartition {
    const found = this.#topic(of.topic)[of.partition];
    if (found) return found;
    throw failure('LOG_TOPIC_UNKNOWN', `the log has no ${topicPartitionName(of)}`);
  }

  #arrivalsOf(of: TopicPartition): Arrivals {
    const name = topicPartitionName(of);
    const arrivals = this.#arrivals.get(name) ?? new Arrivals();
    this.#arrivals.set(name, arrivals);
    return arrivals;
  }

  #requireAlive(): void {
    if (!this.#closed && this.#incarnation === this.#durable.incarnation) return;
    throw failure('LOG_UNAVAILABLE', this.#closed ? 'the log is closed' : 'the log has crashed');
  }
}

function newPartition(): StoredPartition {
  return { earliest: 0, end: 0, batches: [], groups: new Map() };
}

/** The newest record of each key, without tombstones; a batch keeps its place even when empty. */
function compactedBatches(batches: readonly StoredBatch[]): StoredBatch[] {
  const newest = new Map<string | undefined, Offset>();
  for (const { baseOffset, bytes } of batches) {
    const records = PackedRecords.of(bytes);
    for (let i = 0; i < records.count; i++) {
      newest.set(records.key(i), records.offset(baseOffset, i));
    }
  }
  return batches.map(({ baseOffset, nextOffset, bytes }) => {
    const records = PackedRecords.of(bytes);
    const builder = new PackedRecordsBuilder();
    for (let i = 0; i < records.count; i++) {
      const [key, value] = [records.key(i), records.value(i)];
      const timestampMs = records.timestampMs(i);
      const offset = records.offset(baseOffset, i);
      const stays = key === undefined || (newest.get(key) === offset && value !== undefined);
      if (stays) builder.add({ key, value, timestampMs }, offset - baseOffset);
    }
    return { baseOffset, nextOffset, bytes: builder.finish() };
  });
}

function requireInRange(request: ReadRequest, { earliest, end }: StoredPartition): void {
  if (request.from >= earliest && request.from <= end) return;
  throw failure(
    'LOG_OFFSET_OUT_OF_RANGE',
    `${topicPartitionName(request)} has no offset ${request.from}: it holds ${earliest} to ${end}`,
  );
}

function failure(code: ErrorCode, message: string): ShrikeError {
  return new ShrikeError(code, message);
}
