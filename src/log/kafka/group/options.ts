import type { Clock } from '../../../core/clock.ts';
import type { MembershipListener } from '../../../core/log.ts';
import type { Random } from '../../../core/random.ts';
import type { Cluster } from '../cluster.ts';
import type { AssignmentKind } from './assignors.ts';

export interface GroupMemberOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly random: Random;
  readonly group: string;
  readonly topic: string;
  /** Empty: a dynamic member. */
  readonly instanceId: string;
  readonly assignment: AssignmentKind;
  readonly sessionTimeoutMs: number;
  readonly listener: MembershipListener;
  readonly onTrouble: (error: unknown) => void;
}
