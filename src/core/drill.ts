/**
 * Drills: recoveries that are rehearsed before they are needed, and what they report. Reports lie
 * in the object store beside the checkpoints; the newest ones show as metrics of a running engine.
 *
 * R1  A drill changes nothing that the engine works on: it joins no group, commits nothing, seals
 *     nothing, and works in a folder of its own.
 * R2  What it compares was found out in two ways: the live digest, kept up with every change, and
 *     that of the restored state, added up from its stored actors alone.
 */
import type { Offset } from './ids.ts';
import type { StateDigest } from './state.ts';

/** The state of a partition at an offset whose events are all committed. */
export interface DigestAt {
  readonly nextOffset: Offset;
  readonly digest: StateDigest;
  readonly actorCount: number;
}

export const DRILL_KINDS = ['restore', 'failover'] as const;
export type DrillKind = (typeof DRILL_KINDS)[number];

/** `equal` and `recovered` are what a drill hopes for; `failed`: it did not get to the end. */
export const DRILL_VERDICTS = ['equal', 'recovered', 'different', 'failed'] as const;
export type DrillVerdict = (typeof DRILL_VERDICTS)[number];

export function hasPassed(verdict: DrillVerdict): boolean {
  return verdict === 'equal' || verdict === 'recovered';
}

/** Where the state came from that the restored one is compared with. */
export type DigestSource = 'engine' | 'manifest';

export interface DrilledCheckpoint {
  readonly sequence: number;
  readonly nextOffset: Offset;
  readonly savepoint: string | null;
  readonly ageSeconds: number;
  readonly bytes: number;
  readonly segmentCount: number;
}

/** One partition of a restore. Seconds and counts are null where it did not get so far. */
export interface PartitionRestore {
  readonly partition: number;
  readonly verdict: DrillVerdict;
  /** Why it is not equal. */
  readonly reason: string | null;
  readonly checkpoint: DrilledCheckpoint | null;
  readonly expected: (DigestAt & { readonly from: DigestSource }) | null;
  readonly found: Omit<DigestAt, 'nextOffset'> | null;
  readonly restoreSeconds: number | null;
  readonly profilesSeconds: number | null;
  readonly replaySeconds: number | null;
  readonly replayedRecords: number | null;
}

/** One partition of a failover; times count from the kill. */
export interface PartitionFailover {
  readonly partition: number;
  readonly verdict: DrillVerdict;
  readonly reason: string | null;
  /** Committed by the member that was killed, when it was last seen. */
  readonly committedAtKill: Offset;
  /** The end of the log when the member was killed. */
  readonly highWatermarkAtKill: Offset;
  readonly firstCommitSeconds: number | null;
  readonly caughtUpSeconds: number | null;
}

interface ReportHead {
  readonly formatVersion: 1;
  readonly id: string;
  readonly version: string;
  readonly application: string;
  readonly topic: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly verdict: DrillVerdict;
  readonly reason: string | null;
  /** From the loss to the first new committed output; of a restore: the partitions in turn. */
  readonly rtoSeconds: number | null;
}

export interface RestoreReport extends ReportHead {
  readonly kind: 'restore';
  /** As it was asked for: `newest`, `previous`, a number or the name of a savepoint. */
  readonly checkpoint: string;
  /** How old the oldest checkpoint was: what the log must at least hold. */
  readonly rpoSeconds: number | null;
  readonly restoreSeconds: number;
  readonly profilesSeconds: number;
  readonly replaySeconds: number;
  readonly bytes: number;
  readonly replayedRecords: number;
  readonly partitions: readonly PartitionRestore[];
}

export interface FailoverReport extends ReportHead {
  readonly kind: 'failover';
  /** `group.instance.id` of the member that was started and killed. */
  readonly member: string;
  /** Until every partition of the killed member had caught up. */
  readonly caughtUpSeconds: number | null;
  readonly partitions: readonly PartitionFailover[];
}

export type DrillReport = RestoreReport | FailoverReport;

/** What is known of the drills of one kind. */
export interface DrillSummary {
  readonly newest: DrillReport;
  /** Null while none has passed. */
  readonly lastPassedAtMs: number | null;
}
