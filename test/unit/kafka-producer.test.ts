/** What a producer asks of its coordinator after each kind of failure: epochs, aborts, pauses. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import type { GroupGeneration } from '../../src/log/kafka/group/generation.ts';
import { TransactionalProducer } from '../../src/log/kafka/transactions/producer.ts';
import { bootstrapOf } from '../support/kafka-log.ts';
import { ScriptedTransactions } from '../support/scripted-transactions.ts';

/** Time passes only by sleeping. */
class SleepingClock implements Clock {
  readonly slept: number[] = [];
  #nowMs = 1_000_000;

  nowMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.#nowMs += ms;
  }

  async yield(): Promise<void> {}
}

let coordinator: ScriptedTransactions;
let cluster: Cluster;
let clock: SleepingClock;
let producer: TransactionalProducer;
let troubles: unknown[];

beforeEach(async () => {
  coordinator = await ScriptedTransactions.start();
  clock = new SleepingClock();
  const settings = bootstrapOf(`127.0.0.1:${coordinator.port}`);
  cluster = new Cluster({ settings, clock, requestTimeoutMs: 5000 });
  troubles = [];
  producer = new TransactionalProducer({
    cluster,
    clock,
    // In the middle of whatever is chosen.
    random: { next: () => 0.5, int: () => 0, chance: () => false, pick: (of) => of[0] as never },
    transactionalId: 'shrike-0',
    transactionTimeoutMs: 60_000,
    onTrouble: (error) => troubles.push(error),
  });
});
afterEach(async () => {
  await producer.close();
  await cluster.close();
  await coordinator.stop();
});

const member = { generation: 3, memberId: 'me', instanceId: null };

function commit(generation: () => GroupGeneration | undefined = () => member): Promise<unknown> {
  const offsets = [{ topic: 'in', partition: 0, nextOffset: 1 }];
  return producer.commit([], { group: 'group', generation, offsets });
}

/** What was asked since the last look. */
function asked(): string[] {
  return coordinator.asked.splice(0);
}

test('commits follow each other in one epoch', async () => {
  await commit();
  await commit();
  const each = ['add 0', 'offsets 0', 'commit 0'];
  expect(asked()).toEqual(['init -1', ...each, ...each]);
});

test('T2: a commit that is refused is aborted, and the next one has the next epoch', async () => {
  coordinator.answers.offsets = ['UNKNOWN_MEMBER_ID'];
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
  await producer.settle();
  const closed = ['add 1', 'abort 1'];
  expect(asked()).toEqual(['init -1', 'add 0', 'offsets 0', 'abort 0', 'init 0', ...closed]);
  await commit();
  expect(asked()).toEqual(['add 1', 'offsets 1', 'commit 1']);
});

test('T3: after a lost answer the commit counts, and its epoch is not used again', async () => {
  coordinator.answers.commit = ['hang-up'];
  await commit();
  await producer.settle();
  const each = ['add 0', 'offsets 0', 'commit 0', 'commit 0'];
  const closed = ['add 1', 'commit 1'];
  expect(asked()).toEqual(['init -1', ...each, 'abort 0', 'init -1', ...closed]);
  await commit();
  expect(asked()).toEqual(['add 1', 'offsets 1', 'commit 1']);
});

test('T3: nothing begins before the abort of the last one is confirmed', async () => {
  coordinator.answers.add = ['UNKNOWN_SERVER_ERROR'];
  coordinator.answers.abort = ['CONCURRENT_TRANSACTIONS', 'hang-up', 'NONE'];
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
  await commit();
  expect(asked()).toEqual([
    ...['init -1', 'add 0', 'abort 0', 'abort 0', 'abort 0', 'init 0'],
    ...['add 1', 'offsets 1', 'commit 1'],
  ]);
});

test('a fenced producer takes its id back after pauses that double', async () => {
  const pauses: number[] = [];
  for (let i = 0; i < 4; i++) {
    coordinator.answers.add = ['PRODUCER_FENCED'];
    clock.slept.length = 0;
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    await commit();
    pauses.push(...clock.slept);
  }
  expect(pauses).toEqual([375, 750, 1500, 3000]);
  const taken = asked().filter((request) => request.startsWith('init'));
  expect(taken).toEqual(Array(5).fill('init -1'));
  // After a minute of peace the next fence is the first again.
  await clock.sleep(60_001);
  coordinator.answers.add = ['PRODUCER_FENCED'];
  clock.slept.length = 0;
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
  await commit();
  expect(clock.slept).toEqual([375]);
});

