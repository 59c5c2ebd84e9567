/** Metadata and FindCoordinator: who leads what. */
import type { Api } from './api.ts';

export interface BrokerNode {
  readonly node: number;
  readonly host: string;
  readonly port: number;
}

export interface PartitionMetadata {
  readonly error: number;
  readonly partition: number;
  /** -1: none at the moment. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly replicas: number;
}

export interface TopicMetadata {
  readonly error: number;
  readonly topic: string;
  readonly isInternal: boolean;
  readonly partitions: readonly PartitionMetadata[];
}

export interface ClusterMetadata {
  readonly brokers: readonly BrokerNode[];
  readonly controller: number;
  readonly topics: readonly TopicMetadata[];
}

/** Null: all topics. Never creates one. */
export const METADATA: Api<readonly string[] | null, ClusterMetadata> = {
  name: 'Metadata',
  key: 3,
  version: 9,
  encode: (to, topics) =>
    to
      .nullableArray(topics, (topic) => to.string(topic).tags())
      .bool(false)
      .bool(false)
      .bool(false)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    const brokers = from.array(() => {
      const broker = { node: from.i32(), host: from.string(), port: from.i32() };
      from.nullableString(); // rack
      from.tags();
      return broker;
    });
    from.nullableString(); // cluster id
    const controller = from.i32();
    const topics = from.array(() => {
      const error = from.i16();
      const topic = from.string();
      const isInternal = from.bool();
      const partitions = from.array(() => {
        const partition = {
          error: from.i16(),
          partition: from.i32(),
          leader: from.i32(),
          leaderEpoch: from.i32(),
          replicas: from.array(() => from.i32()).length,
        };
        for (let list = 0; list < 2; list++) from.array(() => from.i32()); // in sync, offline
        from.tags();
        return partition;
      });
      from.i32(); // authorized operations
      from.tags();
      return { error, topic, isInternal, partitions };
    });
    return { brokers, controller, topics };
  },
};

export interface TopicIds {
  readonly clusterId: string;
  readonly topics: readonly {
    readonly error: number;
    readonly topic: string;
    readonly id: string;
  }[];
}

/** Metadata again, for what no reader needs: which cluster, and which topic of that name. */
export const TOPIC_IDS: Api<readonly string[], TopicIds> = {
  name: 'Metadata',
  key: 3,
  version: 10,
  encode: (to, topics) =>
    to
      .array(topics, (topic) => to.raw(new Uint8Array(16)).nullableString(topic).tags())
      .bool(false)
      .bool(false)
      .bool(false)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    from.array(() => {
      from.i32();
      from.string();
      from.i32();
      from.nullableString();
      from.tags();
    });
    const clusterId = from.string();
    from.i32(); // controller
    const topics = from.array(() => {
      const one = { error: from.i16(), topic: from.string(), id: from.uuid() };
      from.bool();
      from.array(() => {
        from.i16();
        for (let field = 0; field < 3; field++) from.i32();
        for (let list = 0; list < 3; list++) from.array(() => from.i32());
        from.tags();
      });
      from.i32();
      from.tags();
      return one;
    });
    return { clusterId, topics };
  },
};

export type CoordinatorKind = 'group' | 'transaction';

export interface FindCoordinator {
  readonly kind: CoordinatorKind;
  /** The group's or the transactional id. */
  readonly key: string;
}

export const FIND_COORDINATOR: Api<
  FindCoordinator,
  BrokerNode & { readonly error: number; readonly message: string | null }
> = {
  name: 'FindCoordinator',
  key: 10,
  version: 3,
  encode: (to, { kind, key }) =>
    to
      .string(key)
      .i8(kind === 'group' ? 0 : 1)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    return {
      error: from.i16(),
      message: from.nullableString(),
      node: from.i32(),
      host: from.string(),
      port: from.i32(),
    };
  },
};
