import type { Config } from './core/config.ts';
import { LIMITS } from './core/limits.ts';
import type { TaskLimits } from './runtime/ports.ts';

/** A partition task's limits: what a person may set, and what hangs together with other limits. */
export function taskLimits({ state, checkpoints, watchdog }: Config): TaskLimits {
  return {
    batchRecordsMax: LIMITS.batchRecordsMax,
    inFlightBatchesMax: LIMITS.inFlightBatchesMax,
    fetchBytesMax: LIMITS.fetchBytesMax,
    dirtyBytesMax: state.dirtyBytesMax,
    checkpointIntervalMs: checkpoints.intervalMs,
    backlogBytesMax: checkpoints.backlogBytesMax,
    replayNoProgressMs: watchdog.stuckMs,
    pollMs: 250,
    backoffMsMax: 5000,
  };
}
