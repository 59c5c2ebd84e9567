/** What /healthz and /readyz answer. Pure. */
import type { EngineStatus } from '../core/status.ts';

export interface Health {
  /** False when only a new process can help: something is stuck. */
  readonly live: boolean;
  /** True when every partition is restored and has caught up, and nothing is stuck or failed. */
  readonly ready: boolean;
  /** What is wrong, one sentence each. */
  readonly problems: readonly string[];
}

export interface HealthLimits {
  /** A stage or a worker that shows no progress for longer is stuck. */
  readonly stuckMs: number;
  readonly nowMs: number;
}

/** Phases that wait for an order or a person: a stage may stand still in them for ever. */
const RESTING: readonly string[] = ['assigned', 'closed', 'failed'];

export function health(status: EngineStatus, limits: HealthLimits): Health {
  const stuck = [...stuckPartitions(status, limits), ...silentWorkers(status, limits)];
  const failed = status.partitions
    .filter((partition) => partition.phase === 'failed')
    .map(({ partition }) => `partition ${partition} has failed and waits for a person`);
  return {
    live: stuck.length === 0,
    ready: status.ready && stuck.length === 0 && failed.length === 0,
    problems: [...new Set([...stuck, ...failed, ...status.problems])],
  };
}

function stuckPartitions(status: EngineStatus, { stuckMs, nowMs }: HealthLimits): string[] {
  return status.partitions.flatMap(({ partition, phase, stage, stageSinceMs, waiting }) => {
    const ageMs = nowMs - stageSinceMs;
    // A new process would wait as long for what is away: `problems` of the status tell of it.
    if (waiting !== undefined) return [];
    if (stage === 'idle' || RESTING.includes(phase) || ageMs <= stuckMs) return [];
    return [`partition ${partition} is stuck in ${stage} for ${seconds(ageMs)} s (${phase})`];
  });
}

/** A thread in an endless loop sends no statistics: its partitions look as they did before it. */
function silentWorkers(status: EngineStatus, { stuckMs, nowMs }: HealthLimits): string[] {
  return status.workers.flatMap(({ worker, atMs }) =>
    nowMs - atMs <= stuckMs ? [] : [`worker ${worker} is silent for ${seconds(nowMs - atMs)} s`],
  );
}

const seconds = (ms: number): number => Math.floor(ms / 1000);
