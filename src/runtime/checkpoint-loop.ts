/**
 * Snapshots of one partition: taken without a barrier, written beneath when committed, then sealed.
 *
 *   due -> snapshot (in slices, steps go on) -> K reaches it -> log synced -> local store
 *       -> segment, manifest
 *
 * K1  A snapshot is written only when the log has committed its offset, durably (S3).
 * K2  Sealing never holds up steps or local writes; a store that is down costs backlog, not
 *     payments.
 * K3  A snapshot answers one request for a savepoint: a manifest has one name. Others wait for the
 *     next snapshot, which may be of the same offset.
 * K4  A snapshot answers all who ask for a digest before it is taken, once it is stored.
 */
import type { CheckpointChain, Manifest } from '../core/checkpoint.ts';
import type { Clock } from '../core/clock.ts';
import type { DigestAt } from '../core/drill.ts';
import { codeOf, explain, ShrikeError } from '../core/errors.ts';
import type { Offset, TopicPartition } from '../core/ids.ts';
import type { ActorStore, ActorTable, PackedActors, Snapshot, StoreMeta } from '../core/state.ts';
import type { CommitPort, TaskParts } from './ports.ts';
import type { TaskCounters } from './task-counters.ts';

const SCAN_BLOCK_BYTES = 4 << 20;

interface Waiting<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: unknown) => void;
}

interface Request extends Waiting<Manifest> {
  readonly name: string;
}

interface Sealing {
  readonly snapshot: Snapshot;
  readonly request: Request | undefined;
}

export interface CheckpointLoopOptions {
  readonly of: TopicPartition;
  readonly parts: Pick<TaskParts<unknown>, 'checkpoints' | 'limits' | 'emitEvent'>;
  readonly clock: Clock;
  readonly store: ActorStore;
  readonly table: ActorTable;
  readonly commits: CommitPort;
  readonly counters: TaskCounters;
  /** @returns false when the offset will never be committed by this session. */
  readonly reached: (offset: Offset) => Promise<boolean>;
}

export class CheckpointLoop {
  readonly #options: CheckpointLoopOptions;
  #chain: CheckpointChain | undefined;
  #nextMs: number;
  #writing: Promise<void> | undefined;
  #sealing: Promise<void> | undefined;
  #queue: Sealing[] = [];
  #requests: Request[] = [];
  #digests: Waiting<DigestAt>[] = [];
  #error: unknown;
  #storing = false;
  /** Of this session. What an earlier one has sealed is found out at the first seal. */
  #sealedOffset: Offset = 0;

  constructor(options: CheckpointLoopOptions) {
    this.#options = options;
    // Partitions take turns, so that their pauses and uploads do not coincide.
    const { intervalMs, phase } = this.#rhythm();
    this.#nextMs = options.clock.nowMs() + intervalMs * phase;
  }

  /** A newer owner has sealed: this session is over. */
  get error(): unknown {
    return this.#error;
  }

