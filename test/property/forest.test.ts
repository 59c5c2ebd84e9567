/**
 * Trees in WebAssembly against ONNX Runtime, for any forest and any row: sums are the same bits. A
 * classifier's exponential is rounded by another library, so its scores may differ in the last bit.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seeded } from '../../src/core/random.ts';
import { openRuntime, scoreRows } from '../../src/scoring/session.ts';
import { CompiledForest } from '../../src/scoring/trees/compiled-forest.ts';
import { forestOf } from '../../src/scoring/trees/forest-model.ts';
import { nodesOf } from '../../src/scoring/trees/onnx-file.ts';
import { trialRows } from '../../src/scoring/trees/trial-rows.ts';
import { builtUrl } from '../support/built.ts';
import { forestOnnx, type TinyForest, type TinyTreeNode } from '../support/tiny-onnx.ts';

const module = new WebAssembly.Module(readFileSync(builtUrl('src/scoring/trees/forest.wasm')));
/** Of a float32 from 0.5 to 1. */
const LAST_BIT = 2 ** -24;
const MODES = ['BRANCH_LT', 'BRANCH_LEQ', 'BRANCH_GT', 'BRANCH_GTE'] as const;
const VALUES = [0, -0, 1, -1, 0.5, 3.25, -1e-30, 1e30, 7.000001];

interface Wish {
  readonly seed: number;
  readonly trees: number;
  readonly leavesMax: number;
  readonly width: number;
  readonly kind: TinyForest['kind'];
  readonly packed: boolean;
  readonly base: number | undefined;
  readonly backwards: boolean;
}

/** Grows each tree by splitting leaves, at random. */
function grow(wish: Wish): TinyForest {
  const random = seeded(wish.seed);
  const trees = Array.from({ length: wish.trees }, () => {
    const leaf = (): TinyTreeNode => ({
      weight: Math.fround(
        wish.kind === 'TreeEnsembleClassifier' ? random.next() - 0.5 : random.next() / 13,
      ),
    });
    const nodes: TinyTreeNode[] = [leaf()];
    const leaves = 1 + random.int(wish.leavesMax);
    for (let i = 1; i < leaves; i++) {
      const open = nodes.flatMap((node, at) => ('weight' in node ? [at] : []));
      nodes[random.pick(open.slice(-40))] = {
        mode: random.pick(MODES),
        feature: random.int(wish.width),
        value: Math.fround(random.pick(VALUES)),
        yes: nodes.push(leaf()) - 1,
        no: nodes.push(leaf()) - 1,
        nanIsYes: random.chance(0.5),
      };
    }
    return nodes;
  });
  const { width, kind, packed, base, backwards } = wish;
  const post = kind === 'TreeEnsembleClassifier' ? 'LOGISTIC' : 'NONE';
  return { trees, width, kind, packed, post, backwards, ...(base === undefined ? {} : { base }) };
}

const wishes: fc.Arbitrary<Wish> = fc.record({
  seed: fc.nat(),
  trees: fc.integer({ min: 1, max: 12 }),
  leavesMax: fc.constantFrom(1, 2, 8, 31, 32, 33, 64, 65, 200),
  width: fc.integer({ min: 1, max: 9 }),
  kind: fc.constantFrom('TreeEnsembleClassifier' as const, 'TreeEnsembleRegressor' as const),
  packed: fc.boolean(),
  base: fc.constantFrom(undefined, 0.125),
  backwards: fc.boolean(),
});

async function bothScores(wish: Wish, count: number): Promise<[Float32Array, Float32Array]> {
  const model = forestOnnx(grow(wish));
  const scoreColumn = wish.kind === 'TreeEnsembleClassifier' ? 1 : 0;
  const forest = forestOf(nodesOf(model), 'probabilities');
  const rows = trialRows(forest, { width: wish.width, count, random: seeded(wish.seed + 1) });
  const compiled = new CompiledForest({ forest, width: wish.width, rowsMax: 64 }, module);
  const facts = { input: 'features', output: 'probabilities', scoreColumn, width: wish.width };
  const runtime = await openRuntime(model);
  try {
    const expected = await scoreRows(runtime, facts, { rows, count });
    return [expected, compiled.score(rows, count, scoreColumn)];
  } finally {
    await runtime.release();
  }
}

test('a forest scores as ONNX Runtime scores it, whatever its size, tests and missing values', async () => {
  const property = fc.asyncProperty(
    wishes,
    fc.integer({ min: 1, max: 150 }),
    async (wish, count) => {
      // A classifier with a base value is not written in one way by all exporters.
      const plain = wish.kind === 'TreeEnsembleClassifier' ? { ...wish, base: undefined } : wish;
      const [expected, found] = await bothScores(plain, count);
      if (wish.kind === 'TreeEnsembleRegressor') expect(found).toEqual(expected);
      expect(found.length).toBe(count);
      const apart = found.map((score, i) => Math.abs(score - (expected[i] as number)));
      expect(Math.max(...apart)).toBeLessThanOrEqual(LAST_BIT);
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
