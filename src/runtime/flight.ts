/**
 * Batches between step and commit: scored side by side, committed in the order of their offsets.
 *
 * F1  A batch is handed to the committer only after the one before it was.
 * F2  After one failure nothing further is handed over: the task recovers from K.
 */
import type { Clock } from '../core/clock.ts';
import type { Offset } from '../core/ids.ts';
import type { Append } from '../core/log.ts';
import type { ScoredRows } from '../core/scoring.ts';
import type { Stage } from '../core/telemetry.ts';
import type { StepBatch } from './batches.ts';
import type { CommitPort } from './ports.ts';
import type { TaskCounters } from './task-counters.ts';

/** A batch under way: which stage holds it, and since when. */
export interface Flight {
  stage: Stage;
  sinceMs: number;
}

export interface FlightDeckOptions<E> {
  readonly score: (batch: StepBatch<E>, rows: Float32Array) => Promise<ScoredRows>;
  readonly pack: (batch: StepBatch<E>, scored: ScoredRows) => readonly Append[];
  readonly commits: CommitPort;
  readonly counters: TaskCounters;
  readonly clock: Clock;
  readonly batchesMax: number;
  /** Score from which a payment is an alert. */
  readonly threshold: number;
}

export class FlightDeck<E> {
  readonly #options: FlightDeckOptions<E>;
  readonly #flights: Flight[] = [];
  #landings: (() => void)[] = [];
  #handedOver: Promise<void> = Promise.resolve();
  #error: unknown;
  committed: Offset;

  constructor(options: FlightDeckOptions<E>, committed: Offset) {
    this.#options = options;
    this.committed = committed;
  }

  /** Set once a batch has failed. */
  get error(): unknown {
    return this.#error;
  }

  get oldest(): Readonly<Flight> | undefined {
    return this.#flights[0];
  }

  /** Resolves when there is room for one more, or nothing is to follow because one has failed. */
  async room(): Promise<void> {
    while (this.#flights.length >= this.#options.batchesMax && this.#error === undefined) {
      await this.#landing();
    }
  }

  /** Resolves when `offset` is committed; false: it will not be, the task recovers. */
  async reached(offset: Offset): Promise<boolean> {
    while (this.committed < offset && this.#error === undefined) await this.#landing();
    return this.committed >= offset;
  }

  /** Resolves when all have landed, well or not. */
  async settled(): Promise<void> {
    while (this.#flights.length > 0) await this.#landing();
  }

  /** The session is over: what has not been handed over yet never will be. */
  abandon(reason: unknown): void {
    this.#error ??= reason;
    this.#wake();
  }

  /** @param rows features of its events, row by row */
  launch(batch: StepBatch<E>, rows: Float32Array): void {
    const flight: Flight = { stage: 'score', sinceMs: this.#options.clock.nowMs() };
    this.#flights.push(flight);
    const scored = this.#options.score(batch, rows);
    // The next batch waits for this one's hand-over below; until then a failure has nobody to
    // report to.
    scored.catch(() => undefined);
    const before = this.#handedOver;
    this.#handedOver = before.then(() => this.#handOver(batch, scored, flight));
  }

  /** Resolves when the batch is with the committer: the next one may follow. */
  async #handOver(batch: StepBatch<E>, scored: Promise<ScoredRows>, flight: Flight): Promise<void> {
    const { pack, commits, counters, clock } = this.#options;
    try {
      const rows = await scored;
      if (this.#error !== undefined) return this.#land(flight, this.#error);
      const outputs = pack(batch, rows);
      flight.stage = 'commit';
      flight.sinceMs = clock.nowMs();
      const { from, nextOffset, recordCount } = batch;
      const isBacklog = counters.highWatermark - nextOffset > recordCount;
      const committed = commits.commit({ from, nextOffset, recordCount, isBacklog, outputs });
      void committed.then(
        () => {
          this.#book(batch, flight, rows.scores);
          this.#land(flight, undefined);
        },
        (error: unknown) => this.#land(flight, error),
      );
    } catch (error) {
      this.#land(flight, error);
    }
  }

  #book(batch: StepBatch<E>, flight: Flight, scores: Float32Array): void {
    const { counters, clock, threshold } = this.#options;
    const nowMs = clock.nowMs();
    this.committed = batch.nextOffset;
    counters.committedOffset = batch.nextOffset;
    counters.commits += 1;
    counters.records += batch.recordCount;
    counters.bytes += batch.byteCount;
    counters.deadLetters += batch.deadLetters.length;
    for (const { code } of batch.deadLetters) counters.error(code);
    for (const timestampMs of batch.timestampsMs)
      counters.shared.latency.record(nowMs - timestampMs);
    counters.shared.scores.record(scores);
    for (const score of scores) if (score >= threshold) counters.alerts++;
    counters.shared.commitMs.record(nowMs - flight.sinceMs);
    counters.committedTimestampMs = batch.timestampsMs.at(-1) ?? counters.committedTimestampMs;
  }

  #land(flight: Flight, error: unknown): void {
    this.#error ??= error;
    this.#flights.splice(this.#flights.indexOf(flight), 1);
    this.#wake();
  }

  #wake(): void {
    const landings = this.#landings;
    this.#landings = [];
    for (const resolve of landings) resolve();
  }

  #landing(): Promise<void> {
    return new Promise((resolve) => this.#landings.push(resolve));
  }
}
