/** Topics that are to be written are there: a new one is not known to all brokers at once. */
import type { Clock } from '../../../core/clock.ts';
import { codeOf } from '../../../core/errors.ts';
import type { TopicPartition } from '../../../core/ids.ts';
import type { Cluster } from '../cluster.ts';

const UNKNOWN_MS_MAX = 1000;
const LOOK_MS = 50;

export interface Brokers {
  readonly cluster: Cluster;
  readonly clock: Clock;
}

/** Resolves when all have leaders. @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE */
export async function whenKnown(
  brokers: Brokers,
  partitions: readonly TopicPartition[],
): Promise<void> {
  const endMs = brokers.clock.nowMs() + UNKNOWN_MS_MAX;
  await Promise.all(partitions.map((of) => known(brokers, of, endMs)));
}

async function known({ cluster, clock }: Brokers, of: TopicPartition, endMs: number) {
  for (;;) {
    try {
      return await cluster.leader(of);
    } catch (error) {
      if (codeOf(error) !== 'LOG_TOPIC_UNKNOWN' || clock.nowMs() + LOOK_MS > endMs) throw error;
      cluster.forgetTopic(of.topic);
      await clock.sleep(LOOK_MS);
    }
  }
}
