/** Who is fenced by what, and what becomes of lost answers: T1-T6 of src/log/kafka/README.md. */
import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { OpenCommit } from '../../src/core/log.ts';
import { seeded } from '../../src/core/random.ts';
import { openCommits } from '../../src/log/kafka/admin/open-commits.ts';
import { GroupMember } from '../../src/log/kafka/group/member.ts';
import { DESCRIBE_TRANSACTIONS } from '../../src/log/kafka/transactions/described.ts';
import { until } from '../support/command-line.ts';
import { type CommittingMember, proxiedCommits } from '../support/kafka-commits.ts';
import type { Fate } from '../support/kafka-request-proxy.ts';
import { packed } from '../support/log-records.ts';

const API = { produce: 0, init: 22, addPartitions: 24, addOffsets: 25, end: 26, offsets: 28 };

const here = proxiedCommits();

/** The fate of the next request of this kind. */
function once(apiKey: number, fate: Fate): void {
  let isDone = false;
  here.proxy.rule = (request) => {
    if (isDone || request.apiKey !== apiKey) return 'pass';
    isDone = true;
    return fate;
  };
}

describe('fences', () => {
  test('a twin with the same transactional id fences the first, which gets it back', async () => {
    const member = await here.bench.join();
    await member.commit(0);
    const twin = here.bench.twin();
    await twin.take(here.bench.reach);
    await expect(member.commit(1)).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    expect(await member.committed()).toBe(1);
    await member.commit(1);
    const late = twin.commit([{ ...here.bench.output(0), records: packed('k=twin') }], undefined);
    await expect(late).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    expect(await here.bench.visible()).toEqual(here.bench.expected(2));
    await twin.close();
  });

  test('a commit that a twin interrupts leaves no trace', async () => {
    const member = await here.bench.join();
    await member.commit(0);
    const twin = here.bench.twin();
    const taking: Promise<void>[] = [];
    let isTaken = false;
    const take = async () => {
      await twin.take(here.bench.reach);
      isTaken = true;
    };
    // Records and offsets are written, and then the twin comes, before EndTxn arrives.
    here.proxy.rule = ({ apiKey }) => {
      if (apiKey !== API.end || isTaken) return 'pass';
      if (taking.length === 0) taking.push(take());
      return 'lose-request';
    };
    await expect(member.commit(1)).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    await Promise.all(taking);
    here.proxy.rule = () => 'pass';
    expect(await member.committed()).toBe(1);
    expect(await here.bench.visible()).toEqual(here.bench.expected(1));
    await twin.close();
  });

  test('T4: a generation that the group has left behind is refused', async () => {
    const group = `${here.bench.name}-direct`;
    const join = (instanceId: string) =>
      GroupMember.join({
        cluster: here.bench.cluster,
        clock: systemClock,
        random: seeded(1),
        group,
        topic: here.bench.input.topic,
        instanceId,
        assignment: 'cooperative',
        sessionTimeoutMs: 20_000,
        listener: { assigned: () => {}, revoked: async () => {} },
        onTrouble: (error) => here.bench.troubles.push(error),
      });
    const first = await join('a');
    const before = first.generation;
    await first.leave();
    const second = await join('b');
    const [log, producer] = [await here.bench.open(), here.bench.twin()];
    const outputs = [{ ...here.bench.output(0), records: packed('k=0') }];
    const offsets = [{ ...here.bench.input, nextOffset: 1 }];
    const outdated = producer.commit(outputs, { group, offsets, generation: () => before });
    await expect(outdated).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    expect(await log.committed(group, [here.bench.input])).toEqual([undefined]);
    await producer.commit([], { group, offsets, generation: () => second.generation });
    expect(await log.committed(group, [here.bench.input])).toEqual([1]);
    expect(await here.bench.visible()).toEqual(['', '']);
    await second.leave();
    await producer.close();
  });

  test('a commit that takes longer than its transaction may is aborted by the broker', async () => {
    let [wake, isHeld] = [() => {}, false];
    const held = new Promise<void>((resolve) => {
      wake = resolve;
    });
    // The process hangs when the transaction has begun, before its records are written.
    const clock: Clock = { ...systemClock, yield: () => (isHeld ? held : systemClock.yield()) };
    const member = await here.bench.join({ clock, transactionTimeoutMs: 2000 });
    await member.commit(0);
    isHeld = true;
    const late = member.commit(1);
    const node = await here.bench.cluster.coordinator('transaction', here.bench.name);
    const phase = async () => {
      const { cluster, name } = here.bench;
      const [described] = await cluster.call(
        { node, lane: 'general' },
        DESCRIBE_TRANSACTIONS,
        name,
      );
      return described?.state;
    };
    await expect.poll(phase, { timeout: 20_000 }).toBe('Ongoing');
    await expect.poll(phase, { timeout: 20_000 }).toBe('CompleteAbort');
    isHeld = false;
    wake();
    await expect(late).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    expect(await member.committed()).toBe(1);
    await member.commit(1);
    expect(await here.bench.visible()).toEqual(here.bench.expected(2));
  });
});

