/** Three brokers: the one that coordinates the group dies. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/command-line.ts';
import { GroupMembers } from '../support/group-members.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { createTopic } from '../support/rdkafka.ts';

let kafka: KafkaBroker;
let members: GroupMembers;

beforeAll(async () => {
  kafka = await startKafka({ nodes: 3 });
});

afterAll(async () => {
  await members?.close();
  await kafka?.remove();
});

test('a coordinator that is killed: the next one knows the members, and nobody loses anything', async () => {
  const at = { group: 'payments', topic: 'payments' };
  await createTopic(kafka.bootstrap, { topic: at.topic, partitions: 6, replicas: 3 });
  members = new GroupMembers(kafka.bootstrap, { ...at, assignment: 'cooperative' });
  // Longer than the controller takes to see that a broker is gone: 9 s.
  const session = { sessionTimeoutMs: 40_000 };
  const a = await members.join('a', session);
  const b = await members.join('b', { ...session, instanceId: '' });
  await until(() => members.areBalanced([a, 3], [b, 3]));
  const before = [...members.journal];
  const ids = () => [a, b].map(({ generation }) => generation?.memberId);
  const idsBefore = ids();
  const coordinator = await a.cluster.coordinator('group', at.group);
  await kafka.kill(coordinator);
  const c = await members.join('c', session);
  await until(() => members.areBalanced([a, 2], [b, 2], [c, 2]));
  expect(await a.cluster.coordinator('group', at.group)).not.toBe(coordinator);
  expect(members.journal.slice(0, before.length)).toEqual(before);
  expect(members.journal.slice(before.length).filter((line) => line.includes('+'))).toEqual([
    expect.stringMatching(/^c \+ \d \d$/),
  ]);
  expect(ids()).toEqual(idsBefore);
  expect(members.overlaps).toEqual([]);
});
