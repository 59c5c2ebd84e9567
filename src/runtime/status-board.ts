/** Puts what the workers report together into one picture of the engine. */
import type { Offset } from '../core/ids.ts';
import type { EngineStatus } from '../core/status.ts';
import { LatencyHistogram, type PartitionStats, type WorkerStats } from '../core/telemetry.ts';

/** End of a partition and how far the group has come in it. */
export interface InputPosition {
  readonly highWatermark: Offset;
  readonly committed: Offset;
  /** Timestamp of the oldest record that waits; undefined when none does. */
  readonly waitingSinceMs: number | undefined;
}

export interface BoardFacts {
  readonly startedAtMs: number;
  readonly application: string;
  readonly version: string;
  readonly modelId: string;
}

interface Rates {
  readonly paymentsPerSecond: number;
  readonly latencyMs: EngineStatus['latencyMs'];
}

export class StatusBoard {
  readonly #facts: BoardFacts;
  readonly #stats = new Map<number, WorkerStats>();
  readonly #earlierLatency = new Map<number, LatencyHistogram>();
  readonly #windows = new Map<number, LatencyHistogram>();
  /** High watermarks at the start: beyond them the engine is ready. */
  #targets: readonly number[] | undefined;
  #earlier: { atMs: number; records: number } | undefined;
  #rates: Rates = { paymentsPerSecond: 0, latencyMs: { p50: null, p99: null } };
  #ready = false;
  #wasCaughtUp = false;

  constructor(facts: BoardFacts) {
    this.#facts = facts;
  }

  onStats(worker: number, stats: WorkerStats): void {
    const latency = new LatencyHistogram(stats.latency.counts);
    latency.sumMs = stats.latency.sumMs;
    const earlier = this.#earlierLatency.get(worker);
    // A worker that was restarted counts from zero again.
    const restarted = earlier !== undefined && earlier.count > latency.count;
    this.#windows.set(worker, latency.since(restarted ? undefined : earlier));
    this.#earlierLatency.set(worker, latency);
    this.#stats.set(worker, stats);
  }

  /**
   * @param positions of the input partitions, by number: what the log says now, not a second ago
   */
  picture(nowMs: number, positions: readonly InputPosition[]): EngineStatus {
    const workers = [...this.#stats.values()].sort((a, b) => a.worker - b.worker);
    const partitions = workers
      .flatMap((stats) =>
        stats.partitions.map((p) => withLag(p, stats.worker, { nowMs, positions })),
      )
      .sort((a, b) => a.partition - b.partition);
    const sum = (of: (p: PartitionStats) => number) => partitions.reduce((n, p) => n + of(p), 0);
    const totals = {
      records: sum((p) => p.records),
      alerts: sum((p) => p.alerts),
      deadLetters: sum((p) => p.deadLetters),
      checkpoints: sum((p) => p.checkpoint.sealedCount),
    };
    this.#measure(nowMs, totals.records);
    if (positions.length > 0) this.#targets ??= positions.map((p) => p.highWatermark);
    // Two pictures in a row: the rates of the first one still measure the backlog.
    const isCaughtUp = this.#targets !== undefined && isReady(partitions, this.#targets);
    this.#ready = isCaughtUp && this.#wasCaughtUp;
    this.#wasCaughtUp = isCaughtUp;
    return {
      atMs: nowMs,
      ...this.#facts,
      ready: this.#ready,
      problems: partitions
        .filter(({ phase }) => phase === 'failed')
        .map(({ partition }) => `partition ${partition} has failed; see the log`),
      ...this.#rates,
      totals,
      lag: {
        records: partitions.reduce((n, p) => n + p.lagRecords, 0),
        seconds: Math.max(0, ...partitions.map((p) => p.lagSeconds)),
      },
      checkpointAgeSeconds: checkpointAge(partitions, nowMs),
      partitions,
      workers,
    };
  }

  #measure(nowMs: number, records: number): void {
    const earlier = this.#earlier;
    this.#earlier = { atMs: nowMs, records };
    if (earlier === undefined || nowMs <= earlier.atMs) return;
    const window = new LatencyHistogram();
    for (const part of this.#windows.values()) window.add(part);
    const paymentsPerSecond = Math.max(
      0,
      ((records - earlier.records) * 1000) / (nowMs - earlier.atMs),
    );
    this.#rates = {
      paymentsPerSecond,
      // A second without traffic says nothing new about latency.
      latencyMs:
        window.count > 0
          ? { p50: window.quantile(0.5), p99: window.quantile(0.99) }
          : this.#rates.latencyMs,
    };
  }
}

function withLag(
  stats: PartitionStats,
  worker: number,
  at: { nowMs: number; positions: readonly InputPosition[] },
): EngineStatus['partitions'][number] {
  const position = at.positions[stats.partition];
  const highWatermark = position?.highWatermark ?? stats.highWatermark;
  const committed = Math.max(stats.committedOffset, position?.committed ?? 0);
  const lagRecords = Math.max(0, highWatermark - committed);
  const since = position?.waitingSinceMs ?? at.nowMs;
  const lagSeconds = lagRecords === 0 ? 0 : Math.max(0, (at.nowMs - since) / 1000);
  return { ...stats, worker, highWatermark, lagRecords, lagSeconds };
}

function isReady(partitions: EngineStatus['partitions'], targets: readonly number[]): boolean {
  if (partitions.length < targets.length) return false;
  return partitions.every(
    (p) => p.phase === 'live' && p.committedOffset >= (targets[p.partition] ?? 0),
  );
}

/** Of the partition whose newest checkpoint is oldest; null until every one with state has one. */
function checkpointAge(partitions: EngineStatus['partitions'], nowMs: number): number | null {
  const used = partitions.filter((p) => p.committedOffset > 0);
  if (used.length === 0 || used.some((p) => p.checkpoint.sealedAtMs === 0)) return null;
  return Math.max(...used.map((p) => (nowMs - p.checkpoint.sealedAtMs) / 1000));
}
