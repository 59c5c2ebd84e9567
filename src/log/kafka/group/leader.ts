/** The one member that the coordinator has chosen gives out the partitions for all. */
import { ShrikeError } from '../../../core/errors.ts';
import type { Cluster } from '../cluster.ts';
import { brokerError } from '../wire/broker-errors.ts';
import type { GroupSubscriber } from './assignment.ts';
import type { Assignor } from './assignors.ts';
import { decodeSubscription, encodeAssignment } from './consumer-protocol.ts';
import type { GroupMetadata } from './messages.ts';

/** @returns assignments by member id, as SyncGroup wants them. @throws LOG_UNAVAILABLE */
export async function assignAsLeader(
  cluster: Cluster,
  { assignor, topic: ownTopic }: { readonly assignor: Assignor; readonly topic: string },
  metadata: readonly GroupMetadata[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const members = metadata.map(
    ({ memberId, instanceId, metadata: bytes }): GroupSubscriber => ({
      memberId,
      instanceId,
      ...decodeSubscription(Buffer.from(bytes)),
    }),
  );
  const topics = [...new Set(members.flatMap((member) => member.topics))].sort();
  const described = await cluster.metadata(topics);
  const partitions = new Map<string, number>();
  for (const { topic, error, partitions: of } of described.topics) {
    if (error === 0) partitions.set(topic, of.length);
    // A topic that nobody has heard of is another member's mistake. One that is not described for
    // any other reason has partitions: an assignment without them would stop the whole group.
    else if (brokerError(error) !== 'UNKNOWN_TOPIC_OR_PARTITION' || topic === ownTopic) {
      const reason = `the broker does not describe the topic ${topic} (${brokerError(error)})`;
      throw new ShrikeError('LOG_UNAVAILABLE', `no partitions to assign: ${reason}`);
    }
  }
  const assignment = assignor.assign({ members, partitions });
  return new Map(
    [...assignment].map(([memberId, of]) => [
      memberId,
      encodeAssignment([...of].sort((a, b) => a.partition - b.partition)),
    ]),
  );
}
