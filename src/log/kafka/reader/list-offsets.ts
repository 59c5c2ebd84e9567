/** Where partitions begin and end: ListOffsets, version 6, which brokers from 2.8 to 4.x speak. */
import { ShrikeError } from '../../../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { PartitionOffsets } from '../../../core/log.ts';
import type { Cluster } from '../cluster.ts';
import type { Api } from '../wire/api.ts';
import { brokerError, isTransient } from '../wire/broker-errors.ts';
import { byTopic } from '../wire/by-topic.ts';

const EARLIEST = -2;
const LATEST = -1;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;
/** Tries, with a moment between: leaders move, topics are new. */
const WAITS_MS = [20, 50, 100, 200, 400, 800, 1600];

interface OffsetsAsked {
  readonly isolation: number;
  readonly timestamp: number;
  readonly of: readonly TopicPartition[];
}

interface OffsetFound extends TopicPartition {
  readonly error: number;
  readonly offset: number;
}

export const LIST_OFFSETS: Api<OffsetsAsked, readonly OffsetFound[]> = {
  name: 'ListOffsets',
  key: 2,
  version: 6,
  encode: (to, { isolation, timestamp, of }) =>
    to
      .i32(-1)
      .i8(isolation)
      .array(byTopic(of), ([topic, partitions]) =>
        to
          .string(topic)
          .array(partitions, ({ partition }) => to.i32(partition).i32(-1).i64(timestamp).tags())
          .tags(),
      )
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    const topics = from.array(() => {
      const topic = from.string();
      const partitions = from.array(() => {
        const partition = from.i32();
        const error = from.i16();
        from.i64(); // timestamp
        const offset = from.i64();
        from.i32(); // leader epoch
        from.tags();
        return { topic, partition, error, offset };
      });
      from.tags();
      return partitions;
    });
    return topics.flat();
  },
};

/**
 * In the order asked.
 * @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE, KAFKA_NOT_AUTHORIZED, KAFKA_REQUEST_FAILED
 */
export async function listOffsets(
  cluster: Cluster,
  of: readonly TopicPartition[],
): Promise<readonly PartitionOffsets[]> {
  const found = new Map<string, PartitionOffsets>();
  for (let attempt = 0; ; attempt++) {
    const missing = of.filter((each) => !found.has(topicPartitionName(each)));
    if (missing.length === 0) break;
    try {
      await askLeaders(cluster, missing, found);
    } catch (error) {
      const waitMs = WAITS_MS[attempt];
      const mayPass = error instanceof ShrikeError && error.code === 'LOG_UNAVAILABLE';
      if (!mayPass || waitMs === undefined) throw error;
      for (const { topic } of missing) cluster.forgetTopic(topic);
      await cluster.pause(waitMs);
    }
  }
  return of.map((each) => found.get(topicPartitionName(each)) as PartitionOffsets);
}

async function askLeaders(
  cluster: Cluster,
  of: readonly TopicPartition[],
  found: Map<string, PartitionOffsets>,
): Promise<void> {
  const byLeader = new Map<number, TopicPartition[]>();
  for (const each of of) {
    const leader = await cluster.leader(each);
    const list = byLeader.get(leader);
    if (list === undefined) byLeader.set(leader, [each]);
    else list.push(each);
  }
  const answers = [...byLeader].map(([leader, led]) => askLeader(cluster, leader, led));
  for (const offsets of await Promise.all(answers)) {
    for (const [name, one] of offsets) found.set(name, one);
  }
}

async function askLeader(
  cluster: Cluster,
  leader: number,
  of: readonly TopicPartition[],
): Promise<[string, PartitionOffsets][]> {
  const ask = async (isolation: number, timestamp: number) => {
    const asked = { isolation, timestamp, of };
    const answers = await cluster.call({ node: leader, lane: 'general' }, LIST_OFFSETS, asked);
    for (const answer of answers) if (answer.error !== 0) throw refusal(answer);
    return new Map(answers.map((each) => [topicPartitionName(each), each.offset]));
  };
  // In this order: what lies before stays before, whatever happens between two answers.
  const [earliest, stable, end] = await Promise.all([
    ask(READ_UNCOMMITTED, EARLIEST),
    ask(READ_COMMITTED, LATEST),
    ask(READ_UNCOMMITTED, LATEST),
  ]);
  return of.map((each) => {
    const name = topicPartitionName(each);
    const highWatermark = stable.get(name);
    const logEnd = end.get(name);
    if (highWatermark === undefined || logEnd === undefined) throw refusal({ ...each, error: -1 });
    return [name, { earliest: earliest.get(name) ?? 0, highWatermark, logEnd }];
  });
}

function refusal({ error, ...of }: TopicPartition & { error: number }): ShrikeError {
  const name = brokerError(error);
  const message = `${topicPartitionName(of)}: the broker does not tell its offsets: ${name}`;
  if (/AUTHORIZATION/.test(name)) return new ShrikeError('KAFKA_NOT_AUTHORIZED', message);
  const mayPass = isTransient(error) || error === -1;
  return new ShrikeError(mayPass ? 'LOG_UNAVAILABLE' : 'KAFKA_REQUEST_FAILED', message);
}
