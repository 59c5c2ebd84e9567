/** The requests of the admin: topics, their settings, committed offsets, deletion of records. */
import type { TopicPartition } from '../../../core/ids.ts';
import type { Api } from '../wire/api.ts';
import { byTopic } from '../wire/by-topic.ts';

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  readonly settings: Readonly<Record<string, string>>;
}

export interface TopicOutcome {
  readonly topic: string;
  readonly error: number;
  readonly message: string | null;
}

export const CREATE_TOPICS: Api<
  { readonly topics: readonly NewTopic[]; readonly timeoutMs: number },
  readonly TopicOutcome[]
> = {
  name: 'CreateTopics',
  key: 19,
  version: 5,
  encode: (to, { topics, timeoutMs }) =>
    to
      .array(topics, ({ topic, partitions, replicationFactor, settings }) =>
        to
          .string(topic)
          .i32(partitions)
          .i16(replicationFactor)
          .array([], () => undefined)
          .array(Object.entries(settings), ([name, value]) => to.string(name).string(value).tags())
          .tags(),
      )
      .i32(timeoutMs)
      .bool(false)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    return from.array(() => {
      const outcome = {
        topic: from.string(),
        error: from.i16(),
        message: from.nullableString(),
      };
      from.i32(); // partitions
      from.i16(); // replication factor
      from.array(() => {
        from.string();
        from.nullableString();
        from.bool();
        from.i8();
        from.bool();
        from.tags();
      });
      from.tags();
      return outcome;
    });
  },
};

export interface TopicSettings extends TopicOutcome {
  readonly settings: ReadonlyMap<string, string>;
}

const TOPIC_RESOURCE = 2;

export const DESCRIBE_TOPICS: Api<
  { readonly topics: readonly string[]; readonly names: readonly string[] },
  readonly TopicSettings[]
> = {
  name: 'DescribeConfigs',
  key: 32,
  version: 4,
  encode: (to, { topics, names }) =>
    to
      .array(topics, (topic) =>
        to
          .i8(TOPIC_RESOURCE)
          .string(topic)
          .array(names, (name) => to.string(name))
          .tags(),
      )
      .bool(false)
      .bool(false)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    return from.array(() => {
      const error = from.i16();
      const message = from.nullableString();
      from.i8(); // resource type
      const topic = from.string();
      const settings = from.array(() => {
        const setting = [from.string(), from.nullableString() ?? ''] as const;
        from.bool(); // read-only
        from.i8(); // source
        from.bool(); // sensitive
        from.array(() => {
          from.string();
          from.nullableString();
          from.i8();
          from.tags();
        });
        from.i8(); // type
        from.nullableString(); // documentation
        from.tags();
        return setting;
      });
      from.tags();
      return { topic, error, message, settings: new Map(settings) };
    });
  },
};

export interface CommittedOffset extends TopicPartition {
  readonly error: number;
  /** -1: the group has none. */
  readonly offset: number;
}

/** Stable offsets only: one that a commit under way may still change has an error. */
export interface OffsetsAsked {
  readonly group: string;
  readonly of: readonly TopicPartition[];
  /** Refused while a commit is under way that may change one of them. */
  readonly isStable: boolean;
}

export const OFFSET_FETCH: Api<
  OffsetsAsked,
  { readonly error: number; readonly offsets: readonly CommittedOffset[] }
> = {
  name: 'OffsetFetch',
  key: 9,
  version: 7,
  encode: (to, { group, of, isStable }) =>
    to
      .string(group)
      .array(byTopic(of), ([topic, partitions]) =>
        to
          .string(topic)
          .array(partitions, ({ partition }) => to.i32(partition))
          .tags(),
      )
      .bool(isStable)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    const offsets = from.array(() => {
      const topic = from.string();
      const partitions = from.array(() => {
        const partition = from.i32();
        const offset = from.i64();
        from.i32(); // leader epoch
        from.nullableString(); // metadata
        const error = from.i16();
        from.tags();
        return { topic, partition, offset, error };
      });
      from.tags();
      return partitions;
    });
    return { offsets: offsets.flat(), error: from.i16() };
  },
};

export interface DeleteRecords extends TopicPartition {
  readonly before: number;
}

export const DELETE_RECORDS: Api<
  { readonly of: readonly DeleteRecords[]; readonly timeoutMs: number },
  readonly (TopicPartition & { readonly error: number })[]
> = {
  name: 'DeleteRecords',
  key: 21,
  version: 2,
  encode: (to, { of, timeoutMs }) =>
    to
      .array(byTopic(of), ([topic, partitions]) =>
        to
          .string(topic)
          .array(partitions, ({ partition, before }) => to.i32(partition).i64(before).tags())
          .tags(),
      )
      .i32(timeoutMs)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    const deleted = from.array(() => {
      const topic = from.string();
      const partitions = from.array(() => {
        const partition = from.i32();
        from.i64(); // where the log begins now
        const error = from.i16();
        from.tags();
        return { topic, partition, error };
      });
      from.tags();
      return partitions;
    });
    return deleted.flat();
  },
};
