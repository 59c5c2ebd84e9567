/** A member of a group and answers of its coordinator that are rare. */
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { seeded } from '../../src/core/random.ts';
import { decodeSubscription } from '../../src/log/kafka/group/consumer-protocol.ts';
import { GroupMember, type GroupMemberOptions } from '../../src/log/kafka/group/member.ts';
import { type CoordinatorScript, ScriptedCoordinator } from '../support/scripted-coordinator.ts';

/** A hundred times the pace: waits say nothing here. */
const hasty: Clock = {
  nowMs: () => systemClock.nowMs() * 100,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
  yield: () => systemClock.yield(),
};

interface Joining {
  readonly member: Promise<GroupMember>;
  readonly coordinator: ScriptedCoordinator;
  /** `+ 0 1`, `- 1`, codes of troubles. */
  readonly journal: string[];
}

function join(script: CoordinatorScript, options: Partial<GroupMemberOptions> = {}): Joining {
  const coordinator = new ScriptedCoordinator(script);
  const journal: string[] = [];
  const numbers = (of: readonly { partition: number }[]) => of.map((p) => p.partition).join(' ');
  const member = GroupMember.join({
    cluster: coordinator.cluster,
    clock: hasty,
    random: seeded(1),
    group: 'g',
    topic: 't',
    instanceId: '',
    assignment: 'cooperative',
    sessionTimeoutMs: 60_000,
    listener: {
      assigned: (partitions) => journal.push(`+ ${numbers(partitions)}`),
      revoked: async (partitions) => {
        journal.push(`- ${numbers(partitions)}`);
      },
    },
    onTrouble: (error) => journal.push((error as { code?: string }).code ?? String(error)),
    ...options,
  });
  return { member, coordinator, journal };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.sleep(1);
}

/** Tells of a rebalance once, after the first join. */
const rebalanceOnce = (joins: number) => (joins === 1 ? 'REBALANCE_IN_PROGRESS' : 'NONE');

test('a dynamic member is given its name, and joins with it', async () => {
  const { member, coordinator } = join({
    join: ['MEMBER_ID_REQUIRED', { generation: 1 }],
    sync: [[0, 1]],
  });
  expect((await member).generation).toEqual({ generation: 1, memberId: 'me', instanceId: null });
  expect(coordinator.joins.map(({ memberId }) => memberId)).toEqual(['', 'me']);
  await (await member).leave();
  expect(coordinator.asked.at(-1)).toBe('LeaveGroup');
});

test('G3: a join that skips a generation has lost everything', async () => {
  const { member, coordinator, journal } = join({
    join: [{ generation: 1 }, { generation: 3 }, { generation: 4 }],
    sync: [[0, 1], [2]],
    beat: rebalanceOnce,
  });
  const joined = await member;
  await until(() => joined.generation?.generation === 4);
  expect(journal).toEqual(['+ 0 1', 'COMMIT_FENCED', '- 0 1', '+ 2']);
  const owned = coordinator.joins.map(({ metadata }) =>
    decodeSubscription(Buffer.from(metadata)).owned.map(({ partition }) => partition),
  );
  expect(owned).toEqual([[], [0, 1], []]);
  await joined.leave();
});

test('a rebalance that begins before the assignment is there: what is owned is kept', async () => {
  const { member, coordinator, journal } = join({
    join: [{ generation: 1 }, { generation: 2 }, { generation: 3 }],
    sync: [[0, 1], 'REBALANCE_IN_PROGRESS', [1, 3]],
    beat: rebalanceOnce,
  });
  const joined = await member;
  await until(() => journal.length === 3);
  expect(journal).toEqual(['+ 0 1', '+ 3', '- 0']);
  const generations = coordinator.joins.map(
    ({ metadata }) => decodeSubscription(Buffer.from(metadata)).generation,
  );
  expect(generations.slice(0, 3)).toEqual([-1, 1, 2]);
  await joined.leave();
});

test('a join that is not answered ends when heartbeats deny the membership', async () => {
  const { member, journal } = join({
    join: [{ generation: 1 }, 'silence', { generation: 7 }],
    sync: [[0], [1]],
    beat: (joins) => (joins === 1 ? 'REBALANCE_IN_PROGRESS' : 'UNKNOWN_MEMBER_ID'),
  });
  const joined = await member;
  await until(() => journal.includes('+ 1'));
  expect(journal.slice(0, 4)).toEqual(['+ 0', 'COMMIT_FENCED', '- 0', '+ 1']);
  await joined.leave();
});

test('G1: the generation is gone before what is lost is let go', async () => {
  const seen: unknown[] = [];
  let joined: GroupMember | undefined;
  const { member } = join(
    {
      join: [{ generation: 1 }, { generation: 5 }],
      sync: [[0], []],
      beat: (joins) => (joins === 1 ? 'ILLEGAL_GENERATION' : 'NONE'),
    },
    {
      listener: {
        assigned: () => {},
        revoked: async ([first]) => {
          seen.push(joined?.generation, first && joined?.owns(first));
        },
      },
    },
  );
  joined = await member;
  await until(() => seen.length > 0);
  expect(seen).toEqual([undefined, false]);
  await joined.leave();
});

test('partitions whose owner throws when it lets go are let go all the same', async () => {
  const { member, journal } = join(
    { join: [{ generation: 1 }], sync: [[0]] },
    {
      listener: {
        assigned: () => {},
        revoked: async () => {
          throw new Error('a task hangs');
        },
      },
    },
  );
  const joined = await member;
  expect(joined.owns({ topic: 't', partition: 0 })).toBe(true);
  await joined.leave();
  expect(joined.owns({ topic: 't', partition: 0 })).toBe(false);
  expect(journal).toEqual(['Error: a task hangs']);
});

test('one that leaves does not wait for a join that is not answered', async () => {
  const { member, coordinator, journal } = join({
    join: [{ generation: 1 }, 'silence'],
    sync: [[0]],
    beat: () => 'REBALANCE_IN_PROGRESS',
  });
  const joined = await member;
  await until(() => coordinator.joins.length === 2);
  await joined.leave();
  expect(journal).toEqual(['+ 0', '- 0']);
  expect(coordinator.asked).toEqual(['JoinGroup', 'SyncGroup', 'JoinGroup', 'LeaveGroup']);
});

test.each([
  ['INVALID_GROUP_ID', 'KAFKA_REQUEST_FAILED'],
  ['GROUP_AUTHORIZATION_FAILED', 'KAFKA_NOT_AUTHORIZED'],
  ['COORDINATOR_NOT_AVAILABLE', 'LOG_UNAVAILABLE'],
] as const)('a first join that ends in %s fails with %s', async (answer, code) => {
  const { member } = join({ join: [answer], sync: [] });
  await expect(member).rejects.toMatchObject({ code });
});
