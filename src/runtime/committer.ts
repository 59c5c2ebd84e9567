/**
 * Group commit: whatever was scored while the last commit ran goes into the next one.
 *
 * M1  At most one commit is under way.
 * M2  Commits of a partition are contiguous: each starts where the last successful one ended, or
 *     where `position` said. A request that does not is refused; after a failure everything queued
 *     behind it is therefore refused too, and the task starts again from K.
 * M3  A request of an epoch that is not the partition's newest is refused (T1).
 */
import type { Clock } from '../core/clock.ts';
import { ShrikeError } from '../core/errors.ts';
import type { Offset } from '../core/ids.ts';
import type { Append, Log } from '../core/log.ts';
import type { CommitRequest, Owned, Position } from '../core/messages.ts';

/**
 * A commit costs the log's side about the same for ten records as for thousands. So after a large
 * one there is a pause that grows with it, in which the next one gathers: nothing at 5,000 records
 * a second, 30 ms at many, 100 where all of it is backlog (decision 20), and never longer than
 * until the next one is full.
 */
const PAUSE_MS_PER_RECORD = 1 / 100;
const PAUSE_MS_MIN = 1;
const PAUSE_MS_MAX = 30;
const BACKLOG_PAUSE_MS_MAX = 100;

interface Waiting extends Owned, CommitRequest {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface CommitterOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly group: string;
  readonly topic: string;
  /** Names the member that owns the partitions now; read anew for each commit (L4). */
  readonly owner: () => string;
  readonly minIntervalMs: number;
  readonly recordsMax: number;
  /** Topics whose limits a task has to know. */
  readonly outputTopics?: readonly string[];
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #epochs = new Map<number, number>();
  readonly #expected = new Map<number, Offset>();
  #queue: Waiting[] = [];
  /** The pause in which the next commit gathers. */
  #pause: AbortController | undefined;
  #running: Promise<void> | undefined;
  #underWay: Promise<void> | undefined;
  #lastCommitMs = Number.NEGATIVE_INFINITY;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** From now on only requests of this epoch count for the partition (M3). */
  assign({ partition, epoch }: Owned): void {
    this.#epochs.set(partition, epoch);
    this.#expected.delete(partition);
  }

  /** From now on no request counts for the partition, until it is assigned again. */
  release(partition: number): void {
    this.#epochs.delete(partition);
    this.#expected.delete(partition);
  }

  async position(owned: Owned): Promise<Position> {
    const { log, group, topic, outputTopics = [] } = this.#options;
    // A commit that is under way may still move K. What is queued behind it cannot: the task's own
    // requests have settled before it asks, and those of a replaced task are of an old epoch (M3).
    await this.#underWay;
    this.#checkEpoch(owned);
    const of = { topic, partition: owned.partition };
    const [committed] = await log.committed(group, [of]);
    const offsets = await log.offsets(of);
    const recordBytesMax = await log.recordBytesMax(outputTopics);
    this.#checkEpoch(owned);
    const position = { ...offsets, committed: committed ?? offsets.earliest, recordBytesMax };
    this.#expected.set(owned.partition, position.committed);
    return position;
  }

  commit(request: Owned & CommitRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...request, resolve, reject });
      if (this.#isFull) this.#pause?.abort();
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is under way or queued. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, minIntervalMs } = this.#options;
    // One turn, so that requests which arrive together are committed together.
    await clock.yield();
    while (this.#queue.length > 0) {
      const wait = this.#lastCommitMs + minIntervalMs - clock.nowMs();
      if (wait > 0) await clock.sleep(wait);
      this.#lastCommitMs = clock.nowMs();
      const taken = this.#take();
      this.#underWay = this.#commitOnce(taken);
      await this.#underWay;
      await this.#gather(pauseMsAfter(taken));
    }
    this.#running = undefined;
  }

  /** What is queued fills a commit. */
  get #isFull(): boolean {
    return recordsOf(this.#queue) >= this.#options.recordsMax;
  }

  async #gather(pauseMs: number): Promise<void> {
    if (pauseMs < PAUSE_MS_MIN || this.#isFull) return;
    this.#pause = new AbortController();
    await this.#options.clock.sleep(pauseMs, this.#pause.signal);
    this.#pause = undefined;
  }

  /** The queue's head, up to the limit, less what is refused; M2 holds within it too. */
  #take(): Waiting[] {
    const taken: Waiting[] = [];
    const next = new Map<number, Offset>();
    let records = 0;
    let i = 0;
    for (; i < this.#queue.length && records < this.#options.recordsMax; i++) {
      const request = this.#queue[i] as Waiting;
      const expected = next.get(request.partition) ?? this.#expected.get(request.partition);
      if (this.#epochs.get(request.partition) !== request.epoch || request.from !== expected) {
        request.reject(refusal(this.#options.topic, request, expected));
        continue;
      }
      next.set(request.partition, request.nextOffset);
      records += request.recordCount;
      taken.push(request);
    }
    this.#queue = this.#queue.slice(i);
    return taken;
  }

  async #commitOnce(taken: readonly Waiting[]): Promise<void> {
    if (taken.length === 0) return;
    const { log, group, topic, owner } = this.#options;
    const next = new Map<number, Offset>();
    const outputs: Append[] = [];
    for (const request of taken) {
      next.set(request.partition, request.nextOffset);
      outputs.push(...request.outputs);
    }
    const offsets = [...next].map(([partition, nextOffset]) => ({ topic, partition, nextOffset }));
    try {
      await log.commit({ group, owner: owner(), offsets, outputs });
    } catch (error) {
      // Whether it took effect is unknown (a broker may have committed and not said so): `position`
      // will tell.
      for (const { partition } of taken) this.#expected.delete(partition);
      for (const { reject } of taken) reject(error);
      return;
    }
    for (const request of taken) {
      // A partition that was given away meanwhile keeps what its new owner was told.
      if (this.#epochs.get(request.partition) === request.epoch) {
        this.#expected.set(request.partition, request.nextOffset);
      }
      request.resolve();
    }
  }

  #checkEpoch({ partition, epoch }: Owned): void {
    if (this.#epochs.get(partition) === epoch) return;
    throw new ShrikeError('COMMIT_FENCED', `partition ${partition} was given to another task`);
  }
}

function pauseMsAfter(taken: readonly Waiting[]): number {
  const isBacklog = taken.every((request) => request.isBacklog);
  const maxMs = isBacklog ? BACKLOG_PAUSE_MS_MAX : PAUSE_MS_MAX;
  return Math.min(recordsOf(taken) * PAUSE_MS_PER_RECORD, maxMs);
}

function recordsOf(requests: readonly Waiting[]): number {
  return requests.reduce((sum, { recordCount }) => sum + recordCount, 0);
}

function refusal(topic: string, request: Waiting, expected: Offset | undefined): ShrikeError {
  return new ShrikeError(
    'COMMIT_FENCED',
    `commit of ${topic}-${request.partition} from ${request.from} refused: it stands at ${expected ?? 'an unknown offset'}`,
  );
}
