/** What a group goes through: members killed or stopped, networks and brokers that fail. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AssignmentKind } from '../../src/log/kafka/group/assignors.ts';
import { until } from '../support/command-line.ts';
import { GroupMembers } from '../support/group-members.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { createTopic } from '../support/rdkafka.ts';
import { type Proxy, startToxiproxy, type Toxiproxy } from '../support/toxiproxy.ts';

let kafka: KafkaBroker;
let toxiproxy: Toxiproxy;
let proxy: Proxy;
let topic: string;
let group: string;
let count = 0;
const closings: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  kafka = await startKafka({ proxied: true });
  toxiproxy = await startToxiproxy();
  proxy = (await toxiproxy.proxyAll(kafka.routes))[0] as Proxy;
});

beforeEach(async () => {
  count += 1;
  topic = `group-faults-${count}`;
  group = topic;
  await createTopic(kafka.bootstrap, { topic, partitions: 4 });
});

afterEach(async () => {
  await proxy.heal();
  await Promise.all(closings.splice(0).map((close) => close()));
});

afterAll(async () => {
  await toxiproxy?.remove();
  await kafka?.remove();
});

function membersOf(assignment: AssignmentKind): GroupMembers {
  const members = new GroupMembers(kafka.bootstrap, { group, topic, assignment });
  closings.push(() => members.close());
  return members;
}

/** What it has said last of its partitions. */
const holdings = ({ said }: MortalMember) => said.findLast((line) => /^[+-]/.test(line)) ?? '';
const holdsSome = (member: MortalMember) => holdings(member).startsWith('+');

interface MortalMember {
  readonly said: string[];
  readonly child: ChildProcess;
  signal(name: NodeJS.Signals): void;
}

async function mortalMember(instanceId: string): Promise<MortalMember> {
  const script = fileURLToPath(new URL('../support/mortal-group-member.mjs', import.meta.url));
  const args = [script, kafka.bootstrap, group, topic, instanceId, 'cooperative'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  closings.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  const said: string[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    said.push(...lines);
  });
  await until(() => said.some((line) => line.startsWith('joined')));
  return { said, child, signal: (name) => child.kill(name) };
}

test('a member that is killed and started again has its partitions without a rebalance', async () => {
  const members = membersOf('cooperative');
  const a = await members.join('a');
  const z = await mortalMember('z');
  await until(() => a.owned.size === 2 && holdsSome(z));
  const [journalLength, generation] = [members.journal.length, a.generation];
  z.signal('SIGKILL');
  await once(z.child, 'close');
  const again = await mortalMember('z');
  expect(again.said).toEqual([holdings(z), `joined ${generation?.generation}`]);
  expect(members.journal).toHaveLength(journalLength);
  expect(a.generation).toEqual(generation);
});

test('a stopped member loses its partitions, and knows it when it wakes', async () => {
  const members = membersOf('cooperative');
  const a = await members.join('a');
  const z = await mortalMember('z');
  await until(() => a.owned.size === 2 && holdsSome(z));
  const owned = holdings(z).slice(2);
  const saidCount = z.said.length;
  z.signal('SIGSTOP');
  await until(() => a.owned.size === 4);
  z.signal('SIGCONT');
  await until(() => a.owned.size === 2 && holdsSome(z));
  const said = z.said.slice(saidCount);
  expect(said).toContain('woken none');
  const others = said.filter((line) => !line.startsWith('woken'));
  expect(others.slice(0, 2)).toEqual(['trouble COMMIT_FENCED', `- ${owned}`]);
  expect(others).toHaveLength(3);
  expect(members.overlaps).toEqual([]);
});

test.each(['cooperative', 'eager'] as const)(
  '%s: a frozen network ends a membership before others have its partitions; then it is renewed',
  async (assignment) => {
    const members = membersOf(assignment);
    const a = await members.join('a');
    const b = await members.join('b', { bootstrap: kafka.proxiedBootstrap });
    await until(() => members.areBalanced([a, 2], [b, 2]));
    await proxy.freeze();
    let wasLive = true;
    await until(() => {
      if (a.owned.size < 4) wasLive = b.generation !== undefined;
      return a.owned.size === 4;
    });
    expect(wasLive).toBe(false);
    await until(() => b.owned.size === 0);
    await proxy.heal();
    await until(() => members.areBalanced([a, 2], [b, 2]));
    expect(members.overlaps).toEqual([]);
    expect(b.troubles).toContain('COMMIT_FENCED');
  },
);

test('a network that breaks for less than the session takes nothing away', async () => {
  const members = membersOf('cooperative');
  const a = await members.join('a');
  const b = await members.join('b', { bootstrap: kafka.proxiedBootstrap });
  await until(() => members.areBalanced([a, 2], [b, 2]));
  const [journalLength, generation] = [members.journal.length, b.generation];
  await proxy.cut();
  await proxy.mend();
  // Another rebalance, which both of them join: by the same names.
  const c = await members.join('c');
  await until(() => c.owned.size === 1 && a.owned.size + b.owned.size === 3);
  expect(b.generation?.memberId).toBe(generation?.memberId);
  expect(members.journal.slice(journalLength).filter((line) => line.includes('-'))).toHaveLength(1);
  expect([...a.troubles, ...b.troubles]).toEqual([]);
});

test('a broker that is restarted finds the group as it was', async () => {
  const members = membersOf('cooperative');
  const session = { sessionTimeoutMs: 20_000 };
  const a = await members.join('a', session);
  const b = await members.join('b', { ...session, instanceId: '' });
  await until(() => members.areBalanced([a, 2], [b, 2]));
  const before = [...members.journal];
  const generations = [a.generation, b.generation];
  await kafka.restart();
  const c = await members.join('c', session);
  await until(() => c.owned.size === 1 && a.owned.size + b.owned.size === 3);
  expect(members.journal.slice(0, before.length)).toEqual(before);
  expect(members.journal.slice(before.length)).toHaveLength(2);
  const ids = (all: typeof generations) => all.map((one) => one?.memberId);
  expect(ids([a.generation, b.generation])).toEqual(ids(generations));
  expect(members.overlaps).toEqual([]);
});
