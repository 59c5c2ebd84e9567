/** Which models are walked as trees, and which are left to ONNX Runtime, and why. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readBundle, type SessionFacts } from '../../src/scoring/bundle.ts';
import { openEvaluator } from '../../src/scoring/evaluator.ts';
import { nextAbove } from '../../src/scoring/trees/forest-model.ts';
import { nodesOf } from '../../src/scoring/trees/onnx-file.ts';
import { builtUrl } from '../support/built.ts';
import { writeBundle } from '../support/bundles.ts';
import { forestOnnx, type TinyForest, type TinyTree, tinyOnnx } from '../support/tiny-onnx.ts';

const module = new WebAssembly.Module(readFileSync(builtUrl('src/scoring/trees/forest.wasm')));

async function evaluator(model: Uint8Array, changed: Partial<SessionFacts> = {}) {
  const scoreColumn = changed.scoreColumn ?? 1;
  const folder = writeBundle({ model, bundle: { scoreColumn } });
  const { session } = await readBundle(folder, ['a', 'b', 'c']);
  return openEvaluator({ ...session, runtime: 'auto', ...changed }, module);
}

/** b < 2 ? -1 : c <= 0 ? 0.5 : 2, as a classifier. */
const split = { mode: 'BRANCH_LT', nanIsYes: false } as const;
const tree: TinyTree = [
  { ...split, feature: 1, value: 2, yes: 1, no: 2 },
  { weight: -1 },
  { ...split, mode: 'BRANCH_LEQ', feature: 2, value: 0, yes: 3, no: 4 },
  { weight: 0.5 },
  { weight: 2 },
];
const classifier = { kind: 'TreeEnsembleClassifier', post: 'LOGISTIC', width: 3 } as const;
const forest = (change: Partial<TinyForest>) =>
  forestOnnx({ ...classifier, trees: [tree], ...change });

test('the trees of a classifier are walked by our own code, to the logistic of their sum', async () => {
  const { about, score } = await evaluator(forest({}));
  expect(about).toBe('trees');
  const rows = Float32Array.of(0, 1, 9, 0, 2, 0, 0, 2, 1e-40, 0, Number.NaN, 1);
  const scores = await score(rows, 4);
  expect(Array.from(scores, (value) => value.toFixed(4))).toEqual([
    '0.2689',
    '0.6225',
    '0.8808',
    '0.8808',
  ]);
});

test('the first column is the score of the other class', async () => {
  const { about, score } = await evaluator(forest({}), { scoreColumn: 0 });
  expect(about).toBe('trees');
  expect((await score(Float32Array.of(0, 1, 9), 1))[0]?.toFixed(4)).toBe('0.7311');
});

test('scoring.runtime: onnxruntime leaves any model to ONNX Runtime, with the same scores', async () => {
  const { about, score } = await evaluator(forest({}), { runtime: 'onnxruntime' });
  expect(about).toBe('onnxruntime (scoring.runtime asks for it)');
  expect((await score(Float32Array.of(0, 1, 9), 1))[0]?.toFixed(4)).toBe('0.2689');
});

/** Each test's other branch is the next test. */
function chain(leaves: number): TinyTree {
  const links = Array.from(
    { length: leaves - 1 },
    (_, i): TinyTree => [
      { ...split, feature: 0, value: i, yes: 2 * i + 1, no: 2 * i + 2 },
      { weight: 0 },
    ],
  );
  return [...links.flat(), { weight: 1 }];
}

test.each<[string, Uint8Array, string]>([
  ['no trees', tinyOnnx({ op: 'Sigmoid', width: 3 }), 'its node is a Sigmoid'],
  [
    'a test for equality',
    forest({
      trees: [
        [
          { ...split, mode: 'BRANCH_EQ', feature: 0, value: 1, yes: 1, no: 2 },
          { weight: 1 },
          { weight: 2 },
        ],
      ],
    }),
    'a test is a BRANCH_EQ',
  ],
  ['a very deep tree', forest({ trees: [chain(70)] }), 'a tree has no end'],
  [
    'another transform',
    forest({ post: 'NONE', trees: [[{ weight: 0.5 }]] }),
    'it is a classifier of 2 classes with the transform NONE',
  ],
])('%s is left to ONNX Runtime, and the reason is told', async (_, model, reason) => {
  expect((await evaluator(model)).about).toBe(`onnxruntime (${reason})`);
});

test('trees whose sum is no probability everywhere are left to ONNX Runtime', async () => {
  const sums = { kind: 'TreeEnsembleRegressor', post: 'NONE' } as const;
  const trees: TinyTree[] = [
    [{ ...split, feature: 0, value: 5, yes: 1, no: 2 }, { weight: 0.25 }, { weight: 7 }],
  ];
  const { about, score } = await evaluator(forest({ ...sums, trees }), { scoreColumn: 0 });
  expect(about).toMatch(/^onnxruntime \(in the trial, row \d+ of 1024 scored 7;/);
  expect(await score(Float32Array.of(1, 0, 0), 1)).toEqual(Float32Array.of(0.25));
});

test('x <= a is x < nextAbove(a), for any float32', () => {
  expect([1, -1, 0, -0, 2 ** -149, -(2 ** -149)].map(nextAbove)).toEqual([
    1 + 2 ** -23,
    -1 + 2 ** -24,
    2 ** -149,
    2 ** -149,
    2 ** -148,
    -0,
  ]);
});

test('a file that is cut short is no graph of nodes', () => {
  const model = forest({});
  expect(nodesOf(model).map(({ type }) => type)).toEqual(['TreeEnsembleClassifier']);
  expect(() => nodesOf(model.subarray(0, 200))).toThrow(/ends beyond its message/);
});
