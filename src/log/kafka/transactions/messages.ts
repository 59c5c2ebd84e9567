/**
 * The requests of a transaction, as of transaction version 1: Kafka 3.0 to 4.x answer them. (A
 * commit by version 2, of Kafka 4.0, is five times slower: the broker waits in steps of 20 ms for
 * the markers of the commit before.)
 */
import type { Offset, TopicPartition } from '../../../core/ids.ts';
import type { GroupGeneration } from '../group/generation.ts';
import type { Api } from '../wire/api.ts';
import { byTopic } from '../wire/by-topic.ts';
import type { Reader } from '../wire/reader.ts';

/** Who writes: every request carries it, and an older epoch is refused everywhere. */
export interface ProducerEpoch {
  readonly producerId: number;
  readonly epoch: number;
}

export interface Writing extends ProducerEpoch {
  readonly transactionalId: string;
}

interface PartitionOutcome extends TopicPartition {
  readonly error: number;
}

export const NO_PRODUCER: ProducerEpoch = { producerId: -1, epoch: -1 };

/**
 * With `NO_PRODUCER`: takes the transactional id over, whoever has it. With the producer's own id
 * and epoch: the next epoch, unless someone has taken over.
 */
export const INIT_PRODUCER_ID: Api<
  Writing & { readonly transactionTimeoutMs: number },
  ProducerEpoch & { readonly error: number }
> = {
  name: 'InitProducerId',
  key: 22,
  version: 4,
  encode: (to, { transactionalId, transactionTimeoutMs, producerId, epoch }) =>
    to.string(transactionalId).i32(transactionTimeoutMs).i64(producerId).i16(epoch).tags(),
  decode: (from) => {
    from.i32(); // throttle time
    return { error: from.i16(), producerId: from.i64(), epoch: from.i16() };
  },
};

export const ADD_PARTITIONS: Api<
  Writing & { readonly partitions: readonly TopicPartition[] },
  readonly PartitionOutcome[]
> = {
  name: 'AddPartitionsToTxn',
  key: 24,
  version: 3,
  encode: (to, { transactionalId, producerId, epoch, partitions }) =>
    to
      .string(transactionalId)
      .i64(producerId)
      .i16(epoch)
      .array(byTopic(partitions), ([topic, of]) =>
        to
          .string(topic)
          .array(of, ({ partition }) => to.i32(partition))
          .tags(),
      )
      .tags(),
  decode: outcomes,
};

export const ADD_OFFSETS: Api<Writing & { readonly group: string }, { readonly error: number }> = {
  name: 'AddOffsetsToTxn',
  key: 25,
  version: 3,
  encode: (to, { transactionalId, producerId, epoch, group }) =>
    to.string(transactionalId).i64(producerId).i16(epoch).string(group).tags(),
  decode: throttledError,
};

export type NextOffset = TopicPartition & { readonly nextOffset: Offset };

export const COMMIT_OFFSETS: Api<
  Writing & {
    readonly group: string;
    readonly member: GroupGeneration;
    readonly offsets: readonly NextOffset[];
  },
  readonly PartitionOutcome[]
> = {
  name: 'TxnOffsetCommit',
  key: 28,
  version: 3,
  encode: (to, { transactionalId, group, producerId, epoch, member, offsets }) =>
    to
      .string(transactionalId)
      .string(group)
      .i64(producerId)
      .i16(epoch)
      .i32(member.generation)
      .string(member.memberId)
      .nullableString(member.instanceId)
      .array(byTopic(offsets), ([topic, of]) =>
        to
          .string(topic)
          .array(of, ({ partition, nextOffset }) =>
            to.i32(partition).i64(nextOffset).i32(-1).string('').tags(),
          )
          .tags(),
      )
      .tags(),
  decode: outcomes,
};

export const END: Api<Writing & { readonly commit: boolean }, { readonly error: number }> = {
  name: 'EndTxn',
  key: 26,
  version: 3,
  encode: (to, { transactionalId, producerId, epoch, commit }) =>
    to.string(transactionalId).i64(producerId).i16(epoch).bool(commit).tags(),
  decode: throttledError,
};

export interface PartitionBatch extends TopicPartition {
  readonly batch: Uint8Array;
}

export const PRODUCE: Api<
  {
    readonly transactionalId: string;
    readonly timeoutMs: number;
    /** One batch a partition. */
    readonly batches: readonly PartitionBatch[];
  },
  readonly (PartitionOutcome & { readonly baseOffset: Offset; readonly reason: string | null })[]
> = {
  name: 'Produce',
  key: 0,
  version: 9,
  encode: (to, { transactionalId, timeoutMs, batches }) =>
    to
      .reserve(batches.reduce((sum, { batch }) => sum + batch.byteLength + 300, 0))
      .string(transactionalId)
      .i16(-1) // every replica that is in sync must have it
      .i32(timeoutMs)
      .array(byTopic(batches), ([topic, of]) =>
        to
          .string(topic)
          .array(of, ({ partition, batch }) => to.i32(partition).bytesField(batch).tags())
          .tags(),
      )
      .tags(),
  decode: (from) => {
    const topics = from.array(() => {
      const topic = from.string();
      const partitions = from.array(() => {
        const partition = from.i32();
        const error = from.i16();
        const baseOffset = from.i64();
        from.i64(); // time of the append
        from.i64(); // start of the log
        const reasons = from.array(() => {
          from.i32(); // index in the batch
          const reason = from.nullableString();
          from.tags();
          return reason;
        });
        const reason = from.nullableString() ?? reasons[0] ?? null;
        from.tags();
        return { topic, partition, error, baseOffset, reason };
      });
      from.tags();
      return partitions;
    });
    return topics.flat();
  },
};

function throttledError(from: Reader): { readonly error: number } {
  from.i32(); // throttle time
  return { error: from.i16() };
}

function outcomes(from: Reader): readonly PartitionOutcome[] {
  from.i32(); // throttle time
  const topics = from.array(() => {
    const topic = from.string();
    const partitions = from.array(() => {
      const outcome = { topic, partition: from.i32(), error: from.i16() };
      from.tags();
      return outcome;
    });
    from.tags();
    return partitions;
  });
  return topics.flat();
}
