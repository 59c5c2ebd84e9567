/** Names of things in the log and in state. */

/**
 * Offsets are plain numbers: a partition would need 2^53 records (285 years at a million a second)
 * to outgrow them, and a bigint costs an allocation a record.
 */
export type Offset = number;

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** The key of an actor: a non-negative safe integer (R1: the user id). */
export type ActorKey = number;

export function topicPartitionName({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
