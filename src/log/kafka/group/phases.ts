/**
 * The life of a member of a group.
 *
 *   joining --> syncing --> stable --+        yielding: something is to be let go first
 *    ^ ^ ^         |  \        |     |        losing:   the group has gone on without this member
 *    | | |  again  |   v       v     |        standby:  another process has taken the name
 *    | | +---------+  yielding <-----+
 *    | +----------------+|
 *    |                   v
 *    +--- losing <-- (any of the above)       leaving <-- (any of the above), then left
 *    +--- standby <-+
 */
import { assert } from '../../../core/assert.ts';
import type { Verdict } from './verdicts.ts';

export type MemberPhase =
  | 'joining'
  | 'syncing'
  | 'yielding'
  | 'stable'
  | 'losing'
  | 'standby'
  | 'leaving'
  | 'left';

interface PhaseKind {
  readonly next: readonly MemberPhase[];
  /** Heartbeats go on. */
  readonly beats: boolean;
  /** An answer to a heartbeat may take the membership away (while joining, the join's own does). */
  readonly listens: boolean;
}

export const MEMBER_PHASES = {
  joining: { next: ['joining', 'syncing', 'losing', 'leaving'], beats: true, listens: false },
  syncing: {
    next: ['joining', 'yielding', 'stable', 'losing', 'leaving'],
    beats: true,
    listens: true,
  },
  yielding: { next: ['joining', 'losing', 'leaving'], beats: true, listens: true },
  stable: {
    next: ['stable', 'joining', 'yielding', 'losing', 'leaving'],
    beats: true,
    listens: true,
  },
  losing: { next: ['joining', 'standby', 'leaving'], beats: false, listens: false },
  standby: { next: ['joining', 'leaving'], beats: false, listens: false },
  leaving: { next: ['left'], beats: true, listens: true },
  left: { next: [], beats: false, listens: false },
} as const satisfies Record<MemberPhase, PhaseKind>;

/** Why a member owns nothing any more, whatever it believed. */
export type Loss = 'expired' | 'stale' | 'forgotten' | 'fenced';

export const LOSSES: Record<Loss, string> = {
  expired: 'its session is over, no heartbeat was answered in time',
  stale: 'the group has gone on to a new generation without it',
  forgotten: 'the coordinator does not know it any more',
  fenced: 'another process has joined by the same instance id; this one stands by until it leaves',
};

export function lossOf(verdict: Verdict): Loss | undefined {
  return verdict === 'stale' || verdict === 'forgotten' || verdict === 'fenced'
    ? verdict
    : undefined;
}

export interface MemberFacts {
  /** What came of the phase: it did what it is for, or has to be tried again. */
  readonly outcome: 'done' | 'again';
  readonly loss: Loss | undefined;
  readonly isLeaving: boolean;
  readonly isRebalancing: boolean;
  /** How many partitions must be let go before the next join. */
  readonly toYield: number;
}

export function phaseAfter(phase: MemberPhase, facts: MemberFacts): MemberPhase {
  const to = chosen(phase, facts);
  const { next } = MEMBER_PHASES[phase];
  assert(
    (next as readonly MemberPhase[]).includes(to),
    `a group member may go from ${phase} to ${to}`,
  );
  return to;
}

function chosen(phase: MemberPhase, facts: MemberFacts): MemberPhase {
  if (phase === 'leaving') return 'left';
  if (phase === 'losing' || phase === 'standby') {
    if (facts.isLeaving) return 'leaving';
    return phase === 'losing' && facts.loss === 'fenced' ? 'standby' : 'joining';
  }
  if (facts.loss !== undefined) return 'losing';
  if (facts.isLeaving) return 'leaving';
  if (phase === 'joining') return facts.outcome === 'done' ? 'syncing' : 'joining';
  if (phase === 'yielding' || facts.outcome === 'again') return 'joining';
  if (facts.toYield > 0) return 'yielding';
  if (phase === 'stable' && facts.isRebalancing) return 'joining';
  return 'stable';
}
