/** Membership of a consumer group, against a real broker; node-rdkafka is the other client. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { seeded } from '../../src/core/random.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import type { AssignmentKind } from '../../src/log/kafka/group/assignors.ts';
import type { GroupGeneration } from '../../src/log/kafka/group/generation.ts';
import { TransactionalProducer } from '../../src/log/kafka/transactions/producer.ts';
import { until } from '../support/command-line.ts';
import { GroupMembers, type JoinedMember } from '../support/group-members.ts';
import { sharedKafka } from '../support/kafka-broker.ts';
import { bootstrapOf } from '../support/kafka-log.ts';
import { createTopic } from '../support/rdkafka.ts';
import { OracleMember } from '../support/rdkafka-member.ts';

let bootstrap: string;
let topic: string;
let group: string;
let count = 0;
const closings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  bootstrap = (await sharedKafka()).bootstrap;
});

beforeEach(async () => {
  count += 1;
  topic = `group-${process.pid}-${count}`;
  group = topic;
  await createTopic(bootstrap, { topic, partitions: 8 });
});

afterEach(async () => {
  await Promise.all(closings.splice(0).map((close) => close()));
});

const ascending = (a: number, b: number) => a - b;

function membersOf(assignment: AssignmentKind): GroupMembers {
  const members = new GroupMembers(bootstrap, { group, topic, assignment });
  closings.push(() => members.close());
  return members;
}

function openProducer(): TransactionalProducer {
  const settings = bootstrapOf(bootstrap);
  const cluster = new Cluster({ settings, clock: systemClock, requestTimeoutMs: 10_000 });
  const producer = new TransactionalProducer({
    cluster,
    clock: systemClock,
    random: seeded(count),
    transactionalId: `${topic}-committer`,
    transactionTimeoutMs: 10_000,
    onTrouble: () => {},
  });
  closings.push(async () => {
    await producer.close();
    await cluster.close();
  });
  return producer;
}

/** Commits an offset as a member of the group: 'done', or the code of the refusal. */
async function commitAs(
  member: GroupGeneration | undefined | (() => GroupGeneration | undefined),
  producer = openProducer(),
): Promise<string> {
  const generation = typeof member === 'function' ? member : () => member;
  const offsets = [{ topic, partition: 0, nextOffset: 0 }];
  try {
    await producer.commit([], { group, generation, offsets });
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.each(['eager', 'cooperative'] as const)('%s', (assignment) => {
  test('a lone member has all partitions when its join resolves, until it leaves', async () => {
    const members = membersOf(assignment);
    const a = await members.join('a');
    expect(members.journal).toEqual(['a + 0 1 2 3 4 5 6 7']);
    expect(a.generation).toMatchObject({ instanceId: 'a', generation: 1 });
    expect(await commitAs(a.generation)).toBe('done');
    const last = a.generation;
    await a.leave();
    expect(members.journal).toEqual(['a + 0 1 2 3 4 5 6 7', 'a - 0 1 2 3 4 5 6 7']);
    expect(a.generation).toBeUndefined();
    expect(await commitAs(last)).toBe('COMMIT_FENCED');
  });

  test('1, 3, 1 members: one owner a partition at any time, and no time-out is waited for', async () => {
    const members = membersOf(assignment);
    const a = await members.join('a');
    const [b, c] = await Promise.all([members.join('b', { instanceId: '' }), members.join('c')]);
    const all = () => [a, b, c].flatMap(({ partitions }) => partitions).sort(ascending);
    await until(() => all().length === 8 && [a, b, c].every(({ owned }) => owned.size >= 2));
    expect(all()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const { generation } of [a, b, c]) expect(await commitAs(generation)).toBe('done');
    await Promise.all([a.leave(), c.leave()]);
    await until(() => b.partitions.length === 8);
    expect(members.overlaps).toEqual([]);
    expect([a, b, c].flatMap(({ troubles }) => troubles)).toEqual([]);
  });

  test('a static member that comes back after a crash disturbs nobody, and waits for nobody', async () => {
    const members = membersOf(assignment);
    const a = await members.join('a');
    const b = await members.join('b');
    await until(() => members.areBalanced([a, 4], [b, 4]));
    const before = a.generation;
    const journalLength = members.journal.length;
    const owned = b.partitions;
    await b.crash();
    const again = await members.join('b again', { instanceId: 'b' });
    expect(again.partitions).toEqual(owned);
    expect(members.journal.slice(journalLength)).toEqual([`b again + ${owned.join(' ')}`]);
    expect(a.generation).toEqual(before);
    expect(await commitAs(again.generation)).toBe('done');
  });

  test('a twin takes over; the first stands by, and comes back when the twin has gone', async () => {
    const members = membersOf(assignment);
    const first = await members.join('first', { instanceId: 'x' });
    const stale = first.generation;
    const twin = await members.join('twin', { instanceId: 'x' });
    expect(twin.partitions).toHaveLength(8);
    expect(await commitAs(stale)).toBe('COMMIT_FENCED');
    await until(() => first.partitions.length === 0);
    expect(first.generation).toBeUndefined();
    expect(first.troubles).toEqual(['COMMIT_FENCED']);
    expect(await commitAs(twin.generation)).toBe('done');
    await twin.leave();
    await until(() => first.partitions.length === 8);
    expect(await commitAs(first.generation)).toBe('done');
    expect(first.troubles).toEqual(['COMMIT_FENCED']);
    expect(twin.troubles).toEqual([]);
  });

  test('what is let go may be committed until it is', async () => {
    const members = membersOf(assignment);
    const seen: string[] = [];
    const a: JoinedMember = await members.join('a', {
      onRevoked: async () => {
        seen.push(await commitAs(a.generation));
      },
    });
    const b = await members.join('b');
    await until(() => members.areBalanced([a, 4], [b, 4]));
    await a.leave();
    expect(seen).toEqual(['done', 'done']);
  });

  test('a group that is shared with node-rdkafka, whoever leads', async () => {
    const strategy = assignment === 'eager' ? 'range' : 'cooperative-sticky';
    const members = membersOf(assignment);
    const a = await members.join('a');
    const other = await OracleMember.join(bootstrap, { group, topic, strategy });
    const all = () => [...a.partitions, ...other.partitions].sort(ascending);
    const isShared = () => a.partitions.length === 4 && other.partitions.length === 4;
    await until(isShared);
    expect(all()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await commitAs(a.generation)).toBe('done');
    await a.leave();
    await until(() => other.partitions.length === 8);
    // Now the other one leads.
    const b = await members.join('b');
    await until(() => b.partitions.length === 4 && other.partitions.length === 4);
    expect([...b.partitions, ...other.partitions].sort(ascending)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7,
    ]);
    expect(await commitAs(b.generation)).toBe('done');
    await other.leave();
    await until(() => b.partitions.length === 8);
    expect(members.overlaps).toEqual([]);
    expect([...a.troubles, ...b.troubles]).toEqual([]);
  });
});

test('cooperative: what is kept is never interrupted, and its generation goes on', async () => {
  const members = membersOf('cooperative');
  const a = await members.join('a');
  const kept = new Set<number>(a.partitions);
  const b = await members.join('b');
  const c = await members.join('c');
  // Not before it is balanced: on the way there, one may still have four.
  const sizes = () => [a, b, c].map(({ owned }) => owned.size).sort(ascending);
  await until(() => sizes().join() === '2,3,3');
  for (const line of members.journal.slice(1)) {
    const [name, what, ...numbers] = line.split(' ');
    if (name === 'a' && what === '-') for (const number of numbers) kept.delete(Number(number));
  }
  // What it has in the end it had from the first, though two members came.
  expect([...kept]).toEqual(a.partitions);
  expect(kept.size).toBeGreaterThanOrEqual(2);
});

test('cooperative: commits for what is kept go on while members come and go', async () => {
  const members = membersOf('cooperative');
  const a = await members.join('a');
  const producer = openProducer();
  const outcomes = new Map<string, number>();
  let isOver = false;
  const committing = (async () => {
    while (!isOver) {
      const outcome = await commitAs(() => a.generation, producer);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  })();
  for (const name of ['b', 'c']) {
    const other = await members.join(name);
    await until(() => members.areBalanced([a, 4], [other, 4]));
    await other.leave();
    await until(() => a.partitions.length === 8);
  }
  isOver = true;
  await committing;
  expect(a.partitions).toContain(0);
  expect([...outcomes.keys()]).toEqual(['done']);
  expect(a.generation?.generation).toBe(7);
});

test('two members of one process do not wait for each other', async () => {
  const members = membersOf('cooperative');
  const a = await members.join('a');
  const b = await members.join('b', { cluster: a.cluster });
  await until(() => members.areBalanced([a, 4], [b, 4]));
  expect(members.overlaps).toEqual([]);
});

test('a clock that jumps over the session ends it before the next commit', async () => {
  const members = membersOf('cooperative');
  let aheadMs = 0;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
  const a = await members.join('a', { clock });
  expect(a.generation?.generation).toBe(1);
  // As when the process was stopped for so long.
  aheadMs = 6001;
  expect(a.generation).toBeUndefined();
  await until(() => a.partitions.length === 8 && members.journal.length === 3);
  expect(members.journal[1]).toBe('a - 0 1 2 3 4 5 6 7');
  expect(a.troubles).toEqual(['COMMIT_FENCED']);
  expect(a.generation?.generation).toBe(2);
});

test('a topic that is not there', async () => {
  const members = new GroupMembers(bootstrap, { group, topic: 'gone', assignment: 'eager' });
  closings.push(() => members.close());
  await expect(members.join('a')).rejects.toMatchObject({ code: 'LOG_TOPIC_UNKNOWN' });
});

test('a group whose members assign in another way is refused by name', async () => {
  await membersOf('eager').join('a');
  await expect(membersOf('cooperative').join('b')).rejects.toMatchObject({
    code: 'KAFKA_REQUEST_FAILED',
    message: expect.stringContaining('kafka.assignment must be the same for all'),
  });
});

test('a session that is too long for the broker is refused by the name of its setting', async () => {
  const joining = membersOf('eager').join('a', { sessionTimeoutMs: 1_800_001 });
  await expect(joining).rejects.toMatchObject({
    code: 'KAFKA_REQUEST_FAILED',
    message: expect.stringContaining('kafka.sessionTimeoutMs must be within'),
  });
});
