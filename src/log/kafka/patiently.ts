/** Tries something again, at growing distances, until it is there or the time for it is over. */
import type { Clock } from '../../core/clock.ts';
import { ShrikeError } from '../../core/errors.ts';

const WAIT_MS_MAX = 500;

export interface Patience {
  readonly clock: Clock;
  readonly patienceMs: number;
  /** Before the second try; twice as long before each one after it, up to half a second. */
  readonly waitMsMin: number;
  /** What is told when time is over. */
  readonly failure: string;
  /** Ends it early. */
  readonly isOver?: () => boolean;
}

/** @throws LOG_UNAVAILABLE when time is over, and what the try throws */
export async function patiently<T>(
  patience: Patience,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  const { clock, patienceMs, waitMsMin, failure, isOver } = patience;
  const end = clock.nowMs() + patienceMs;
  for (let waitMs = waitMsMin; ; waitMs = Math.min(waitMs * 2, WAIT_MS_MAX)) {
    const result = await attempt();
    if (result !== undefined) return result;
    if (clock.nowMs() + waitMs > end || isOver?.()) {
      throw new ShrikeError('LOG_UNAVAILABLE', failure);
    }
    await clock.sleep(waitMs);
  }
}
