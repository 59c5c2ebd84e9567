import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeOf } from '../../src/core/errors.ts';
import {
  BUDGET_KEYS,
  type BudgetKey,
  type MemoryFacts,
  planMemory,
} from '../../src/core/memory-plan.ts';

const MIB = 1 << 20;
const GIB = 1 << 30;

const set = fc
  .tuple(
    fc.subarray([...BUDGET_KEYS], { maxLength: 3 }),
    fc.array(fc.integer({ min: 3 * MIB, max: 256 * MIB }), { minLength: 3, maxLength: 3 }),
  )
  .map(
    ([keys, sizes]) =>
      Object.fromEntries(keys.map((key, i) => [key, sizes[i] as number])) as Partial<
        Record<BudgetKey, number>
      >,
  );

const shape = fc.record({
  partitions: fc.integer({ min: 1, max: 256 }),
  workers: fc.integer({ min: 1, max: 16 }),
  scorers: fc.integer({ min: 1, max: 16 }),
  log: fc.constantFrom('embedded' as const, 'kafka' as const),
  users: fc.integer({ min: 0, max: 20_000_000 }),
  set,
});

/** 64 MiB to 64 GiB, small ones as often as large ones. */
const limitBytes = fc
  .double({ min: 26, max: 36, noNaN: true })
  .map((log2) => Math.floor(2 ** log2));

/** @returns undefined when the limit is too small; any other error fails the test */
function planned(facts: MemoryFacts): ReturnType<typeof planMemory> | undefined {
  try {
    return planMemory(facts);
  } catch (error) {
    if (codeOf(error) !== 'MEMORY_LIMIT_TOO_SMALL') throw error;
    return undefined;
  }
}

test('M1: the parts of a plan add up to the limit, and none is negative', () => {
  fc.assert(
    fc.property(shape, limitBytes, (facts, limit) => {
      const plan = planned({ ...facts, limitBytes: limit });
      if (plan === undefined) return;
      expect(plan.parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(limit);
      expect(plan.parts.filter(({ bytes }) => !(bytes >= 0))).toEqual([]);
      // What rounding leaves, and no less than what it is for.
      expect(plan.parts.at(-1)?.bytes).toBeGreaterThanOrEqual(Math.floor(limit * 0.06));
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test('M2: a larger limit makes no budget smaller, and is not refused where a smaller one is not', () => {
  fc.assert(
    fc.property(shape, limitBytes, limitBytes, (facts, one, other) => {
      const small = planned({ ...facts, limitBytes: Math.min(one, other) });
      const large = planned({ ...facts, limitBytes: Math.max(one, other) });
      if (small === undefined) return;
      const shrunk = BUDGET_KEYS.filter(
        (key) => large === undefined || large.budgets[key] < small.budgets[key],
      );
      expect(shrunk).toEqual([]);
    }),
    { numRuns: 2000, seed: 2 },
  );
});

test('M3: what is set stays as it is', () => {
  fc.assert(
    fc.property(shape, limitBytes, (facts, limit) => {
      const plan = planned({ ...facts, limitBytes: limit });
      if (plan !== undefined) expect(plan.budgets).toMatchObject(facts.set);
    }),
    { numRuns: 500, seed: 3 },
  );
});

test('M4: the limit that a refusal names is the least that is enough', () => {
  fc.assert(
    fc.property(shape, (facts) => {
      let message = '';
      try {
        planMemory({ ...facts, limitBytes: 64 * MIB });
      } catch (error) {
        message = (error as Error).message;
      }
      const least = Number(/take (\d+) MiB at least/.exec(message)?.[1]);
      expect(planned({ ...facts, limitBytes: least * MIB })).toBeDefined();
      expect(planned({ ...facts, limitBytes: (least - 1) * MIB })).toBeUndefined();
    }),
    { numRuns: 500, seed: 4 },
  );
});

test('heaps hold the actors that the cache may keep as objects', () => {
  fc.assert(
    fc.property(shape, fc.integer({ min: 1, max: 64 }), (facts, gib) => {
      const plan = planned({ ...facts, set: {}, limitBytes: gib * GIB });
      if (plan === undefined) return;
      const { budgets } = plan;
      const actors =
        budgets['state.cacheBytesMax'] + facts.partitions * budgets['state.dirtyBytesMax'];
      const heaps = facts.workers * (budgets['memory.actorHeapBytes'] + MIB);
      expect(heaps).toBeGreaterThanOrEqual(actors);
    }),
    { numRuns: 500, seed: 5 },
  );
});
