/** What a run that ends has cost, for benchmarks: `shrike run --until-end --json` prints it as its last line. */
import type { EngineStatus } from '../core/status.ts';
import { LatencyHistogram } from '../core/telemetry.ts';

interface Sample {
  readonly atMs: number;
  readonly records: number;
  readonly cpuSeconds: number;
}

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
  readonly sample = ({ atMs, totals }: EngineStatus): void => {
    if (totals.records <= (this.#samples.at(-1)?.records ?? 0)) return;
    this.#samples.push({ atMs, records: totals.records, cpuSeconds: cpuSeconds() });
  };

  /** @param status the last picture, everything committed */
  of(status: EngineStatus): Record<string, unknown> {
    const { records } = status.totals;
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const pause = new LatencyHistogram();
    for (const worker of status.workers) pause.add(worker.pauseMs);
    return {
      payments: records,
      alerts: status.totals.alerts,
      checkpoints: status.totals.checkpoints,
      wholeRun: rates(
        { atMs: this.#startedMs, records: 0, cpuSeconds: 0 },
        { atMs: status.atMs, records, cpuSeconds: cpuSeconds() },
      ),
      steadyState: first && last && first !== last ? rates(first, last) : null,
      peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      checkpointPauseMs: { p99: pause.quantile(0.99), max: maxPause(status) },
      stageSecondsPerMillion: stageSeconds(status, records),
    };
  }
}

function rates(from: Sample, to: Sample): Record<string, number> {
  const records = to.records - from.records;
  const seconds = (to.atMs - from.atMs) / 1000;
  return {
    payments: records,
    seconds: round(seconds),
    paymentsPerSecond: Math.round(records / seconds),
    cpuSecondsPerMillion: round(((to.cpuSeconds - from.cpuSeconds) * 1e6) / records),
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
