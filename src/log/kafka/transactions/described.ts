/** What a coordinator knows of a transactional id: DescribeTransactions 0, since Kafka 3.0. */
import type { TopicPartition } from '../../../core/ids.ts';
import type { Api } from '../wire/api.ts';
import type { ProducerEpoch } from './messages.ts';

export interface DescribedTransaction extends ProducerEpoch {
  readonly error: number;
  readonly transactionalId: string;
  /** `Empty`, `Ongoing`, `PrepareCommit`, `CompleteAbort`…: as the broker calls it. */
  readonly state: string;
  readonly timeoutMs: number;
  readonly sinceMs: number;
  /** While it is open; of groups, the partitions of `__consumer_offsets`. */
  readonly partitions: readonly TopicPartition[];
}

export const DESCRIBE_TRANSACTIONS: Api<string, readonly DescribedTransaction[]> = {
  name: 'DescribeTransactions',
  key: 65,
  version: 0,
  encode: (to, id) => to.array([id], (one) => to.string(one)).tags(),
  decode: (from) => {
    from.i32(); // throttle time
    return from.array(() => {
      const error = from.i16();
      const transactionalId = from.string();
      const state = from.string();
      const timeoutMs = from.i32();
      const sinceMs = from.i64();
      const [producerId, epoch] = [from.i64(), from.i16()];
      const topics = from.array(() => {
        const topic = from.string();
        const partitions = from.array(() => from.i32());
        from.tags();
        return partitions.map((partition) => ({ topic, partition }));
      });
      from.tags();
      const who = { transactionalId, producerId, epoch };
      return { error, ...who, state, timeoutMs, sinceMs, partitions: topics.flat() };
    });
  },
};