describe('lost answers', () => {
  const everyRequest = Object.entries(API).filter(([name]) => name !== 'init');

  test.each(everyRequest)('T3: %s may be lost, or its answer, and counts once', async (_, key) => {
    const member = await here.bench.join();
    await member.commit(0);
    once(key, 'lose-request');
    await member.commit(1);
    once(key, 'lose-answer');
    await member.commit(2);
    expect(await member.committed()).toBe(3);
    await member.commit(3);
    expect(await here.bench.visible()).toEqual(here.bench.expected(4));
  });

  test('T5: when nobody answers after EndTxn, committed tells that it took effect', async () => {
    const member = await here.bench.join({ transactionTimeoutMs: 2000 });
    await member.commit(0);
    await outcomeUnknown(member, 'lose-answer');
    expect(await member.committed()).toBe(2);
    await member.commit(2);
    expect(await here.bench.visible()).toEqual(here.bench.expected(3));
  });

  test('T5: when EndTxn was lost for good, committed tells that nothing happened', async () => {
    const member = await here.bench.join({ transactionTimeoutMs: 2000 });
    await member.commit(0);
    await outcomeUnknown(member, 'lose-request');
    expect(await member.committed()).toBe(1);
    expect(await here.bench.visible()).toEqual(here.bench.expected(1));
  });

  /** The connection breaks at EndTxn, and there is no other until the commit has been given up. */
  async function outcomeUnknown(member: CommittingMember, fate: Fate): Promise<void> {
    here.proxy.rule = ({ apiKey }) => {
      if (apiKey !== API.end) return 'pass';
      here.proxy.isOpen = false;
      return fate;
    };
    await expect(member.commit(1)).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
    here.proxy.rule = () => 'pass';
    here.proxy.isOpen = true;
  }
});

test('T3: late offsets do nothing to a later commit whose own are there already', async () => {
  const member = await here.bench.join();
  await member.commit(0);
  once(API.offsets, 'late-request');
  await member.commit(1);
  let isHeld = false;
  here.proxy.rule = ({ apiKey }) => {
    if (apiKey !== API.end || isHeld) return 'pass';
    isHeld = true;
    void here.proxy.deliverLate().then(() => here.proxy.deliverHeld());
    return 'held-request';
  };
  await member.commit(2);
  expect(isHeld).toBe(true);
  expect(await member.committed()).toBe(3);
  expect(await here.bench.visible()).toEqual(here.bench.expected(3));
});

describe('T7: appends whose outcome nobody tells', () => {
  /** The connection breaks at EndTxn; there is no other until it is told that nobody knows. */
  async function appended(fate: Fate) {
    let resolve = () => {};
    const isUnknown = new Promise<void>((done) => {
      resolve = done;
    });
    const onTrouble = (error: unknown) => {
      if (String(error).includes('is not known yet')) resolve();
    };
    const log = await here.bench.open({ transactionTimeoutMs: 2000, onTrouble });
    const append = (value: string) => {
      const appends = [0, 1].map((p) => ({
        ...here.bench.output(p),
        records: packed(`k=${value}`),
      }));
      return log.append(appends);
    };
    await append('0');
    here.proxy.rule = ({ apiKey }) => {
      if (apiKey !== API.end) return 'pass';
      here.proxy.isOpen = false;
      return fate;
    };
    const outcome = append('1');
    outcome.catch(() => undefined); // looked at below
    await isUnknown;
    here.proxy.rule = () => 'pass';
    here.proxy.isOpen = true;
    return { append, outcome };
  }

  test('it took effect: the append succeeds, late, and is there once', async () => {
    const { append, outcome } = await appended('lose-answer');
    expect(await outcome).toEqual([2, 2]);
    await append('2');
    expect(await here.bench.visible()).toEqual(['0 1 2', '0 1 2']);
  });

  test('it did not: nothing of it is there, and it may be asked for again', async () => {
    const { append, outcome } = await appended('lose-request');
    await expect(outcome).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    await append('1');
    expect(await here.bench.visible()).toEqual(['0 1', '0 1']);
  });
});

describe('requests that arrive late', () => {
  const late = Object.entries(API).filter(([name]) => name !== 'init');

  test.each(late)('T3: %s of an earlier epoch does nothing to a later commit', async (_, key) => {
    const member = await here.bench.join();
    await member.commit(0);
    once(key, 'late-request');
    await member.commit(1);
    let isDelivered = false;
    // In the middle of the next commit, before its records are written.
    here.proxy.rule = ({ apiKey }) => {
      if (apiKey !== API.produce || isDelivered) return 'pass';
      isDelivered = true;
      void here.proxy.deliverLate();
      return 'lose-request';
    };
    await member.commit(2);
    expect(isDelivered).toBe(true);
    expect(await member.committed()).toBe(3);
    await member.commit(3);
    expect(await here.bench.visible()).toEqual(here.bench.expected(4));
  });
});

test('a commit that is open is told with its name, its time and what it has a part in', async () => {
  const member = await here.bench.join();
  await member.commit(0);
  here.proxy.rule = ({ apiKey }) => {
    if (apiKey !== API.end) return 'pass';
    here.proxy.isOpen = false;
    return 'lose-request';
  };
  const startMs = systemClock.nowMs();
  const committing = member.commit(1);
  let found: OpenCommit | undefined;
  await until(() => !here.proxy.isOpen); // all of it is written then
  while (found === undefined) {
    found = (await openCommits(here.bench.cluster)).find(({ name }) => name === here.bench.name);
  }
  expect(found.timeoutMs).toBe(30_000);
  expect(found.sinceMs).toBeGreaterThan(startMs - 1000);
  const names = found.partitions.map(({ topic, partition }) => `${topic}-${partition}`);
  expect(names).toEqual(
    expect.arrayContaining([`${here.bench.name}-out-0`, `${here.bench.name}-out-1`]),
  );
  expect(found.partitions.some(({ topic }) => topic === '__consumer_offsets')).toBe(true);
  here.proxy.rule = () => 'pass';
  here.proxy.isOpen = true;
  await committing;
  expect(await here.bench.visible()).toEqual(here.bench.expected(2));
});
