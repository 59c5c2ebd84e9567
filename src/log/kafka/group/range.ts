import type { TopicPartition } from '../../../core/ids.ts';
import type { GroupAssignment, GroupSubscriber, GroupToAssign } from './assignment.ts';

/**
 * Each topic by itself: its partitions, in order, cut into as many runs as it has subscribers; the
 * first runs are longer by one. Static members keep their runs from one generation to the next,
 * since their names order them.
 */
export function range({ members, partitions }: GroupToAssign): GroupAssignment {
  const assignment = new Map<string, TopicPartition[]>();
  const ordered = [...members].sort(byName);
  for (const { memberId } of ordered) assignment.set(memberId, []);
  for (const [topic, count] of partitions) {
    const subscribers = ordered.filter((member) => member.topics.includes(topic));
    const length = Math.floor(count / subscribers.length);
    const longer = count % subscribers.length;
    let partition = 0;
    subscribers.forEach(({ memberId }, i) => {
      const end = partition + length + (i < longer ? 1 : 0);
      for (; partition < end; partition++) assignment.get(memberId)?.push({ topic, partition });
    });
  }
  return assignment;
}

function byName(a: GroupSubscriber, b: GroupSubscriber): number {
  const [x, y] = [a.instanceId ?? a.memberId, b.instanceId ?? b.memberId];
  return x < y ? -1 : x > y ? 1 : 0;
}
