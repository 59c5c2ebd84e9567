import { describe, expect, test } from 'vitest';
import type { TopicPartition } from '../../src/core/ids.ts';
import type { GroupAssignment, GroupSubscriber } from '../../src/log/kafka/group/assignment.ts';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/log/kafka/group/consumer-protocol.ts';
import { cooperativeSticky } from '../../src/log/kafka/group/cooperative-sticky.ts';
import { Lease } from '../../src/log/kafka/group/lease.ts';
import {
  type MemberFacts,
  type MemberPhase,
  phaseAfter,
} from '../../src/log/kafka/group/phases.ts';
import { range } from '../../src/log/kafka/group/range.ts';
import { verdictOf } from '../../src/log/kafka/group/verdicts.ts';
import { BROKER_ERRORS } from '../../src/log/kafka/wire/broker-errors.ts';

const of = (topic: string, partitions: readonly number[]): TopicPartition[] =>
  partitions.map((partition) => ({ topic, partition }));

/** `a: 0 1` is a member that owns 0 and 1 of topic t; `a@4: 0` says so since generation 4. */
function members(text: string): GroupSubscriber[] {
  return text.split('|').map((part) => {
    const [name = '', owned = ''] = part.split(':').map((one) => one.trim());
    const [memberId = '', generation = '7'] = name.split('@');
    const partitions = owned === '' ? [] : owned.split(' ').map(Number);
    const owns = of('t', partitions);
    return {
      memberId,
      instanceId: null,
      topics: ['t'],
      owned: owns,
      generation: Number(generation),
    };
  });
}

const shown = (assignment: GroupAssignment): string =>
  [...assignment]
    .map(([member, owned]) => `${member}: ${owned.map(({ partition }) => partition).join(' ')}`)
    .sort()
    .join(' | ');

describe('range', () => {
  test.each([
    ['a', 3, 'a: 0 1 2'],
    ['b | a', 4, 'a: 0 1 | b: 2 3'],
    ['a | b | c', 8, 'a: 0 1 2 | b: 3 4 5 | c: 6 7'],
    ['a | b | c | d', 10, 'a: 0 1 2 | b: 3 4 5 | c: 6 7 | d: 8 9'],
    ['a | b', 1, 'a: 0 | b: '],
  ])('%s share %i partitions', (group, count, expected) => {
    const partitions = new Map([['t', count]]);
    expect(shown(range({ members: members(group), partitions }))).toBe(expected);
  });

  test('a static member is ordered by its instance id, which a restart does not change', () => {
    const [a, b] = members('zz-first | aa-second') as [GroupSubscriber, GroupSubscriber];
    const group = [
      { ...a, instanceId: '1' },
      { ...b, instanceId: '2' },
    ];
    const assignment = range({ members: group, partitions: new Map([['t', 2]]) });
    expect(shown(assignment)).toBe('aa-second: 1 | zz-first: 0');
  });

  test('a topic goes to its subscribers only, one that is not there to nobody', () => {
    const [a, b] = members('a | b') as [GroupSubscriber, GroupSubscriber];
    const group = [a, { ...b, topics: ['t', 'u', 'gone'] }];
    const partitions = new Map([
      ['t', 2],
      ['u', 2],
    ]);
    const assignment = range({ members: group, partitions });
    expect(assignment.get('a')).toEqual(of('t', [0]));
    expect(assignment.get('b')).toEqual([...of('t', [1]), ...of('u', [0, 1])]);
  });
});

describe('cooperative-sticky', () => {
  test.each([
    ['everything is free', 'a | b', 4, 'a: 0 2 | b: 1 3'],
    ['a balanced group stays as it is', 'a: 3 0 | b: 1 2', 4, 'a: 0 3 | b: 1 2'],
    ['what moves to a new member is given to nobody yet', 'a: 0 1 2 3 | b', 4, 'a: 0 1 | b: '],
    ['what nobody owns any more is given out', 'a: 0 1 | b', 4, 'a: 0 1 | b: 2 3'],
    ['two give one each', 'a: 0 1 2 3 | b: 4 5 6 7 | c', 8, 'a: 0 1 2 | b: 4 5 6 | c: '],
    ['of two claims the newer one counts', 'a@6: 0 1 | b@7: 1', 2, 'a: 0 | b: 1'],
    ['of two claims of one generation none does', 'a: 0 1 | b: 1 2', 3, 'a: 0 | b: 2'],
    ['more members than partitions', 'a: 0 | b | c', 1, 'a: 0 | b:  | c: '],
  ])('%s', (_, group, count, expected) => {
    const partitions = new Map([['t', count]]);
    const assignment = cooperativeSticky({ members: members(group), partitions });
    const ordered = new Map(
      [...assignment].map(([id, owned]) => [
        id,
        [...owned].sort((x, y) => x.partition - y.partition),
      ]),
    );
    expect(shown(ordered)).toBe(expected);
  });
});

