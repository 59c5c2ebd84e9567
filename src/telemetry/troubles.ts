/**
 * Troubles that pass by themselves (a full disk, a store that does not answer) are met by every
 * partition, again and again until they pass. A person wants one line when it begins, one when it
 * is over.
 */
import type { Clock } from '../core/clock.ts';
import { ERRORS, type ErrorCode, isDiskFull } from '../core/errors.ts';
import type { Logger } from './logger.ts';
import type { Facts } from './safe-facts.ts';

/** Longer than the longest pause between two tries of a partition, or of a source. */
export const TROUBLE_QUIET_MS = 15_000;

export interface TroublesOptions {
  readonly clock: Clock;
  /** Over when it was not met for so long: longer than the longest pause between two tries. */
  readonly quietMs: number;
  /** Ends the waiting for an end. */
  readonly signal: AbortSignal;
}

interface Trouble {
  readonly sinceMs: number;
  lastMs: number;
  count: number;
}

/** A logger that tells each trouble once, and when it is over. */
export function tellingTroublesOnce(logger: Logger, options: TroublesOptions): Logger {
  const { clock, quietMs, signal } = options;
  const open = new Map<ErrorCode, Trouble>();
  const watch = async (code: ErrorCode, trouble: Trouble): Promise<void> => {
    while (!signal.aborted && clock.nowMs() - trouble.lastMs < quietMs) {
      await clock.sleep(trouble.lastMs + quietMs - clock.nowMs(), signal);
    }
    if (signal.aborted) return;
    open.delete(code);
    const seconds = Math.round((trouble.lastMs - trouble.sinceMs) / 1000);
    logger.event('warn', 'trouble is over', { code, met: trouble.count, seconds });
  };
  return {
    event: (level, event, facts = {}) => {
      const code = troubleOf(facts);
      if (code === undefined) return logger.event(level, event, facts);
      const nowMs = clock.nowMs();
      const known = open.get(code);
      if (known !== undefined) {
        known.lastMs = nowMs;
        known.count += 1;
        return;
      }
      const trouble = { sinceMs: nowMs, lastMs: nowMs, count: 1 };
      open.set(code, trouble);
      if (code === 'DISK_FULL')
        logger.event('error', 'disk is full', { code, ...spaceHint(facts) });
      else logger.event(level, event, facts);
      void watch(code, trouble);
    },
  };
}

/** Whoever met it first, its hint is about the disk, not about a bucket or a batch. */
function spaceHint({ reason }: Facts): { readonly reason: string } {
  const found = String(reason).replace(/ \[[A-Z_]+\]\n[^]*$/, '');
  return { reason: `${found} [DISK_FULL]\n  ${ERRORS.DISK_FULL.hint}` };
}

/** A checkpoint that finds no space has the same cause as a commit that finds none. */
function troubleOf({ code, reason }: Facts): ErrorCode | undefined {
  if (isDiskFull(reason)) return 'DISK_FULL';
  if (typeof code !== 'string' || !Object.hasOwn(ERRORS, code)) return undefined;
  const { domain, retry } = ERRORS[code as ErrorCode];
  return domain === 'external' && retry === 'backoff' ? (code as ErrorCode) : undefined;
}
