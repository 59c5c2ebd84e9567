/** Payments at the pace of live traffic, out of a file that could be read much faster. */
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { PackedRecords } from '../core/records.ts';

export interface PaceOptions {
  readonly append: Log['append'];
  /** Of the payments; what is appended to others passes at once. */
  readonly topic: string;
  readonly ratePerSecond: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What an append at a pace takes at most: a commit of Kafka's, and no burst that one would see. */
const APPEND_MS = 20;
/** After a longer stall the pace begins anew: a log that was away is not flooded afterwards. */
const DEBT_MS_MAX = 5000;

/** Payments of one append at that rate. */
export function pacedRecords(ratePerSecond: number): number {
  return Math.max(1, Math.ceil((ratePerSecond * APPEND_MS) / 1000));
}

/**
 * Waits after an append, for as long as its payments take at the rate, not before it: the time that
 * they carry is that of the append.
 */
export function pacedAppend(options: PaceOptions): Log['append'] {
  const { append, topic, ratePerSecond, clock, signal } = options;
  let dueMs = clock.nowMs();
  return async (appends) => {
    const appended = await append(appends);
    const payments = appends
      .filter((one) => one.topic === topic)
      .reduce((sum, { records }) => sum + PackedRecords.of(records).count, 0);
    if (payments === 0) return appended;
    const nowMs = clock.nowMs();
    dueMs = Math.max(dueMs, nowMs - DEBT_MS_MAX) + (payments * 1000) / ratePerSecond;
    if (dueMs > nowMs) await clock.sleep(dueMs - nowMs, signal);
    return appended;
  };
}
