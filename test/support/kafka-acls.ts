/** Access rules, settings and deletion of topics, by the protocol: what the product does not do. */
import { expect } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import type { Api } from '../../src/log/kafka/wire/api.ts';
import type { Writer } from '../../src/log/kafka/wire/writer.ts';
import { bootstrapOf } from './kafka-log.ts';

const RESOURCE = { topic: 2, group: 3, cluster: 4, transactionalId: 5 } as const;
const OPERATION = {
  read: 3,
  write: 4,
  create: 5,
  describe: 8,
  describeConfigs: 10,
  idempotentWrite: 12,
} as const;
const LITERAL = 3;
const PREFIXED = 4;
const ALLOW = 3;

export interface Right {
  readonly of: keyof typeof RESOURCE;
  readonly name: string;
  /** Of all resources whose names begin with it. */
  readonly isPrefix?: boolean;
  readonly operation: keyof typeof OPERATION;
}

type Outcomes = readonly number[];

interface Rights {
  readonly user: string;
  readonly rights: readonly Right[];
}

/** What is created, and the filter for what is deleted: the same bytes where nothing is null. */
function writeRights(to: Writer, { user, rights }: Rights): void {
  to.array(rights, ({ of, name, isPrefix, operation }) =>
    to
      .i8(RESOURCE[of])
      .string(name)
      .i8(isPrefix === true ? PREFIXED : LITERAL)
      .string(`User:${user}`)
      .string('*')
      .i8(OPERATION[operation])
      .i8(ALLOW)
      .tags(),
  ).tags();
}

const CREATE_ACLS: Api<Rights, Outcomes> = {
  name: 'CreateAcls',
  key: 30,
  version: 3,
  encode: writeRights,
  decode: (from) => {
    from.i32(); // throttle time
    return from.array(() => {
      const error = from.i16();
      from.nullableString();
      from.tags();
      return error;
    });
  },
};

const DELETE_ACLS: Api<Rights, Outcomes> = {
  name: 'DeleteAcls',
  key: 31,
  version: 3,
  encode: writeRights,
  decode: (from) => {
    from.i32(); // throttle time
    return from.array(() => {
      const error = from.i16();
      from.nullableString();
      from.array(() => {
        from.i16();
        from.nullableString();
        from.i8();
        from.string();
        from.i8();
        from.string();
        from.string();
        from.i8();
        from.i8();
        from.tags();
      });
      from.tags();
      return error;
    });
  },
};

const DELETE_TOPICS: Api<readonly string[], Outcomes> = {
  name: 'DeleteTopics',
  key: 20,
  version: 5,
  encode: (to, topics) =>
    to
      .array(topics, (topic) => to.string(topic))
      .i32(10_000)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    return from.array(() => {
      from.string();
      const error = from.i16();
      from.nullableString();
      from.tags();
      return error;
    });
  },
};

interface TopicSetting {
  readonly topic: string;
  readonly name: string;
  readonly value: string;
}

const SET = 0;

const ALTER_TOPIC: Api<TopicSetting, Outcomes> = {
  name: 'IncrementalAlterConfigs',
  key: 44,
  version: 1,
  encode: (to, { topic, name, value }) =>
    to
      .array([topic], () =>
        to
          .i8(RESOURCE.topic)
          .string(topic)
          .array([name], () => to.string(name).i8(SET).string(value).tags())
          .tags(),
      )
      .bool(false)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    return from.array(() => {
      const error = from.i16();
      from.nullableString();
      from.i8();
      from.string();
      from.tags();
      return error;
    });
  },
};

async function ask<Q>(bootstrap: string, api: Api<Q, Outcomes>, request: Q): Promise<void> {
  const settings = bootstrapOf(bootstrap);
  const cluster = new Cluster({ settings, clock: systemClock, requestTimeoutMs: 15_000 });
  try {
    const controller = await cluster.controller();
    const errors = await cluster.call({ node: controller, lane: 'general' }, api, request);
    expect(errors.filter((error) => error !== 0)).toEqual([]);
  } finally {
    await cluster.close();
  }
}

/** A resource that has any rule is closed to whom none of them names (kafka.sh). */
export function grant(bootstrap: string, user: string, rights: readonly Right[]): Promise<void> {
  return ask(bootstrap, CREATE_ACLS, { user, rights });
}

export function revoke(bootstrap: string, user: string, rights: readonly Right[]): Promise<void> {
  return ask(bootstrap, DELETE_ACLS, { user, rights });
}

export function deleteTopics(bootstrap: string, topics: readonly string[]): Promise<void> {
  return ask(bootstrap, DELETE_TOPICS, topics);
}

export function alterTopic(bootstrap: string, setting: TopicSetting): Promise<void> {
  return ask(bootstrap, ALTER_TOPIC, setting);
}
