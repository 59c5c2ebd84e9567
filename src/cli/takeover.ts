/** Watches partitions whose member was killed, until others have taken them over. */
import type { Clock } from '../core/clock.ts';
import type { PartitionFailover } from '../core/drill.ts';
import { codeOf, ShrikeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

const POLL_MS = 50;

export interface Takeover {
  readonly log: Pick<Log, 'committed' | 'offsets'>;
  readonly clock: Clock;
  readonly group: string;
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly killedAtMs: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export function watchTakeover(takeover: Takeover): Promise<readonly PartitionFailover[]> {
  return Promise.all(takeover.partitions.map((partition) => watch(takeover, partition)));
}

/**
 * The first offset that is told after the kill is still the killed member's: it stays an owner for
 * the group's session, and a commit that it left undecided is decided before the broker answers.
 */
async function watch(takeover: Takeover, partition: number): Promise<PartitionFailover> {
  const { clock, killedAtMs, waitMs, signal } = takeover;
  const since = () => (clock.nowMs() - killedAtMs) / 1000;
  let { committed, end } = await look(takeover, partition);
  const [committedAtKill, highWatermarkAtKill] = [committed, end];
  let firstCommitSeconds: number | null = null;
  let caughtUpSeconds: number | null = null;
  while (caughtUpSeconds === null && since() * 1000 < waitMs && !signal.aborted) {
    await clock.sleep(POLL_MS, signal);
    const endBefore = end;
    ({ committed, end } = await look(takeover, partition));
    if (firstCommitSeconds === null && committed > committedAtKill) firstCommitSeconds = since();
    // All that was there one look ago: payments go on coming, and the end is never quite reached.
    if (firstCommitSeconds !== null && committed >= endBefore) caughtUpSeconds = since();
  }
  const isDone = caughtUpSeconds !== null;
  return {
    partition,
    verdict: isDone ? 'recovered' : 'failed',
    reason: isDone ? null : why(takeover, { committed, end, firstCommitSeconds }),
    committedAtKill,
    highWatermarkAtKill,
    firstCommitSeconds,
    caughtUpSeconds,
  };
}

interface Standing {
  readonly committed: number;
  readonly end: number;
  readonly firstCommitSeconds: number | null;
}

function why({ waitMs, signal }: Takeover, { committed, end, firstCommitSeconds }: Standing) {
  if (signal.aborted) return 'the drill was interrupted';
  const after = `after ${waitMs / 1000} s`;
  if (firstCommitSeconds !== null) return `${after} it stands at ${committed}, the log at ${end}`;
  return committed >= end
    ? `no payment has come since the kill: there was nothing to commit ${after}`
    : `nobody has committed anything ${after}: ${end - committed} payments wait`;
}

async function look(
  { log, clock, group, topic, killedAtMs, waitMs, signal }: Takeover,
  partition: number,
): Promise<{ readonly committed: number; readonly end: number }> {
  const of = { topic, partition };
  for (;;) {
    try {
      const [committed] = await log.committed(group, [of]);
      const { highWatermark, logEnd } = await log.offsets(of);
      return { committed: committed ?? 0, end: logEnd ?? highWatermark };
    } catch (error) {
      // As long as the killed member's last commit is undecided the broker tells no offset.
      const isOver = clock.nowMs() - killedAtMs > waitMs || signal.aborted;
      if (codeOf(error) !== 'LOG_UNAVAILABLE' || isOver) throw error;
    }
    if (signal.aborted) throw new ShrikeError('DRILL_FAILED', 'the drill was interrupted');
    await clock.sleep(POLL_MS, signal);
  }
}
