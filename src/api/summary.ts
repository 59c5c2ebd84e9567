/** The engine's status in the form that is sent: JSON, with quantiles instead of histograms. */
import type { EngineStatus, StatusPoint, StatusSnapshot, WorkerSummary } from '../core/status.ts';
import { LatencyHistogram, type WorkerStats } from '../core/telemetry.ts';

export function summarise(status: EngineStatus): StatusSnapshot {
  return { ...status, workers: status.workers.map(summariseWorker) };
}

export function pointOf({ atMs, paymentsPerSecond, latencyMs }: EngineStatus): StatusPoint {
  return { atMs, paymentsPerSecond, p50: latencyMs.p50, p99: latencyMs.p99 };
}

function summariseWorker(stats: WorkerStats): WorkerSummary {
  return {
    worker: stats.worker,
    atMs: stats.atMs,
    heapBytes: stats.heapBytes,
    eventLoopDelayMsP99: stats.eventLoopDelayMsP99,
    errors: stats.errors,
    partitions: stats.partitions.map(({ partition }) => partition),
    latencyMsP99: p99(stats.latency),
    commitMsP99: p99(stats.commitMs),
    pauseMsP99: p99(stats.pauseMs),
  };
}

/** null when nothing was recorded, or when it is beyond the last bucket: JSON has no other way. */
function p99(recorded: WorkerStats['latency']): number | null {
  const histogram = new LatencyHistogram();
  histogram.add(recorded);
  const ms = histogram.quantile(0.99);
  return Number.isFinite(ms) ? ms : null;
}