test('a fenced producer whose member has lost its partitions does not take the id back', async () => {
  coordinator.answers.add = ['PRODUCER_FENCED'];
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
  asked();
  await expect(commit(() => undefined)).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
  expect(asked()).toEqual([]);
});

test('T3: the id is not taken from a twin because an answer was lost', async () => {
  coordinator.answers.commit = ['hang-up'];
  coordinator.answers.abort = ['PRODUCER_FENCED'];
  coordinator.described = { state: 'Empty', epoch: 1 };
  await commit();
  await producer.settle();
  expect(asked().slice(-3)).toEqual(['commit 0', 'abort 0', 'describe']);
  await expect(commit(() => undefined)).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
  expect(asked()).toEqual([]);
});

test('a twin that comes while the last commit is aborted has decided it', async () => {
  coordinator.answers.offsets = ['UNKNOWN_SERVER_ERROR'];
  coordinator.answers.abort = ['PRODUCER_FENCED'];
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
  await producer.settle();
  expect(asked()).toEqual(['init -1', 'add 0', 'offsets 0', 'abort 0', 'describe']);
  expect(troubles).toEqual([]);
});

test('a producer id that nobody knows any more is replaced by a new one', async () => {
  await commit();
  coordinator.answers.add = ['INVALID_PRODUCER_ID_MAPPING'];
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
  asked();
  await commit();
  expect(asked()).toEqual(['init -1', 'add 1', 'offsets 1', 'commit 1']);
});

test('T4: when the group has a newer generation, the offsets go with that one', async () => {
  coordinator.answers.offsets = ['ILLEGAL_GENERATION'];
  let looks = 0;
  await commit(() => ({ ...member, generation: looks++ < 4 ? 3 : 4 }));
  expect(asked()).toEqual(['init -1', 'add 0', 'offsets 0', 'offsets 0', 'commit 0']);
  expect(clock.slept.every((ms) => ms === 5)).toBe(true);
});

test('T4: a member that hears of no newer generation within five seconds is fenced', async () => {
  coordinator.answers.offsets = ['ILLEGAL_GENERATION'];
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
});

