/**
 * What a run that ends has cost, for benchmarks: `shrike run --until-end --json` prints it as its
 * last line.
 */
import type { ScorerStats } from '../core/scoring.ts';
import type { EngineStatus } from '../core/status.ts';
import { LatencyHistogram } from '../core/telemetry.ts';

interface Sample {
  readonly atMs: number;
  readonly records: number;
  readonly cpuSeconds: number;
  readonly latency: LatencyHistogram;
}

/** Start-up and a cold compiler are not what a steady state costs. */
const WARM_UP_MS = 3000;

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export class RunSummary {
  readonly #startedMs: number;
  readonly #samples: Sample[] = [];

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** With each status: one that has new records is a point of the steady state. */
  readonly sample = (status: EngineStatus): void => {
    const { records } = status.totals;
    if (records <= (this.#samples.at(-1)?.records ?? 0)) return;
    if (status.atMs < this.#startedMs + WARM_UP_MS) return;
    this.#samples.push(sampleOf(status));
  };

  /** @param status the last picture, everything committed */
  of(status: EngineStatus, scorer: ScorerStats): Record<string, unknown> {
    const { records } = status.totals;
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const pause = new LatencyHistogram();
    const commit = new LatencyHistogram();
    for (const worker of status.workers) {
      pause.add(worker.pauseMs);
      commit.add(worker.commitMs);
    }
    return {
      payments: records,
      alerts: status.totals.alerts,
      checkpoints: status.totals.checkpoints,
      wholeRun: rates(
        {
          atMs: this.#startedMs,
          records: 0,
          cpuSeconds: 0,
          latency: new LatencyHistogram(),
        },
        sampleOf(status),
      ),
      steadyState: first && last && first !== last ? rates(first, last) : null,
      peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      checkpointPauseMs: { p99: pause.quantile(0.99), max: maxPause(status) },
      commitMs: { p50: round(commit.quantile(0.5)), p99: round(commit.quantile(0.99)) },
      // On the actor threads, but for the scores: those are the scorer threads'.
      stageSecondsPerMillion: {
        ...stageSeconds(status, records),
        score: round((scorer.busySeconds * 1e6) / records),
      },
    };
  }
}

function sampleOf({ atMs, totals, workers }: EngineStatus): Sample {
  const latency = new LatencyHistogram();
  for (const worker of workers) latency.add(worker.latency);
  return { atMs, records: totals.records, cpuSeconds: cpuSeconds(), latency };
}

function rates(from: Sample, to: Sample): Record<string, unknown> {
  const records = to.records - from.records;
  const seconds = (to.atMs - from.atMs) / 1000;
  const latency = to.latency.since(from.latency);
  return {
    payments: records,
    seconds: round(seconds),
    paymentsPerSecond: Math.round(records / seconds),
    cpuSecondsPerMillion: round(((to.cpuSeconds - from.cpuSeconds) * 1e6) / records),
    latencyMs: {
      p50: round(latency.quantile(0.5)),
      p99: round(latency.quantile(0.99)),
      p999: round(latency.quantile(0.999)),
    },
  };
}

function maxPause({ partitions }: EngineStatus): number {
  return round(Math.max(0, ...partitions.map((p) => p.checkpoint.pauseMsMax)));
}

function stageSeconds({ partitions }: EngineStatus, records: number): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { stageSeconds: seconds } of partitions) {
    for (const [stage, value] of Object.entries(seconds)) sums[stage] = (sums[stage] ?? 0) + value;
  }
  const used = Object.entries(sums).filter(([, value]) => value > 0);
  return Object.fromEntries(used.map(([stage, value]) => [stage, round((value * 1e6) / records)]));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