  /** Called between two batches, with the position of the steps. Returns at once. */
  tick(position: Offset): void {
    const { clock, table, parts } = this.#options;
    if (this.#writing !== undefined) return;
    const due = clock.nowMs() >= this.#nextMs && position > this.#sealedOffset;
    const full = table.dirtyBytes > parts.limits.dirtyBytesMax;
    const asked = this.#requests.length + this.#digests.length > 0;
    if (due || full || asked) this.#begin(position);
  }

  savepoint(name: string): Promise<Manifest> {
    return new Promise((resolve, reject) => this.#requests.push({ name, resolve, reject }));
  }

  /** Of the next snapshot: the state's digest where it is committed and stored. */
  digest(): Promise<DigestAt> {
    return new Promise((resolve, reject) => this.#digests.push({ resolve, reject }));
  }

  /** A last checkpoint of a session that ends well: everything is committed. */
  async finish(position: Offset): Promise<void> {
    await this.#writing;
    await this.#sealing;
    let isDue = position > this.#sealedOffset;
    while (isDue || this.#requests.length + this.#digests.length > 0) {
      isDue = false;
      this.#begin(position);
      await this.#writing;
    }
    await this.settled();
  }

  /** Resolves when nothing of this session touches the store any more. */
  async settled(): Promise<void> {
    await this.#writing;
    await this.#sealing;
    const waiting = [...this.#requests.splice(0), ...this.#digests.splice(0)];
    for (const { reject } of waiting) reject(recovering());
  }

  #rhythm(): { intervalMs: number; phase: number } {
    const { of, parts } = this.#options;
    // Multiples of the golden ratio spread any number of partitions evenly.
    return {
      intervalMs: parts.limits.checkpointIntervalMs,
      phase: (1 + of.partition * 0.618034) % 1 || 1,
    };
  }

  #begin(position: Offset): void {
    const { clock, table, counters } = this.#options;
    this.#nextMs = clock.nowMs() + this.#rhythm().intervalMs;
    const request = this.#requests.shift();
    const digests = this.#digests.splice(0);
    const snapshot = table.snapshot(position);
    counters.enter('snapshot');
    this.#writing = this.#write(snapshot, request)
      .then(
        (meta) => {
          for (const one of digests) {
            if (meta === undefined) one.reject(recovering());
            else one.resolve(digestIn(meta));
          }
        },
        (error: unknown) => {
          this.#failed('snapshot failed', error, request);
          for (const one of digests) one.reject(error);
        },
      )
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** @returns undefined when the snapshot's offset will not be committed by this session */
  async #write(
    taking: Promise<Snapshot>,
    request: Request | undefined,
  ): Promise<StoreMeta | undefined> {
    const { table, commits, counters, reached } = this.#options;
    const snapshot = await taking;
    counters.checkpoint.pauseMsMax = Math.max(
      counters.checkpoint.pauseMsMax,
      table.stats.snapshotPauseMsMax,
    );
    counters.spent('snapshot', table.stats.snapshotMs / 1000);
    counters.shared.pauseMs.record(table.stats.snapshotPauseMsMax);
    if (!(await reached(snapshot.meta.nextOffset))) {
      request?.reject(recovering());
      return undefined;
    }
    await commits.sync();
    this.#storing = true;
    try {
      await table.store(snapshot);
    } finally {
      this.#storing = false;
    }
    counters.storedOffset = snapshot.meta.nextOffset;
    this.#enqueue({ snapshot, request });
    return snapshot.meta;
  }

  #enqueue(sealing: Sealing): void {
    const { counters, parts } = this.#options;
    const { backlogBytesMax } = parts.limits;
    this.#queue.push(sealing);
    let bytes = this.#backlogBytes();
    // What is dropped leaves a gap, and the chain answers a gap with a new base.
    while (bytes > backlogBytesMax && this.#queue.length > 1) {
      const dropped = this.#queue.shift() as Sealing;
      bytes -= dropped.snapshot.changed.byteLength;
      this.#failed(
        'snapshot dropped from a full backlog',
        new ShrikeError('CHECKPOINT_UPLOAD_FAILED', 'the backlog of snapshots is full'),
        dropped.request,
      );
    }
    counters.checkpoint.backlogBytes = bytes;
    this.#sealing ??= this.#sealAll().finally(() => {
      this.#sealing = undefined;
    });
  }

  #backlogBytes(): number {
    return this.#queue.reduce((sum, { snapshot }) => sum + snapshot.changed.byteLength, 0);
  }

  async #sealAll(): Promise<void> {
    const { checkpoint } = this.#options.counters;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      checkpoint.backlogBytes = this.#backlogBytes();
      try {
        await this.#seal(next);
      } catch (error) {
        this.#failed('checkpoint not sealed', error, next.request);
        if (codeOf(error) === 'CHECKPOINT_CONFLICT') this.#error = error;
        continue;
      }
      await this.#retain();
    }
  }

  async #seal({ snapshot, request }: Sealing): Promise<void> {
    const { of, parts, clock, counters } = this.#options;
    const startMs = clock.nowMs();
    this.#chain ??= await parts.checkpoints.open(of);
    const manifest = await this.#chain.seal(snapshot, {
      ...(request !== undefined && { savepoint: request.name }),
      scan: () => this.#scanAt(snapshot.meta.nextOffset),
    });
    this.#sealedOffset = manifest.nextOffset;
    counters.checkpoint.offset = manifest.nextOffset;
    counters.checkpoint.sealedAtMs = clock.nowMs();
    counters.checkpoint.sealedCount += 1;
    counters.checkpoint.lastBytes = snapshot.changed.byteLength;
    counters.checkpoint.lastDurationMs = clock.nowMs() - startMs;
    request?.resolve(manifest);
  }

  /** What it could not delete now, it deletes after the next seal. */
  async #retain(): Promise<void> {
    try {
      await this.#chain?.retain();
    } catch (error) {
      this.#report('old checkpoints not deleted', error);
    }
  }

  /** S2: the iterator opens before the first await, so what is checked here is what it shows. */
  async *#scanAt(offset: Offset): AsyncGenerator<PackedActors> {
    const { store, table } = this.#options;
    if (this.#storing || table.storedOffset !== offset) {
      throw new ShrikeError('CHECKPOINT_UPLOAD_FAILED', 'the local store has moved on');
    }
    yield* store.scan(SCAN_BLOCK_BYTES);
  }

  #failed(what: string, error: unknown, request: Request | undefined): void {
    this.#options.counters.checkpoint.failedCount += 1;
    this.#report(what, error);
    request?.reject(error);
  }

  #report(what: string, error: unknown): void {
    const { of, parts, counters } = this.#options;
    counters.error(codeOf(error));
    const facts = { partition: of.partition, code: codeOf(error), reason: explain(error) };
    parts.emitEvent('warn', what, facts);
  }
}

function digestIn({ nextOffset, digest, actorCount }: StoreMeta): DigestAt {
  return { nextOffset, digest, actorCount };
}

function recovering(): ShrikeError {
  return new ShrikeError('CHECKPOINT_UPLOAD_FAILED', 'the partition recovers; ask again');
}
