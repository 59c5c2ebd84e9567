/** Kafka's messages name a topic once, with its partitions below it. */
import type { TopicPartition } from '../../../core/ids.ts';

export function byTopic<T extends TopicPartition>(of: readonly T[]): [string, T[]][] {
  const topics = new Map<string, T[]>();
  for (const one of of) {
    const list = topics.get(one.topic);
    if (list === undefined) topics.set(one.topic, [one]);
    else list.push(one);
  }
  return [...topics];
}