describe('what members tell each other', () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

  test('a subscription is ConsumerProtocolSubscription version 2', () => {
    const bytes = encodeSubscription({ topics: ['pay'], owned: of('pay', [1, 3]), generation: 5 });
    const version = '0002';
    const topics = '00000001' + '0003706179';
    const userBytes = '00000004' + '00000005';
    const owned = '00000001' + '0003706179' + '00000002' + '00000001' + '00000003';
    expect(hex(bytes)).toBe(version + topics + userBytes + owned + '00000005');
    expect(decodeSubscription(Buffer.from(bytes))).toEqual({
      topics: ['pay'],
      owned: of('pay', [1, 3]),
      generation: 5,
    });
  });

  test('a subscription of version 1 has its generation in the user bytes, or none', () => {
    const start = '0001' + '00000001' + '000174';
    const owned = '00000001' + '000174' + '00000001' + '00000002';
    const read = (text: string) => decodeSubscription(Buffer.from(text, 'hex'));
    const expected = { topics: ['t'], owned: of('t', [2]) };
    expect(read(`${start}0000000400000009${owned}`)).toEqual({ ...expected, generation: 9 });
    expect(read(`${start}ffffffff${owned}`)).toEqual({ ...expected, generation: -1 });
    expect(read(`${start}00000000${owned}`)).toEqual({ ...expected, generation: -1 });
  });

  test('a subscription of version 0 owns nothing; what version 3 adds is passed over', () => {
    expect(decodeSubscription(Buffer.from('0000' + '00000001' + '000174' + 'ffffffff', 'hex'))) //
      .toEqual({ topics: ['t'], owned: [], generation: -1 });
    const rack = '00000000' + '00000000' + '00000003' + '000172';
    expect(decodeSubscription(Buffer.from(`000300000001000174${rack}`, 'hex'))).toEqual({
      topics: ['t'],
      owned: [],
      generation: 3,
    });
  });

  test('an assignment is ConsumerProtocolAssignment; an empty one is nothing at all', () => {
    const bytes = encodeAssignment([...of('a', [0, 2]), ...of('b', [1])]);
    const a = '000161' + '00000002' + '00000000' + '00000002';
    const b = '000162' + '00000001' + '00000001';
    expect(hex(bytes)).toBe(`000000000002${a}${b}00000000`);
    expect(decodeAssignment(Buffer.from(bytes))).toEqual([...of('a', [0, 2]), ...of('b', [1])]);
    expect(decodeAssignment(Buffer.alloc(0))).toEqual([]);
  });
});

describe('the life of a member', () => {
  const quiet: MemberFacts = {
    outcome: 'done',
    loss: undefined,
    isLeaving: false,
    isRebalancing: false,
    toYield: 0,
  };
  const rows: readonly [MemberPhase, Partial<MemberFacts>, MemberPhase][] = [
    ['joining', {}, 'syncing'],
    ['joining', { outcome: 'again' }, 'joining'],
    ['joining', { outcome: 'again', loss: 'forgotten' }, 'losing'],
    ['syncing', {}, 'stable'],
    ['syncing', { outcome: 'again' }, 'joining'],
    ['syncing', { toYield: 2 }, 'yielding'],
    ['syncing', { toYield: 2, isLeaving: true }, 'leaving'],
    ['stable', {}, 'stable'],
    ['stable', { isRebalancing: true }, 'joining'],
    ['stable', { isRebalancing: true, toYield: 3 }, 'yielding'],
    ['stable', { loss: 'expired', isRebalancing: true }, 'losing'],
    ['stable', { isLeaving: true }, 'leaving'],
    ['yielding', {}, 'joining'],
    ['yielding', { loss: 'stale' }, 'losing'],
    ['losing', { loss: 'expired' }, 'joining'],
    ['losing', { loss: 'fenced' }, 'standby'],
    ['losing', { loss: 'fenced', isLeaving: true }, 'leaving'],
    ['standby', {}, 'joining'],
    ['standby', { isLeaving: true }, 'leaving'],
    ['leaving', { isLeaving: true }, 'left'],
    ['leaving', { isLeaving: true, loss: 'fenced' }, 'left'],
  ];

  test.each(rows)('%s, %o: %s', (from, facts, to) => {
    expect(phaseAfter(from, { ...quiet, ...facts })).toBe(to);
  });

  test('only answers that no retry mends are refused', () => {
    const verdicts = (['NONE', 'NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS'] as const).map(
      (name) => verdictOf(BROKER_ERRORS[name]),
    );
    expect(verdicts).toEqual(['ok', 'later', 'later']);
    expect(verdictOf(BROKER_ERRORS.GROUP_AUTHORIZATION_FAILED)).toBe('refused');
    expect(verdictOf(BROKER_ERRORS.FENCED_INSTANCE_ID)).toBe('fenced');
    expect(verdictOf(4711)).toBe('refused');
  });

  test('a session ends a session time-out after the last heartbeat was sent, not answered', () => {
    let nowMs = 100;
    const clock = { nowMs: () => nowMs, sleep: async () => {}, yield: async () => {} };
    const lease = new Lease(clock, 1000);
    nowMs = 900;
    lease.renew(500);
    expect([lease.isExpired, lease.leftMs]).toEqual([false, 500]);
    lease.renew(400);
    nowMs = 1400;
    expect(lease.isExpired).toBe(true);
  });
});
