/**
 * The main thread's part: membership, workers, commits. It moves buffers and decides who owns what;
 * it never looks into a record.
 *
 * W1  A partition is on one worker at a time; a new assignment has a higher epoch than every one
 *     before.
 * W2  A worker that ends, for whatever reason, is replaced, and its partitions are assigned anew.
 */
import type { Clock } from '../core/clock.ts';
import type { DigestAt } from '../core/drill.ts';
import { ShrikeError } from '../core/errors.ts';
import type { TopicPartition } from '../core/ids.ts';
import type { Log, Membership } from '../core/log.ts';
import type { Asks, Report, SavepointDone } from '../core/messages.ts';
import type { Scorer } from '../core/scoring.ts';
import type { ActorView } from '../core/status.ts';
import type { WorkerStats } from '../core/telemetry.ts';
import { Given, type Handlers } from './channel.ts';
import { Committer } from './committer.ts';
import type { EventSink } from './ports.ts';
import { WorkerSeat, type WorkerThread } from './worker-seat.ts';

export interface CoordinatorOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly scorer: Scorer;
  readonly application: string;
  readonly inputTopic: string;
  readonly workers: number;
  readonly startWorker: (worker: number) => WorkerThread;
  /** Topics that the flow writes to: tasks are told how large records of them may be. */
  readonly outputTopics?: readonly string[];
  readonly commit: { readonly minIntervalMs: number; readonly recordsMax: number };
  readonly emitEvent: EventSink;
  readonly onStats: (worker: number, stats: WorkerStats) => void;
}

const RESTART_BACKOFF_MS = 200;

export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #committer: Committer;
  readonly #seats: WorkerSeat[] = [];
  readonly #assigned = new Set<number>();
  #membership: Membership | undefined;
  #lastEpoch = 0;
  #stopping = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#committer = new Committer({
      log: options.log,
      clock: options.clock,
      group: options.application,
      topic: options.inputTopic,
      owner: () => this.#membership?.owner ?? '',
      outputTopics: options.outputTopics ?? [],
      ...options.commit,
    });
  }

  async start(): Promise<void> {
    const { workers, log, application, inputTopic } = this.#options;
    for (let worker = 0; worker < workers; worker++) this.#seats.push(this.#seat(worker));
    this.#membership = await log.join(application, inputTopic, {
      assigned: (partitions) => this.#assignAll(partitions),
      revoked: async (partitions) => {
        await Promise.all(partitions.map(({ partition }) => this.#revoke(partition)));
      },
    });
  }

  /** Lets every partition go and ends the workers. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#assigned].map((partition) => this.#revoke(partition)));
    await this.#committer.settled();
    await this.#membership?.leave();
    await Promise.all(this.#seats.map((seat) => seat.thread.terminate()));
  }

  async peek(user: number): Promise<ActorView | undefined> {
    for (const seat of this.#seats) {
      for (const partition of seat.partitions.keys()) {
        const view = await seat.peer.call('peek', { partition, user });
        if (view !== null) return view;
      }
    }
    return undefined;
  }

  savepoint(name: string): Promise<readonly (SavepointDone & { readonly partition: number })[]> {
    const asks = this.#seats.flatMap((seat) =>
      [...seat.partitions.keys()].map(async (partition) => ({
        partition,
        ...(await seat.peer.call('savepoint', { partition, name })),
      })),
    );
    return Promise.all(asks);
  }

  /** Undefined when the partition is not here. */
  async digest(partition: number): Promise<DigestAt | undefined> {
    const seat = this.#seats.find(({ partitions }) => partitions.has(partition));
    return seat?.peer.call('digest', { partition });
  }

  /** False while the group counts without this process. */
  get isCounted(): boolean {
    return this.#membership?.isCounted ?? false;
  }

  /** The partitions that this process owns now. */
  get assigned(): ReadonlySet<number> {
    return this.#assigned;
  }

  /** Partitions and their worker. */
  get placement(): ReadonlyMap<number, number> {
    return new Map(
      this.#seats.flatMap((seat) =>
        [...seat.partitions.keys()].map((p) => [p, seat.worker] as const),
      ),
    );
  }

  #assignAll(partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) {
      this.#assigned.add(partition);
      this.#assign(partition, this.#seatFor(partition));
    }
  }

  /**
   * The seat with the least to do: a group gives any partitions, and taking turns by number could
   * put them all on one thread.
   */
  #seatFor(partition: number): WorkerSeat {
    const seats = this.#seats;
    let best = seats[partition % seats.length] as WorkerSeat;
    for (const seat of seats) if (seat.partitions.size < best.partitions.size) best = seat;
    return best;
  }

  #assign(partition: number, seat: WorkerSeat): void {
    const owned = { partition, epoch: ++this.#lastEpoch };
    this.#committer.assign(owned);
    // A worker that ends before it answers is replaced, and the replacement gets the partition.
    seat
      .assign(owned)
      .catch((error: unknown) => this.#report('assign not answered', partition, error));
  }

  async #revoke(partition: number): Promise<void> {
    this.#assigned.delete(partition);
    const seat = this.#seats.find((candidate) => candidate.partitions.has(partition));
    await seat?.revoke(partition).catch((error: unknown) => {
      this.#report('revoke not answered', partition, error);
    });
    if (!this.#assigned.has(partition)) this.#committer.release(partition);
  }

  #report(what: string, partition: number, error: unknown): void {
    this.#options.emitEvent('warn', what, { partition, reason: String(error) });
  }

  #seat(worker: number): WorkerSeat {
    const thread = this.#options.startWorker(worker);
    const seat = new WorkerSeat(worker, thread, {
      serve: this.#serve,
      onReport: (report, from) => this.#onReport(report, from),
    });
    void thread.ended.then((error) => this.#onWorkerEnd(seat, error));
    return seat;
  }

  async #onWorkerEnd(seat: WorkerSeat, cause: Error | undefined): Promise<void> {
    const message = `worker ${seat.worker} has ended${cause === undefined ? '' : `: ${cause.message}`}`;
    seat.peer.break(new ShrikeError('WORKER_CRASHED', message));
    if (this.#stopping) return;
    const facts = { worker: seat.worker, code: 'WORKER_CRASHED', reason: cause?.stack ?? message };
    this.#options.emitEvent('error', 'worker crashed and is restarted', facts);
    await this.#options.clock.sleep(RESTART_BACKOFF_MS);
    if (this.#stopping) return;
    const replacement = this.#seat(seat.worker);
    this.#seats[seat.worker] = replacement;
    for (const partition of seat.partitions.keys()) {
      if (this.#assigned.has(partition)) this.#assign(partition, replacement);
    }
  }

  #onReport(report: Report, seat: WorkerSeat): void {
    if (report.kind === 'event') {
      this.#options.emitEvent(report.level, report.event, report.facts);
      return;
    }
    seat.stats = report.stats;
    this.#options.onStats(seat.worker, report.stats);
  }

  readonly #serve: Handlers<Asks> = {
    read: async (request) => {
      const read = await this.#options.log.read(request);
      return new Given(
        read,
        read.batches.map(({ bytes }) => bytes.buffer as ArrayBuffer),
      );
    },
    offsets: (of) => this.#options.log.offsets(of),
    score: async ({ rows, count }) => {
      const { scores } = await this.#options.scorer.score(rows, count);
      return new Given(scores, [scores.buffer as ArrayBuffer]);
    },
    position: (owned) => this.#committer.position(owned),
    commit: async (request) => {
      await this.#committer.commit(request);
      return null;
    },
    sync: async () => {
      await this.#options.log.sync();
      return null;
    },
  };
}
