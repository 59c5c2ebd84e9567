/**
 * Appends that wait while the disk is full or the log does not answer, as the partitions do: a
 * source that gives up would lose its place.
 */
import { type Clock, systemClock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { explain, ShrikeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { TROUBLE_QUIET_MS, tellingTroublesOnce } from '../telemetry/troubles.ts';

const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5000;

export interface PatientOptions {
  readonly log: Pick<Log, 'append'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Who is asked to stop does not wait for what is under way: the next start sees the log. */
  readonly leavesAtStop?: boolean;
}

/** An append that failed so has left nothing behind (L2, T7), so the same one may follow it. */
export function patientAppend(options: PatientOptions): Log['append'] {
  const { log, logger, clock, signal, leavesAtStop = false } = options;
  return async (appends) => {
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      try {
        const appending = log.append(appends);
        return await (leavesAtStop ? beforeAbort(appending, signal) : appending);
      } catch (error) {
        if (signal.aborted || !passes(error)) throw error;
        const facts = { code: error.code, reason: explain(error) };
        logger.event('error', 'payments wait to be appended', facts);
        await clock.sleep(pauseMs, signal);
      }
    }
  };
}

export interface PatientCommandOptions {
  readonly append: Log['append'];
  readonly logging: Config['logging'];
  readonly signal: AbortSignal;
}

/**
 * The same for a command beside no engine: it tells when it waits, and when that is over. Asked to
 * stop, it tries nothing again, but what is under way counts.
 */
export function patientCommandAppend(options: PatientCommandOptions): Log['append'] {
  const { append, logging, signal } = options;
  const logger = tellingTroublesOnce(createLogger({ ...logging, pretty: true }), {
    clock: systemClock,
    quietMs: TROUBLE_QUIET_MS,
    signal,
  });
  return patientAppend({ log: { append }, logger, clock: systemClock, signal });
}

function passes(error: unknown): error is ShrikeError {
  if (!(error instanceof ShrikeError)) return false;
  // An append has no batch that could be scored again: what was refused is sent again as it is.
  const { domain, retry } = error.kind;
  return (domain === 'external' && retry === 'backoff') || error.code === 'COMMIT_FAILED';
}

function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new ShrikeError('LOG_UNAVAILABLE', 'asked to stop meanwhile'));
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
