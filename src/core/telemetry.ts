/**
 * What a worker tells the coordinator about itself, once a second: counts since the thread started.
 */
import type { ErrorCode } from './errors.ts';
import type { CertificateEnd } from './log.ts';
import type { Phase } from './phase.ts';

/**
 * Upper bounds of the latency buckets, ms: 20 a decade, so that a quantile is right within 12 %.
 */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from(
  { length: 100 },
  (_, i) => 0.1 * 10 ** (i / 20),
);

/**
 * A histogram that can be merged: counts[i] of values <= LATENCY_BOUNDS_MS[i]; the last counts the
 * rest.
 */
export class LatencyHistogram {
  readonly counts: Float64Array;
  sumMs = 0;

  constructor(counts: Float64Array = new Float64Array(LATENCY_BOUNDS_MS.length + 1)) {
    this.counts = counts;
  }

  record(ms: number, times = 1): void {
    const i =
      ms <= 0.1
        ? 0
        : Math.min(LATENCY_BOUNDS_MS.length, Math.ceil(20 * Math.log10(ms * 10) - 1e-9));
    this.counts[i] = (this.counts[i] as number) + times;
    this.sumMs += ms * times;
  }

  get count(): number {
    return this.counts.reduce((a, b) => a + b, 0);
  }

  add(other: { readonly counts: Float64Array; readonly sumMs: number }): void {
    for (let i = 0; i < this.counts.length; i++) {
      this.counts[i] = (this.counts[i] as number) + (other.counts[i] as number);
    }
    this.sumMs += other.sumMs;
  }

  /** What was recorded since `earlier`. */
  since(earlier: LatencyHistogram | undefined): LatencyHistogram {
    const difference = new LatencyHistogram(this.counts.slice());
    difference.sumMs = this.sumMs;
    if (earlier === undefined) return difference;
    for (let i = 0; i < this.counts.length; i++) {
      difference.counts[i] = (this.counts[i] as number) - (earlier.counts[i] as number);
    }
    difference.sumMs -= earlier.sumMs;
    return difference;
  }

  /** @returns the bucket's upper bound, ms; NaN when nothing was recorded. */
  quantile(q: number): number {
    const rank = Math.ceil(this.count * q);
    let seen = 0;
    for (let i = 0; i < this.counts.length; i++) {
      seen += this.counts[i] as number;
      if (seen >= rank && seen > 0) return LATENCY_BOUNDS_MS[i] ?? Number.POSITIVE_INFINITY;
    }
    return Number.NaN;
  }
}

/**
 * Upper bounds of the buckets of scores: most payments are far below 0.1, and what decides lies
 * close to 1.
 */
export const SCORE_BOUNDS: readonly number[] = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05],
  ...[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
  ...[0.95, 0.98, 0.99, 0.995, 1],
];

/** counts[i] of scores <= SCORE_BOUNDS[i] and above the bound before it. */
export class ScoreHistogram {
  readonly counts: Float64Array = new Float64Array(SCORE_BOUNDS.length);
  sum = 0;

  record(scores: Float32Array): void {
    const { counts } = this;
    const last = SCORE_BOUNDS.length - 1;
    for (const score of scores) {
      let i = 0;
      while (i < last && score > (SCORE_BOUNDS[i] as number)) i++;
      counts[i] = (counts[i] as number) + 1;
      this.sum += score;
    }
  }
}

export const STAGES = [
  'idle',
  'restore',
  'profiles',
  'decode',
  'state',
  'step',
  'score',
  'output',
  'commit',
  'snapshot',
  'seal',
] as const;
export type Stage = (typeof STAGES)[number];

export interface Waiting {
  readonly for: 'log' | 'object store';
  readonly sinceMs: number;
  /** What the last try said; undefined while the first one goes on. */
  readonly reason?: string;
}

/** Counts are totals since the partition task started. */
export interface PartitionStats {
  readonly partition: number;
  readonly phase: Phase;
  /** Why it has failed and waits for a person. */
  readonly failure?: { readonly code: ErrorCode; readonly reason: string };
  /** What the task waits for now, and since when: for the watchdog. */
  readonly stage: Stage;
  readonly stageSinceMs: number;
  /** What it waits for outside of the process, over all tries: it is not stuck. */
  readonly waiting?: Waiting;
  readonly nextOffset: number;
  readonly committedOffset: number;
  readonly storedOffset: number;
  readonly highWatermark: number;
  /** Of the newest record that is committed here; 0 before the first. */
  readonly committedTimestampMs: number;
  readonly records: number;
  readonly bytes: number;
  readonly replayedRecords: number;
  readonly deadLetters: number;
  readonly alerts: number;
  readonly commits: number;
  readonly recoveries: number;
  readonly checkpoint: {
    readonly offset: number;
    readonly sealedAtMs: number;
    readonly sealedCount: number;
    readonly failedCount: number;
    readonly lastBytes: number;
    readonly lastDurationMs: number;
    /** Bytes of snapshots that wait until the ones before them are sealed. */
    readonly backlogBytes: number;
    /** Longest time that taking a snapshot held up the steps, ms, since the task started. */
    readonly pauseMsMax: number;
  };
  readonly cache: {
    readonly hits: number;
    readonly misses: number;
    readonly actors: number;
    readonly bytes: number;
    readonly dirtyBytes: number;
  };
  readonly rocksBytes: number;
  /** CPU-bound seconds spent a stage. */
  readonly stageSeconds: Readonly<Partial<Record<Stage, number>>>;
}

export interface WorkerStats {
  readonly worker: number;
  readonly atMs: number;
  readonly heapBytes: number;
  /** What V8 allows the thread: beyond it the thread ends. */
  readonly heapLimitBytes: number;
  /** Spent on collecting garbage, since the thread started. */
  readonly gcSeconds: number;
  readonly eventLoopDelayMsP99: number;
  /** From the record's timestamp to its commit. */
  readonly latency: { readonly counts: Float64Array; readonly sumMs: number };
  readonly commitMs: { readonly counts: Float64Array; readonly sumMs: number };
  readonly pauseMs: { readonly counts: Float64Array; readonly sumMs: number };
  /** Of committed payments. */
  readonly scores: { readonly counts: Float64Array; readonly sum: number };
  readonly partitions: readonly PartitionStats[];
  readonly errors: Readonly<Record<string, number>>;
}

/** What surrounds the engine: limits that are set elsewhere, and what runs out by itself. */
export interface Surroundings {
  /** Of the control group, or else of the machine. */
  readonly memoryLimitBytes: number;
  /** The volume of the data folder; undefined until it was looked at. */
  readonly disk: { readonly bytes: number; readonly freeBytes: number } | undefined;
  readonly certificates: readonly CertificateEnd[];
  /** Of the topic that is scored. */
  readonly inputPartitions: number;
  readonly checkpointIntervalMs: number;
}
