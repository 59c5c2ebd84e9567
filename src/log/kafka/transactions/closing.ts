/**
 * Empty transactions, for their markers (T8).
 *
 * Brokers of Kafka 4.3 take a partition whose leader is away for one that was deleted, and complete
 * its transaction without a marker there (KAFKA-20734). What was aborted then counts for the next
 * commit of the same producer, and what was committed waits for it.
 */
import { codeOf } from '../../../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { PartitionOffsets } from '../../../core/log.ts';
import type { Cluster } from '../cluster.ts';
import { listOffsets } from '../reader/list-offsets.ts';
import type { Ending, Reach } from './identity.ts';
import { Transaction, type TransactionOptions } from './transaction.ts';

/** @throws COMMIT_FENCED, COMMIT_FAILED, KAFKA_NOT_AUTHORIZED, LOG_UNAVAILABLE */
export async function runEmpty(
  options: TransactionOptions,
  { partitions, group }: Reach,
  ending: Ending,
): Promise<void> {
  const reach = { group, partitions: await led(options.cluster, partitions) };
  if (reach.partitions.length === 0 && group === undefined) return;
  await new Transaction(options).runEmpty(reach, ending);
}

/** Where something is undecided: of whom, is not asked. @throws LOG_UNAVAILABLE */
export async function undecidedIn(
  cluster: Cluster,
  topics: readonly string[],
): Promise<readonly TopicPartition[]> {
  const all: TopicPartition[] = [];
  for (const topic of topics) {
    const count = await cluster.partitions(topic);
    for (let partition = 0; partition < count; partition++) all.push({ topic, partition });
  }
  const offsets = await listOffsets(cluster, all);
  return all.filter((_, i) => {
    const { highWatermark, logEnd } = offsets[i] as PartitionOffsets;
    return highWatermark < (logEnd ?? highWatermark);
  });
}

/** Waits for those that have no leader, lest their markers be forgotten again. */
async function led(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
): Promise<readonly TopicPartition[]> {
  const found = new Map<string, TopicPartition>();
  for (const { topic } of partitions) cluster.forgetTopic(topic);
  for (const at of partitions) {
    try {
      await cluster.leader(at);
      found.set(topicPartitionName(at), at);
    } catch (error) {
      // Of topics that are gone nothing is left to close.
      if (codeOf(error) !== 'LOG_TOPIC_UNKNOWN') throw error;
    }
  }
  return [...found.values()];
}
