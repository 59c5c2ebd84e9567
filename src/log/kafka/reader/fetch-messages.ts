/**
 * Fetch, version 12: the last one that names topics instead of numbering them, so that a topic
 * needs no look-up; brokers from 2.7 to 4.x speak it. Without a fetch session: each request names
 * all it wants, in the order in which the broker fills the answer.
 */
import type { TopicPartition } from '../../../core/ids.ts';
import type { Api } from '../wire/api.ts';
import type { Reader } from '../wire/reader.ts';

const READ_COMMITTED = 1;

export interface FetchedFrom extends TopicPartition {
  readonly offset: number;
  /** As the metadata had it: a broker that knows better says so. -1: not known. */
  readonly leaderEpoch: number;
  /** Of the record before `offset`: the broker compares histories. -1: not known. */
  readonly lastEpoch: number;
  readonly bytesMax: number;
}

export interface FetchRequest {
  readonly waitMs: number;
  readonly bytesMax: number;
  readonly partitions: readonly FetchedFrom[];
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface FetchedPartition extends TopicPartition {
  readonly error: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** The log was cut off: what was read last is no longer in it. */
  readonly isDiverging: boolean;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as they lie on the broker's disk; the last one may be cut off. */
  readonly records: Buffer;
}

export interface FetchAnswer {
  readonly throttleMs: number;
  readonly error: number;
  readonly partitions: readonly FetchedPartition[];
}

export const FETCH: Api<FetchRequest, FetchAnswer> = {
  name: 'Fetch',
  key: 1,
  version: 12,
  encode: (to, { waitMs, bytesMax, partitions }) => {
    to.i32(-1).i32(waitMs).i32(1).i32(bytesMax).i8(READ_COMMITTED);
    to.i32(0).i32(-1); // no session
    to.array(neighbours(partitions), ([topic, of]) =>
      to
        .string(topic)
        .array(of, (each) =>
          to
            .i32(each.partition)
            .i32(each.leaderEpoch)
            .i64(each.offset)
            .i32(each.lastEpoch)
            .i64(-1)
            .i32(each.bytesMax)
            .tags(),
        )
        .tags(),
    );
    to.array([], () => undefined); // nothing to forget
    to.string('').tags(); // no rack
  },
  decode: (from) => {
    const throttleMs = from.i32();
    const error = from.i16();
    from.i32(); // session
    const topics = from.array(() => {
      const topic = from.string();
      const partitions = from.array(() => readPartition(from, topic));
      from.tags();
      return partitions;
    });
    return { throttleMs, error, partitions: topics.flat() };
  },
};

/** Neighbours of one topic share its name; the order stays, for the broker fills in that order. */
function neighbours(partitions: readonly FetchedFrom[]): [string, FetchedFrom[]][] {
  const topics: [string, FetchedFrom[]][] = [];
  for (const each of partitions) {
    const last = topics.at(-1);
    if (last?.[0] === each.topic) last[1].push(each);
    else topics.push([each.topic, [each]]);
  }
  return topics;
}

function readPartition(from: Reader, topic: string): FetchedPartition {
  const partition = from.i32();
  const error = from.i16();
  const highWatermark = from.i64();
  const lastStableOffset = from.i64();
  const logStartOffset = from.i64();
  const aborted = from.array(() => {
    const one = { producerId: from.i64(), firstOffset: from.i64() };
    from.tags();
    return one;
  });
  from.i32(); // preferred replica: for those who name a rack
  const records = from.bytesField();
  const isDiverging = readTags(from);
  return {
    topic,
    partition,
    error,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    isDiverging,
    aborted,
    records,
  };
}

/** True when tag 0, the diverging epoch, is there and set. */
function readTags(from: Reader): boolean {
  let isDiverging = false;
  for (let left = from.uvarint(); left > 0; left--) {
    const tag = from.uvarint();
    const end = from.uvarint() + from.at;
    if (tag === 0) {
      from.i32(); // its epoch
      isDiverging = from.i64() >= 0;
    }
    from.at = end;
  }
  return isDiverging;
}
