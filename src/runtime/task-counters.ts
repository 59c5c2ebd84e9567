import type { Clock } from '../core/clock.ts';
import { ShrikeError } from '../core/errors.ts';
import type { Phase } from '../core/phase.ts';
import {
  LatencyHistogram,
  type PartitionStats,
  ScoreHistogram,
  STAGES,
  type Stage,
  type Waiting,
} from '../core/telemetry.ts';

/** Histograms that the tasks of a worker share. */
export interface WorkerHistograms {
  readonly latency: LatencyHistogram;
  readonly commitMs: LatencyHistogram;
  readonly pauseMs: LatencyHistogram;
  readonly scores: ScoreHistogram;
  readonly errors: Record<string, number>;
}

export function createWorkerHistograms(): WorkerHistograms {
  return {
    latency: new LatencyHistogram(),
    commitMs: new LatencyHistogram(),
    pauseMs: new LatencyHistogram(),
    scores: new ScoreHistogram(),
    errors: {},
  };
}

/** What a task counts. It lives as long as the task, over all its recoveries. */
export class TaskCounters {
  phase: Phase = 'assigned';
  failure: PartitionStats['failure'];
  records = 0;
  bytes = 0;
  replayedRecords = 0;
  deadLetters = 0;
  alerts = 0;
  commits = 0;
  recoveries = 0;
  nextOffset = 0;
  committedOffset = 0;
  storedOffset = 0;
  highWatermark = 0;
  rocksBytes = 0;
  committedTimestampMs = 0;
  readonly checkpoint = {
    offset: 0,
    sealedAtMs: 0,
    sealedCount: 0,
    failedCount: 0,
    lastBytes: 0,
    lastDurationMs: 0,
    backlogBytes: 0,
    pauseMsMax: 0,
  };
  readonly shared: WorkerHistograms;
  readonly #clock: Clock;
  readonly #seconds: Record<Stage, number>;
  #waiting: Waiting | undefined;
  #stage: Stage = 'idle';
  #stageSinceMs: number;

  constructor(clock: Clock, shared: WorkerHistograms) {
    this.#clock = clock;
    this.shared = shared;
    this.#stageSinceMs = clock.nowMs();
    this.#seconds = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>;
  }

  /** What the task does or waits for now; progress is a new stage, or the same one anew. */
  enter(stage: Stage): void {
    this.#stage = stage;
    this.#stageSinceMs = this.#clock.nowMs();
  }

  /** Something outside does not come yet. It waits from the first time that this is said. */
  waits(what: Waiting['for'], reason?: string): void {
    const sinceMs = this.#waiting?.for === what ? this.#waiting.sinceMs : this.#clock.nowMs();
    const said = reason ?? (this.#waiting?.for === what ? this.#waiting.reason : undefined);
    this.#waiting = { for: what, sinceMs, ...(said !== undefined && { reason: said }) };
  }

  /** It has come. */
  arrived(): void {
    this.#waiting = undefined;
  }

  /** Asks something outside, which may be away for as long as it likes: that is not stuck. */
  async outside<T>(what: Waiting['for'], ask: () => Promise<T>): Promise<T> {
    this.waits(what);
    try {
      const answer = await ask();
      this.arrived();
      this.enter(this.#stage);
      return answer;
    } catch (error) {
      const passes = error instanceof ShrikeError && error.kind.retry === 'backoff';
      // What it waits for is still away when it tries again.
      if (passes) this.waits(what, error.message);
      else this.arrived();
      throw error;
    }
  }

  /** Runs `work` and books the time it holds the thread. */
  timed<T>(stage: Stage, work: () => T): T {
    const start = performance.now();
    const result = work();
    this.spent(stage, (performance.now() - start) / 1000);
    return result;
  }

  /** Books time that was measured elsewhere. */
  spent(stage: Stage, seconds: number): void {
    this.#seconds[stage] += seconds;
  }

  error(code: string): void {
    this.shared.errors[code] = (this.shared.errors[code] ?? 0) + 1;
  }

  /**
   * @param oldest the stage of the oldest batch in flight: what holds the partition up, if anything
   * does.
   */
  stats(
    partition: number,
    cache: PartitionStats['cache'],
    oldest: { readonly stage: Stage; readonly sinceMs: number } | undefined,
  ): PartitionStats {
    return {
      partition,
      phase: this.phase,
      ...(this.failure !== undefined && { failure: this.failure }),
      ...(this.#waiting !== undefined && { waiting: this.#waiting }),
      stage: oldest?.stage ?? this.#stage,
      stageSinceMs: oldest?.sinceMs ?? this.#stageSinceMs,
      nextOffset: this.nextOffset,
      committedOffset: this.committedOffset,
      storedOffset: this.storedOffset,
      highWatermark: this.highWatermark,
      committedTimestampMs: this.committedTimestampMs,
      records: this.records,
      bytes: this.bytes,
      replayedRecords: this.replayedRecords,
      deadLetters: this.deadLetters,
      alerts: this.alerts,
      commits: this.commits,
      recoveries: this.recoveries,
      checkpoint: { ...this.checkpoint },
      cache,
      rocksBytes: this.rocksBytes,
      stageSeconds: { ...this.#seconds },
    };
  }
}
