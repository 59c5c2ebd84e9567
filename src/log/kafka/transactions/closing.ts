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
import type { Cluster, Link } from '../cluster.ts';
import { listOffsets } from '../reader/list-offsets.ts';
import { byTopic } from '../wire/by-topic.ts';
import type { Ending, Reach } from './identity.ts';
import { Transaction, type TransactionOptions } from './transaction.ts';

const GONE: readonly string[] = ['LOG_TOPIC_UNKNOWN', 'KAFKA_NOT_AUTHORIZED'];

/**
 * @param options made when the leaders are there: from then on its time counts
 * @returns by which connection it was answered; undefined when there was nothing to close
 * @throws COMMIT_FENCED, COMMIT_FAILED, LOG_UNAVAILABLE
 */
export async function runEmpty(
  cluster: Cluster,
  { reach, ending }: { readonly reach: Reach; readonly ending: Ending },
  options: () => TransactionOptions,
): Promise<Link | undefined> {
  const partitions = await led(cluster, reach);
  const parts = [
    ...byTopic(partitions).map(([, of]) => ({ partitions: of })),
    ...reach.groups.map((group) => ({ group })),
  ];
  return new Transaction(options()).runEmpty(parts, ending);
}

/** Where something is undecided: of whom, is not asked. @throws LOG_UNAVAILABLE */
export async function undecidedIn(
  cluster: Cluster,
  topics: readonly string[],
): Promise<readonly TopicPartition[]> {
  const all: TopicPartition[] = [];
  for (const topic of topics) {
    const count = await cluster.partitions(topic).catch((error: unknown) => {
      if (GONE.includes(codeOf(error))) return 0;
      throw error;
    });
    for (let partition = 0; partition < count; partition++) all.push({ topic, partition });
  }
  const offsets = await listOffsets(cluster, all);
  return all.filter((_, i) => {
    const { highWatermark, logEnd } = offsets[i] as PartitionOffsets;
    return highWatermark < (logEnd ?? highWatermark);
  });
}

/**
 * Waits for those that have no leader, lest their markers be forgotten again.
 * @returns the partitions that are there @throws LOG_UNAVAILABLE
 */
export async function led(
  cluster: Cluster,
  { partitions, groups }: Reach,
): Promise<readonly TopicPartition[]> {
  const found = new Map<string, TopicPartition>();
  for (const { topic } of partitions) cluster.forgetTopic(topic);
  for (const at of partitions) {
    try {
      await cluster.leader(at);
      found.set(topicPartitionName(at), at);
    } catch (error) {
      // Of topics that are gone, or closed to this user, nothing is left to close.
      if (!GONE.includes(codeOf(error))) throw error;
    }
  }
  // Their offsets lie with their coordinators.
  for (const group of groups) {
    cluster.forgetCoordinator('group', group);
    await cluster.coordinator('group', group);
  }
  return [...found.values()];
}
