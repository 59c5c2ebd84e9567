/** The log of one process: RocksDB in one folder behind the port of `src/core/log.ts`. */
import { assert } from '../../core/assert.ts';
import type { Clock } from '../../core/clock.ts';
import { codeOf, ShrikeError } from '../../core/errors.ts';
import { type Offset, type TopicPartition, topicPartitionName } from '../../core/ids.ts';
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
} from '../../core/log.ts';
import type { SourceRead } from '../../core/records.ts';
import { endOfChunks, readChunks } from './chunks.ts';
import { compactPartition, isDirty, type MaintenanceParts } from './compaction.ts';
import { Memberships } from './memberships.ts';
import { deleteChunksBefore } from './retention.ts';
import { StagedWrite } from './staged-write.ts';
import { Store } from './store.ts';
import { TailCache } from './tail-cache.ts';
import { type Partition, TopicTable } from './topic-table.ts';
import { WriteQueue } from './write-queue.ts';

export interface EmbeddedLogOptions {
  /** `commit`: synced before it is acknowledged. `interval`: synced every `syncIntervalMs` (L5). */
  readonly sync: 'commit' | 'interval';
  readonly syncIntervalMs: number;
  readonly clock: Clock;
  /** Bytes of the newest chunks kept in memory for live readers. */
  readonly cacheBytes?: number;
}

const CACHE_BYTES = 16 << 20;

/**
 * Opens the log in `folder`, which it owns from here on, and creates it when there is none.
 * @throws DATA_DIR_LOCKED, DATA_DIR_UNWRITABLE, DATA_DIR_VERSION, DISK_FULL, LOG_CORRUPT
 */
export async function openEmbeddedLog(folder: string, options: EmbeddedLogOptions): Promise<Log> {
  const store = await Store.open(folder);
  const cache = new TailCache(options.cacheBytes ?? CACHE_BYTES);
  const table = new TopicTable(() => cache.newTail());
  try {
    await table.recover(store);
  } catch (error) {
    await store.close();
    throw error;
  }
  return new EmbeddedLog(options, { store, cache, table });
}

class EmbeddedLog implements Log {
  readonly kind = 'embedded';
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #cache: TailCache;
  readonly #table: TopicTable;
  readonly #queue: WriteQueue;
  readonly #memberships = new Memberships();
  /** Compaction and deletion, one after the other: both rewrite what is old. */
  #maintenance: Promise<void> = Promise.resolve();
  readonly #compacting = new Set<Partition>();
  #backgroundFailure: unknown;
  #closed = false;

