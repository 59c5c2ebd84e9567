/** What an assignor is given, and what it gives. Assignors are pure: the leader runs one. */
import type { TopicPartition } from '../../../core/ids.ts';

export interface GroupSubscriber {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartition[];
  readonly generation: number;
}

export interface GroupToAssign {
  readonly members: readonly GroupSubscriber[];
  /** How many partitions each topic has; topics that are not there are left out. */
  readonly partitions: ReadonlyMap<string, number>;
}

/** By member id; every member has an entry. */
export type GroupAssignment = ReadonlyMap<string, readonly TopicPartition[]>;
