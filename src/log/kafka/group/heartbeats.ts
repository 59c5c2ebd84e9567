/** Tells the coordinator that this member lives, and hears from it that it does not. */
import type { Clock } from '../../../core/clock.ts';
import type { CoordinatorAnswer } from './coordinator-calls.ts';
import type { GroupGeneration } from './generation.ts';
import type { Lease } from './lease.ts';
import { within } from './waiting.ts';

/** A rebalance is noticed by the next heartbeat: this is how long the others wait for us. */
const INTERVAL_MS_MAX = 500;

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly sessionTimeoutMs: number;
  readonly lease: Lease;
  /** As whom; undefined: not now. */
  readonly sender: () => GroupGeneration | undefined;
  readonly beat: (as: GroupGeneration) => Promise<CoordinatorAnswer<number>>;
  /** Ends the connection: the next heartbeat takes a new one. */
  readonly hangUp: () => void;
  readonly answered: (as: GroupGeneration, answer: CoordinatorAnswer<number>) => void;
  readonly expired: () => void;
}

/** Runs until the signal aborts. */
export async function sendHeartbeats(options: HeartbeatOptions, stop: AbortSignal): Promise<void> {
  const { clock, lease, sender } = options;
  // Two heartbeats may get lost before the session does.
  const intervalMs = Math.min(INTERVAL_MS_MAX, options.sessionTimeoutMs / 4);
  while (!stop.aborted) {
    const as = sender();
    if (as !== undefined && lease.isExpired) options.expired();
    else if (as !== undefined) await oneHeartbeat(options, as, stop);
    await clock.sleep(intervalMs, stop);
  }
}

async function oneHeartbeat(
  options: HeartbeatOptions,
  as: GroupGeneration,
  stop: AbortSignal,
): Promise<void> {
  const { clock, sessionTimeoutMs, lease, sender, beat, hangUp, answered, expired } = options;
  const sentMs = clock.nowMs();
  // A connection may be dead without saying so: there must be time left for another.
  const waitMs = Math.min(lease.leftMs, sessionTimeoutMs / 3);
  const answer = await within(beat(as), clock, { waitMs, stop });
  if (stop.aborted) return;
  // A coordinator that says "rebalance" has counted the heartbeat.
  if (answer?.verdict === 'ok' || answer?.verdict === 'rebalance') lease.renew(sentMs);
  if (answer !== undefined) answered(as, answer);
  else hangUp();
  if (lease.isExpired && sender() !== undefined) expired();
}