  constructor(
    options: EmbeddedLogOptions,
    parts: { store: Store; cache: TailCache; table: TopicTable },
  ) {
    this.#clock = options.clock;
    this.#store = parts.store;
    this.#cache = parts.cache;
    this.#table = parts.table;
    this.#queue = new WriteQueue(parts.store, options, () => this.#verifyEnds());
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    this.#requireOpen();
    let show: () => void = () => undefined;
    await this.#queue.submit({
      stage: () => {
        const plan = this.#table.plan(topics);
        show = plan.show;
        return plan.operations;
      },
      // In the order of the queue: nothing else is staged between the plan and this.
      applied: () => show(),
      undo: () => [],
    });
  }

  async topics(only?: readonly string[]): Promise<readonly TopicDescription[]> {
    this.#requireOpen();
    const all = this.#table.describe();
    return only === undefined ? all : all.filter(({ topic }) => only.includes(topic));
  }

  async identity(topic: string): Promise<string> {
    this.#requireOpen();
    return this.#table.identity(topic);
  }

  /** Whatever fits memory fits the log. */
  async recordBytesMax(): Promise<ReadonlyMap<string, number>> {
    return new Map();
  }

  /** A commit is one write: it is never seen open. */
  async openCommits(): Promise<readonly never[]> {
    return [];
  }

  async offsets(of: TopicPartition): Promise<PartitionOffsets> {
    this.#requireOpen();
    const { meta, end } = this.#table.partition(of);
    return { earliest: meta.earliest, highWatermark: end };
  }

  async read(request: ReadRequest): Promise<SourceRead> {
    this.#requireOpen();
    const partition = this.#table.partition(request);
    const { from, waitMs, signal } = request;
    requireInRange(partition, from);
    if (from === partition.end && waitMs > 0) {
      await partition.arrivals.wait(this.#clock, waitMs, signal);
      requireInRange(partition, from);
    }
    const span = { from, to: partition.end, bytesMax: request.bytesMax };
    const { topic, partition: index } = partition;
    const answer = { topic, partition: index };
    if (from === span.to || this.#closed) {
      return { ...answer, batches: [], highWatermark: partition.end };
    }
    const cached = this.#cache.read(partition.tail, span);
    if (cached) return { ...answer, batches: cached, highWatermark: partition.end };
    try {
      const batches = await readChunks(this.#store, partition, span);
      return { ...answer, batches, highWatermark: partition.end };
    } catch (error) {
      requireInRange(partition, from); // deleted meanwhile: that is the better answer
      throw error;
    }
  }

  async append(appends: readonly Append[]): Promise<readonly Offset[]> {
    return (await this.#write(new StagedWrite(this.#parts, appends), appends)).baseOffsets;
  }

  async committed(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (Offset | undefined)[]> {
    this.#requireOpen();
    return partitions.map((of) => this.#table.partition(of).groups.get(group));
  }

  async join(group: string, topic: string, listener: MembershipListener): Promise<Membership> {
    this.#requireOpen();
    const partitions = this.#table
      .partitionsOf(topic)
      .map(({ partition }) => ({ topic, partition }));
    const joining = { group, topic, partitions, listener };
    return this.#memberships.join(joining, () => this.#queue.settled());
  }

  async commit({ group, owner, offsets, outputs }: LogCommit): Promise<void> {
    const topics = new Set(offsets.map(({ topic }) => topic));
    const requireOwner = () => {
      for (const topic of topics) this.#memberships.requireOwner(group, topic, owner);
    };
    const write = new StagedWrite(this.#parts, outputs, { group, offsets, requireOwner });
    await this.#write(write, outputs);
  }

  async sync(): Promise<void> {
    this.#requireOpen();
    await this.#queue.sync();
  }

  async deleteBefore(of: TopicPartition, before: Offset): Promise<void> {
    this.#requireOpen();
    const partition = this.#table.partition(of);
    await this.#maintain(() => deleteChunksBefore(this.#maintenanceParts, partition, before));
  }

  async compact(topic: string): Promise<void> {
    this.#requireOpen();
    for (const partition of this.#table.partitionsOf(topic)) {
      if (!partition.compacted) continue;
      await this.#maintain(() => compactPartition(this.#maintenanceParts, partition));
    }
  }

  /** @throws the failure of a compaction that ran unasked, when nothing else has told it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const partition of this.#table.all()) partition.arrivals.wake();
    try {
      await this.#maintenance;
      await this.#queue.close();
    } finally {
      await this.#store.close();
    }
    if (this.#backgroundFailure) throw this.#backgroundFailure;
  }

  get #parts(): { table: TopicTable; cache: TailCache } {
    return { table: this.#table, cache: this.#cache };
  }

  get #maintenanceParts(): MaintenanceParts {
    const stopped = () => this.#closed;
    return { store: this.#store, queue: this.#queue, cache: this.#cache, stopped };
  }

  async #write(write: StagedWrite, appends: readonly Append[]): Promise<StagedWrite> {
    this.#requireOpen();
    await this.#queue.submit(write);
    for (const append of appends) this.#compactWhenDirty(this.#table.partition(append));
    return write;
  }

  #compactWhenDirty(partition: Partition): void {
    if (!partition.compacted || this.#compacting.has(partition) || !isDirty(partition)) return;
    this.#compacting.add(partition);
    this.#maintain(() => compactPartition(this.#maintenanceParts, partition))
      .then(() => this.#compacting.delete(partition))
      .catch((error: unknown) => {
        // A full disk passes, and the next append tries again; anything else would repeat itself.
        if (codeOf(error) === 'DISK_FULL') this.#compacting.delete(partition);
        else this.#backgroundFailure = error;
      });
  }

  /** Runs `work` after the maintenance before it, whatever became of that. */
  #maintain(work: () => Promise<void>): Promise<void> {
    const done = this.#maintenance.then(work);
    this.#maintenance = done.catch(() => undefined); // its caller learns of it through `done`
    return done;
  }

  /** E2: after mending, the disk must hold what memory says, or acknowledged commits are lost. */
  async #verifyEnds(): Promise<void> {
    for (const partition of this.#table.all()) {
      const found = (await endOfChunks(this.#store, partition)) ?? 0;
      if (Math.max(found, partition.meta.earliest) === partition.end) continue;
      throw new ShrikeError(
        'LOG_CORRUPT',
        `after a failed write ${topicPartitionName(partition)} ends at ${found}, ` +
          `not at ${partition.end}`,
      );
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new ShrikeError('LOG_UNAVAILABLE', 'the log is closed');
  }
}

/** @throws LOG_OFFSET_OUT_OF_RANGE */
function requireInRange(partition: Partition, offset: Offset): void {
  assert(Number.isSafeInteger(offset), 'an offset is an integer');
  const { meta, end } = partition;
  if (offset >= meta.earliest && offset <= end) return;
  throw new ShrikeError(
    'LOG_OFFSET_OUT_OF_RANGE',
    `${topicPartitionName(partition)} has no offset ${offset}: it holds ${meta.earliest} to ${end}`,
  );
}
