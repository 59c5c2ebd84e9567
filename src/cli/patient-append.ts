/**
 * Appends that wait while the disk is full or the log does not answer, as the partitions do: a
 * source that gives up would lose its place.
 */
import type { Clock } from '../core/clock.ts';
import { explain, ShrikeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Logger } from '../telemetry/logger.ts';

const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5000;

export interface PatientOptions {
  readonly log: Pick<Log, 'append'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** An append that failed has left nothing behind (L2), so the same one may follow it. */
export function patientAppend({ log, logger, clock, signal }: PatientOptions): Log['append'] {
  return async (appends) => {
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      try {
        return await log.append(appends);
      } catch (error) {
        if (signal.aborted || !passes(error)) throw error;
        const facts = { code: error.code, reason: explain(error) };
        logger.event('error', 'payments wait to be appended', facts);
        await clock.sleep(pauseMs, signal);
      }
    }
  };
}

function passes(error: unknown): error is ShrikeError {
  if (!(error instanceof ShrikeError)) return false;
  return error.kind.domain === 'external' && error.kind.retry === 'backoff';
}
