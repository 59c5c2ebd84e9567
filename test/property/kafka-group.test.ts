/** The assignors, on any group: what must hold of every assignment. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { topicPartitionName } from '../../src/core/ids.ts';
import type { GroupAssignment, GroupToAssign } from '../../src/log/kafka/group/assignment.ts';
import { cooperativeSticky } from '../../src/log/kafka/group/cooperative-sticky.ts';
import { range } from '../../src/log/kafka/group/range.ts';

const TOPICS = ['t', 'u'] as const;

/** Members of one subscription; each partition is claimed by nobody, by one, or by two. */
const group = fc
  .record({
    count: fc.integer({ min: 1, max: 7 }),
    partitions: fc.tuple(fc.integer({ min: 0, max: 24 }), fc.integer({ min: 0, max: 9 })),
    claims: fc.array(fc.tuple(fc.integer({ min: -1, max: 6 }), fc.integer({ min: -6, max: 6 }))),
    generations: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 7, maxLength: 7 }),
  })
  .map(({ count, partitions, claims, generations }): GroupToAssign => {
    const all = TOPICS.flatMap((topic, i) =>
      Array.from({ length: partitions[i] as number }, (_, partition) => ({ topic, partition })),
    );
    const members = Array.from({ length: count }, (_, m) => ({
      memberId: `m${m}`,
      instanceId: null,
      topics: [...TOPICS],
      owned: all.filter((_, at) => claims[at]?.includes(m)),
      generation: generations[m] as number,
    }));
    return { members, partitions: new Map(TOPICS.map((topic, i) => [topic, partitions[i] ?? 0])) };
  });

function names(assignment: GroupAssignment, member: string): Set<string> {
  return new Set((assignment.get(member) ?? []).map(topicPartitionName));
}

const all = (assignment: GroupAssignment): string[] =>
  [...assignment.values()].flat().map(topicPartitionName);

const partitionCount = ({ partitions }: GroupToAssign): number =>
  [...partitions.values()].reduce((sum, count) => sum + count, 0);

/** The group as it is when every member has let go of what it was not assigned, and joins again. */
function rejoined({ members, partitions }: GroupToAssign, assignment: GroupAssignment) {
  const next = members.map((member) => ({
    ...member,
    owned: assignment.get(member.memberId) ?? [],
    generation: 9,
  }));
  return { members: next, partitions };
}

test('range: every partition once, and each topic balanced within one', () => {
  fc.assert(
    fc.property(group, (input) => {
      const assignment = range(input);
      expect(new Set(all(assignment)).size).toBe(partitionCount(input));
      expect(all(assignment)).toHaveLength(partitionCount(input));
      for (const topic of TOPICS) {
        const loads = [...assignment.values()].map(
          (of) => of.filter((one) => one.topic === topic).length,
        );
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test('cooperative-sticky: nobody is given what somebody else may still own', () => {
  fc.assert(
    fc.property(group, (input) => {
      const assignment = cooperativeSticky(input);
      expect(new Set(all(assignment)).size).toBe(all(assignment).length);
      for (const { memberId, owned, generation } of input.members) {
        const claimed = new Set(owned.map(topicPartitionName));
        for (const name of names(assignment, memberId)) {
          const others = input.members.filter(
            (other) =>
              other.memberId !== memberId &&
              other.owned.some((one) => topicPartitionName(one) === name),
          );
          // Others may only have claims that a newer one of this member refutes.
          const isRefuted = claimed.has(name) && others.every((o) => o.generation < generation);
          expect(others.length === 0 || isRefuted).toBe(true);
        }
      }
    }),
  );
});

test('cooperative-sticky: one more rebalance gives out everything, balanced, and then all rests', () => {
  fc.assert(
    fc.property(group, (input) => {
      const first = cooperativeSticky(input);
      const second = cooperativeSticky(rejoined(input, first));
      expect(all(second)).toHaveLength(partitionCount(input));
      expect(new Set(all(second)).size).toBe(partitionCount(input));
      const loads = [...second.values()].map((of) => of.length);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      // What was given in the first is kept: a partition moves once.
      for (const { memberId } of input.members) {
        const kept = names(second, memberId);
        expect([...names(first, memberId)].filter((name) => !kept.has(name))).toEqual([]);
      }
      const third = cooperativeSticky(rejoined(input, second));
      for (const { memberId } of input.members) {
        expect(names(third, memberId)).toEqual(names(second, memberId));
      }
    }),
  );
});

test('cooperative-sticky: a member that comes or goes moves no more than the balance needs', () => {
  const sizes = fc.record({
    count: fc.integer({ min: 1, max: 6 }),
    partitions: fc.integer({ min: 0, max: 30 }),
  });
  fc.assert(
    fc.property(sizes, ({ count, partitions }) => {
      const member = (m: number) => ({
        memberId: `m${m}`,
        instanceId: null,
        topics: ['t'],
        owned: [],
        generation: -1,
      });
      const empty = {
        members: Array.from({ length: count }, (_, m) => member(m)),
        partitions: new Map([['t', partitions]]),
      };
      const before = rejoined(empty, cooperativeSticky(empty));
      const grown = { ...before, members: [...before.members, member(count)] };
      const after = cooperativeSticky(grown);
      // The new one gets its share, and nobody else's moves.
      expect(partitions - all(after).length).toBe(Math.floor(partitions / (count + 1)));
    }),
  );
});
