/**
 * The actor thread's side of the channel: partition tasks on one hand, the main thread on the
 * other.
 */
import type { Clock } from '../core/clock.ts';
import { ShrikeError } from '../core/errors.ts';
import type { Asks, Orders, Owned, Report } from '../core/messages.ts';
import type { Scorer } from '../core/scoring.ts';
import type { WorkerStats } from '../core/telemetry.ts';
import { type Channel, Peer } from './channel.ts';
import { PartitionTask } from './partition-task.ts';
import type { CommitPort, EventSink, SourcePort, TaskParts } from './ports.ts';
import { createWorkerHistograms } from './task-counters.ts';

const STATS_INTERVAL_MS = 1000;

/** The thread's own health; the simulator has none. */
export type Vitals = () => Pick<
  WorkerStats,
  'heapBytes' | 'heapLimitBytes' | 'gcSeconds' | 'eventLoopDelayMsP99'
>;

export interface ActorWorkerOptions<E> {
  readonly worker: number;
  readonly channel: Channel;
  readonly clock: Clock;
  readonly vitals: Vitals;
  /** A log that this thread reads by itself; undefined: the main thread reads for it. */
  readonly source: SourcePort | undefined;
  /** Everything of a task that does not come through the channel. */
  readonly parts: Omit<TaskParts<E>, 'source' | 'scorer' | 'emitEvent' | 'clock'>;
}

export class ActorWorker<E> {
  readonly #options: ActorWorkerOptions<E>;
  readonly #peer: Peer<Asks, Orders>;
  readonly #tasks = new Map<number, PartitionTask<E>>();
  readonly #shared = createWorkerHistograms();

  constructor(options: ActorWorkerOptions<E>) {
    this.#options = options;
    this.#peer = new Peer<Asks, Orders>(
      options.channel,
      {
        assign: (owned) => this.#assign(owned),
        revoke: async ({ partition }) => {
          const task = this.#tasks.get(partition);
          this.#tasks.delete(partition);
          await task?.stop();
          this.#sendStats();
          return null;
        },
        peek: ({ partition, user }) => this.#task(partition).peek(user),
        savepoint: ({ partition, name }) => this.#task(partition).savepoint(name),
        digest: ({ partition }) => this.#task(partition).digest(),
      },
      unexpectedReport,
    );
    void this.#reportStats();
  }

  async #assign(owned: Owned): Promise<null> {
    const { parts, clock } = this.#options;
    this.#tasks.set(
      owned.partition,
      new PartitionTask({
        parts: {
          ...parts,
          clock,
          source: this.#options.source ?? this.#mainSource,
          scorer: this.#scorer,
          emitEvent: this.#event,
        },
        partition: owned.partition,
        commits: this.#commits(owned),
        shared: this.#shared,
      }),
    );
    return null;
  }

  #task(partition: number): PartitionTask<E> {
    const task = this.#tasks.get(partition);
    if (task !== undefined) return task;
    throw new ShrikeError('COMMIT_FENCED', `partition ${partition} is not on this worker`);
  }

  readonly #mainSource: SourcePort = {
    read: ({ topic, partition, from, bytesMax, waitMs }) =>
      this.#peer.call('read', { topic, partition, from, bytesMax, waitMs }),
    offsets: ({ topic, partition }) => this.#peer.call('offsets', { topic, partition }),
  };

  readonly #scorer: Scorer = {
    score: async (rows, count) => ({
      scores: await this.#peer.call('score', { rows, count }),
      rows,
    }),
  };

  readonly #event: EventSink = (level, event, facts) =>
    this.#peer.report({
      kind: 'event',
      level,
      event,
      facts: { worker: this.#options.worker, ...facts },
    });

  #commits(owned: Owned): CommitPort {
    return {
      position: () => this.#peer.call('position', owned),
      commit: async (request) => {
        const transfer = request.outputs.map(({ records }) => records.buffer as ArrayBuffer);
        await this.#peer.call('commit', { ...owned, ...request }, transfer);
      },
      sync: async () => {
        await this.#peer.call('sync', null);
      },
    };
  }

  async #reportStats(): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(STATS_INTERVAL_MS);
      this.#sendStats();
    }
  }

  #sendStats(): void {
    const { worker, clock, vitals } = this.#options;
    const { latency, commitMs, pauseMs, scores, errors } = this.#shared;
    this.#peer.report({
      kind: 'stats',
      stats: {
        worker,
        atMs: clock.nowMs(),
        ...vitals(),
        latency: { counts: latency.counts, sumMs: latency.sumMs },
        commitMs: { counts: commitMs.counts, sumMs: commitMs.sumMs },
        pauseMs: { counts: pauseMs.counts, sumMs: pauseMs.sumMs },
        scores: { counts: scores.counts, sum: scores.sum },
        partitions: [...this.#tasks.values()].map((task) => task.stats()),
        errors: { ...errors },
      },
    });
  }
}

function unexpectedReport(report: Report): void {
  throw new Error(`the main thread sent a report: ${report.kind}`);
}
