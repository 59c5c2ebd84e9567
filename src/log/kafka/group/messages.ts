/**
 * The requests of the classic group protocol, at versions that every broker from 3.0 to 4.x
 * speaks. JoinGroup v7 on purpose: from v9 on, a static leader that comes back leads on and must
 * be told not to assign (KIP-814); at v7 it comes back as a follower, which needs no exception.
 */
import type { Api } from '../wire/api.ts';
import type { GroupGeneration } from './generation.ts';

const PROTOCOL_TYPE = 'consumer';

export interface GroupMetadata {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** A subscription (`consumer-protocol.ts`). */
  readonly metadata: Uint8Array;
}

export interface JoinGroup {
  readonly group: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** Empty: a new member. */
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly protocol: string;
  readonly metadata: Uint8Array;
}

export interface JoinedGroup {
  readonly error: number;
  readonly generation: number;
  readonly protocol: string;
  readonly leader: string;
  readonly memberId: string;
  /** Empty for all but the leader. */
  readonly members: readonly GroupMetadata[];
}

export const JOIN_GROUP: Api<JoinGroup, JoinedGroup> = {
  name: 'JoinGroup',
  key: 11,
  version: 7,
  encode: (to, request) =>
    to
      .string(request.group)
      .i32(request.sessionTimeoutMs)
      .i32(request.rebalanceTimeoutMs)
      .string(request.memberId)
      .nullableString(request.instanceId)
      .string(PROTOCOL_TYPE)
      .array([request], (one) => to.string(one.protocol).bytesField(one.metadata).tags())
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    const error = from.i16();
    const generation = from.i32();
    from.nullableString(); // protocol type
    return {
      error,
      generation,
      protocol: from.string(),
      leader: from.string(),
      memberId: from.string(),
      members: from.array(() => {
        const member = {
          memberId: from.string(),
          instanceId: from.nullableString(),
          metadata: from.bytesField(),
        };
        from.tags();
        return member;
      }),
    };
  },
};

export interface SyncGroup extends GroupGeneration {
  readonly group: string;
  readonly protocol: string;
  /** From the leader: assignments (`consumer-protocol.ts`) by member id. Else empty. */
  readonly assignments: ReadonlyMap<string, Uint8Array>;
}

export const SYNC_GROUP: Api<SyncGroup, { readonly error: number; readonly assignment: Buffer }> = {
  name: 'SyncGroup',
  key: 14,
  version: 5,
  encode: (to, request) =>
    to
      .string(request.group)
      .i32(request.generation)
      .string(request.memberId)
      .nullableString(request.instanceId)
      .nullableString(PROTOCOL_TYPE)
      .nullableString(request.protocol)
      .array([...request.assignments], ([memberId, assignment]) =>
        to.string(memberId).bytesField(assignment).tags(),
      )
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    const error = from.i16();
    from.nullableString(); // protocol type
    from.nullableString(); // protocol
    return { error, assignment: from.bytesField() };
  },
};

export const HEARTBEAT: Api<GroupGeneration & { readonly group: string }, number> = {
  name: 'Heartbeat',
  key: 12,
  version: 4,
  encode: (to, { group, generation, memberId, instanceId }) =>
    to.string(group).i32(generation).string(memberId).nullableString(instanceId).tags(),
  decode: (from) => {
    from.i32(); // throttle time
    return from.i16();
  },
};

export interface LeaveGroup {
  readonly group: string;
  readonly memberId: string;
  readonly instanceId: string | null;
}

/** Answers the error of the request or of its one member. */
export const LEAVE_GROUP: Api<LeaveGroup, number> = {
  name: 'LeaveGroup',
  key: 13,
  version: 4,
  encode: (to, { group, memberId, instanceId }) =>
    to
      .string(group)
      .array([memberId], (id) => to.string(id).nullableString(instanceId).tags())
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    const error = from.i16();
    const ofMembers = from.array(() => {
      from.string(); // member id
      from.nullableString(); // instance id
      const ofMember = from.i16();
      from.tags();
      return ofMember;
    });
    return error !== 0 ? error : (ofMembers.find((one) => one !== 0) ?? 0);
  },
};

export interface DescribedGroup {
  readonly error: number;
  readonly phase: string;
  readonly members: readonly { readonly memberId: string; readonly instanceId: string | null }[];
}

export const DESCRIBE_GROUP: Api<string, DescribedGroup> = {
  name: 'DescribeGroups',
  key: 15,
  version: 5,
  encode: (to, group) =>
    to
      .array([group], (one) => to.string(one))
      .bool(false)
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    const groups = from.array(() => {
      const error = from.i16();
      from.string(); // group
      const phase = from.string();
      from.string(); // protocol type
      from.string(); // protocol
      const members = from.array(() => {
        const member = { memberId: from.string(), instanceId: from.nullableString() };
        from.string(); // client id
        from.string(); // client host
        from.bytesField(); // metadata
        from.bytesField(); // assignment
        from.tags();
        return member;
      });
      from.i32(); // authorized operations
      from.tags();
      return { error, phase, members };
    });
    return groups[0] ?? { error: 0, phase: 'Dead', members: [] };
  },
};