test('a broker that never answers for good is given up, and told', async () => {
  coordinator.answers.commit = Array(10_000).fill('COORDINATOR_LOAD_IN_PROGRESS');
  coordinator.answers.abort = Array(10_000).fill('COORDINATOR_LOAD_IN_PROGRESS');
  const before = clock.nowMs();
  await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
  expect(clock.nowMs() - before).toBeLessThanOrEqual(20_000);
  await expect(producer.settle()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
  coordinator.answers.abort = [];
  coordinator.answers.commit = [];
  await commit();
  const closed = ['add 1', 'abort 1'];
  expect(asked().slice(-6)).toEqual(['init 0', ...closed, 'add 1', 'offsets 1', 'commit 1']);
});

describe('T8: markers of a newer epoch', () => {
  const before = ['init -1', 'add 0', 'offsets 0'];

  test('close what the broker aborted for time', async () => {
    coordinator.answers.commit = ['PRODUCER_FENCED'];
    coordinator.described = { state: 'CompleteAbort', epoch: 1 };
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    await producer.settle();
    // The scripted coordinator gives 1 for the epoch where a real one has raised it to 2.
    expect(asked()).toEqual([
      ...[...before, 'commit 0', 'describe'],
      ...['init -1', 'add 1', 'abort 1'],
    ]);
  });

  test('end as what they close has ended: a commit that cannot be aborted was one', async () => {
    coordinator.answers.commit = Array(200).fill('COORDINATOR_LOAD_IN_PROGRESS');
    coordinator.answers.abort = ['INVALID_TXN_STATE'];
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
    coordinator.answers.commit = [];
    await producer.settle();
    expect(asked().slice(-4)).toEqual(['abort 0', 'init 0', 'add 1', 'commit 1']);
  });

  test('are not needed where nothing has begun', async () => {
    coordinator.answers.add = ['UNKNOWN_SERVER_ERROR'];
    coordinator.answers.abort = ['INVALID_TXN_STATE'];
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
    await producer.settle();
    expect(asked()).toEqual(['init -1', 'add 0', 'abort 0', 'init 0']);
  });

  test('are asked for until they are there, and by the same end', async () => {
    coordinator.answers.offsets = ['UNKNOWN_SERVER_ERROR'];
    coordinator.answers.abort = ['NONE', 'hang-up', 'UNKNOWN_SERVER_ERROR'];
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
    await expect(producer.settle()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
    await producer.settle();
    expect(asked()).toEqual([
      ...[...before, 'abort 0', 'init 0'],
      ...['add 1', 'abort 1', 'abort 1'],
      // An answer was lost: what may still arrive late must not count for the next one, and these
      // markers may be missing as well.
      ...['add 1', 'abort 1', 'init -1', 'add 2', 'abort 2'],
    ]);
    await commit();
    expect(asked()).toEqual(['add 2', 'offsets 2', 'commit 2']);
  });

  test.each<[string, string[]]>([
    ['CompleteCommit', ['add 0', 'commit 0']],
    ['CompleteAbort', ['add 0', 'abort 0']],
    ['Ongoing', ['add 0', 'abort 0']],
    ['Empty', []],
  ])('of a former owner that has left it %s', async (state, closed) => {
    coordinator.described = { state, epoch: 4 };
    await producer.take(async () => ({ partitions: [], groups: ['group'] }));
    const described = state === 'Empty' ? ['describe'] : ['describe', 'describe'];
    expect(asked()).toEqual([...described, 'init -1', ...closed]);
  });

  test('follow when the connection breaks by which the last commit was answered', async () => {
    await commit();
    coordinator.hangUp();
    await vi.waitFor(() =>
      producer.settle().then(() => expect(coordinator.asked).toContain('init 0')),
    );
    const first = ['init -1', 'add 0', 'offsets 0', 'commit 0'];
    expect(asked()).toEqual([...first, 'abort 0', 'init 0', 'add 1', 'commit 1']);
  });

  test('are themselves followed by others when their connection breaks', async () => {
    coordinator.answers.offsets = ['UNKNOWN_SERVER_ERROR'];
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
    await producer.settle();
    expect(asked().slice(-2)).toEqual(['add 1', 'abort 1']);
    coordinator.hangUp();
    await vi.waitFor(() =>
      producer.settle().then(() => expect(coordinator.asked).toContain('init 1')),
    );
    expect(asked()).toEqual(['abort 1', 'init 1', 'add 2', 'abort 2']);
  });

  test('leave out what may not be written any more', async () => {
    coordinator.answers.add = ['NONE', 'GROUP_AUTHORIZATION_FAILED'];
    coordinator.answers.offsets = ['UNKNOWN_SERVER_ERROR'];
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
    await producer.settle();
    expect(asked().slice(-2)).toEqual(['init 0', 'add 1']);
    await commit();
    expect(asked()).toEqual(['add 1', 'offsets 1', 'commit 1']);
  });

  test('come before a commit that finds the connection broken, and has not begun', async () => {
    await commit();
    coordinator.answers.add = ['hang-up'];
    await commit();
    expect(asked()).toEqual([
      ...['init -1', 'add 0', 'offsets 0', 'commit 0'],
      // Begun or not, it is empty. The one before may lack its markers, so it ends as that one.
      ...['add 0', 'commit 0', 'init -1', 'add 1', 'commit 1'],
      ...['add 1', 'offsets 1', 'commit 1'],
    ]);
  });

  test('are those of an abort, where what was aborted came before', async () => {
    coordinator.answers.offsets = ['UNKNOWN_SERVER_ERROR'];
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
    await producer.settle();
    coordinator.answers.add = ['hang-up'];
    asked();
    await commit();
    expect(asked().slice(0, 5)).toEqual(['add 1', 'abort 1', 'init -1', 'add 2', 'abort 2']);
  });

  test('are not those of a commit that a twin came after', async () => {
    await commit();
    coordinator.answers.add = ['PRODUCER_FENCED', 'hang-up'];
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    asked();
    await commit();
    expect(asked().slice(0, 4)).toEqual(['describe', 'init -1', 'add 1', 'abort 1']);
  });

  test('an id that nobody has used has nothing to close', async () => {
    await producer.take(async () => expect.unreachable());
    expect(asked()).toEqual(['describe', 'init -1']);
  });
});
