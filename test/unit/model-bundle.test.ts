import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeOf, explain } from '../../src/core/errors.ts';
import { type ModelBundle, readBundle } from '../../src/scoring/bundle.ts';
import { openChecked } from '../../src/scoring/model-check.ts';
import { type BundleParts, writeBundle } from '../support/bundles.ts';
import { tinyOnnx } from '../support/tiny-onnx.ts';

const KNOWN = ['a', 'b', 'c'];
const SIGMOID = tinyOnnx({ op: 'Sigmoid', width: 3 });

/** As the engine and its scorer threads do it between them. */
async function loadBundle(folder: string, known: readonly string[]): Promise<ModelBundle> {
  const bundle = await readBundle(folder, known);
  const runtime = await openChecked({ ...bundle.session, runtime: 'auto' });
  await runtime.release();
  return bundle;
}

async function refusal(folder: string, known = KNOWN): Promise<string> {
  try {
    await loadBundle(folder, known);
  } catch (error) {
    const told = explain(error).split('\n')[0] as string;
    return `${codeOf(error)} ${told.replaceAll(folder, 'DIR')}`;
  }
  return 'loaded';
}

const refusalOf = (parts: BundleParts) => refusal(writeBundle(parts));

test('a good bundle loads with its facts and its content id', async () => {
  const bundle = await loadBundle(writeBundle({ model: SIGMOID }), ['c', 'a', 'b']);
  expect(bundle).toMatchObject({
    modelId: 'tiny',
    featureSet: 'abc-1',
    threshold: 0.5,
    features: ['a', 'b', 'c'],
    contentId: 'sha256:2a69b04c26b64b6cb72986dc977fb4ab12005d4c71ea816d3247d201e96fa3e1',
  });
});

test('the bundle that comes with Shrike is named r1 and passes its probes', async () => {
  const { features: names } = JSON.parse(readFileSync('models/default/bundle.json', 'utf8'));
  const bundle = await loadBundle('models/default', names);
  expect(bundle.modelId).toBe('r1');
  expect(bundle.contentId).toBe(
    'sha256:b70eb2552e2e5bcda95187bace3645ed1cb82a842b0c08df7d7ff54155176991',
  );
  expect(bundle.session.width).toBe(32);
});

describe('MODEL_BUNDLE_MISSING', () => {
  test('a folder that is not there', async () => {
    expect(await refusal('/nowhere')).toMatch(/^MODEL_BUNDLE_MISSING cannot read DIR\/bundle.json/);
  });

  test('a folder without model.onnx', async () => {
    const folder = writeBundle({ model: SIGMOID });
    rmSync(join(folder, 'model.onnx'));
    expect(await refusal(folder)).toMatch(/^MODEL_BUNDLE_MISSING cannot read DIR\/model.onnx/);
  });
});

describe('MODEL_BUNDLE_INVALID', () => {
  test('a bundle.json that is not JSON', async () => {
    const folder = writeBundle({ model: SIGMOID });
    writeFileSync(join(folder, 'bundle.json'), '{"format":1,');
    expect(await refusal(folder)).toMatch(/^MODEL_BUNDLE_INVALID DIR\/bundle.json is not JSON/);
  });

  test.each([
    [{ threshold: 2 }, 'at /threshold: must be <= 1'],
    [{ features: [] }, 'at /features: must not have fewer than 1 items'],
    [{ format: 2 }, 'at /format: must be equal to constant'],
    [{ treshold: 1 }, 'at /treshold: unknown key'],
    [{ name: undefined }, 'at the top level: must have required properties name'],
  ])('a field that breaks the format is named: %o', async (bundle, told) => {
    expect(await refusalOf({ model: SIGMOID, bundle })).toContain(told);
  });

  test('a model that is not the one the bundle was made for', async () => {
    const bundle = { id: `sha256:${'0'.repeat(64)}` };
    expect(await refusalOf({ model: SIGMOID, bundle })).toMatch(
      /names the model sha256:0{64}, but model.onnx beside it is sha256:/,
    );
  });

  test('an output or input that the model does not have', async () => {
    expect(await refusalOf({ model: SIGMOID, bundle: { output: 'score' } })).toContain(
      "MODEL_BUNDLE_INVALID DIR: the model's outputs are probabilities, not score",
    );
    expect(await refusalOf({ model: SIGMOID, bundle: { input: 'x' } })).toBe(
      "MODEL_BUNDLE_INVALID DIR: the model's inputs are features, not x [MODEL_BUNDLE_INVALID]",
    );
  });
});

test('MODEL_NOT_ONNX: a file that ONNX Runtime cannot load', async () => {
  expect(await refusalOf({ model: 'a picture of a bird' })).toMatch(
    /^MODEL_NOT_ONNX DIR\/model.onnx is no ONNX model: /,
  );
});

describe('MODEL_FEATURES_MISMATCH', () => {
  test('a feature that no operator yields, with both widths', async () => {
    const bundle = { features: ['a', 'x', 'c'] };
    expect(await refusalOf({ model: SIGMOID, bundle })).toContain(
      'feature 1, x, is yielded by no operator (the bundle has 3 features, the operators yield 3)',
    );
  });

  test('a feature named twice', async () => {
    const bundle = { features: ['a', 'b', 'a'] };
    expect(await refusalOf({ model: SIGMOID, bundle })).toContain('feature 2, a, is feature 0');
  });

  test('a feature of the operators that the model lacks', async () => {
    expect(await refusal(writeBundle({ model: SIGMOID }), ['a', 'b', 'c', 'd'])).toContain(
      "feature d of the operators is not among the model's (the bundle has 3 features, the op",
    );
  });

  test('a model of another width than its names', async () => {
    const wide = tinyOnnx({ op: 'Sigmoid', width: 5 });
    expect(await refusalOf({ model: wide })).toContain(
      'takes rows of 5 features, bundle.json names 3; the first without a partner is number 3',
    );
    const narrow = tinyOnnx({ op: 'Sigmoid', width: 2 });
    expect(await refusalOf({ model: narrow })).toContain('the first without a partner is c');
  });

  test('names in another order than the model was trained with, found by a probe', async () => {
    const probes = [{ features: { a: 9, b: 0, c: 2 }, score: 0.5 }];
    expect(await refusalOf({ model: SIGMOID, bundle: { probes } })).toBe('loaded');
    const bundle = { probes, features: ['a', 'c', 'b'] };
    expect(await refusalOf({ model: SIGMOID, bundle })).toMatch(
      /probe 0 scores 0.8807\d+, the bundle says 0.5: are its features in the order/,
    );
  });
});

describe('MODEL_OUTPUT_INVALID', () => {
  test('a model that answers NaN', async () => {
    expect(await refusalOf({ model: tinyOnnx({ op: 'Div', width: 3 }) })).toContain(
      'row 0 of 1 scored NaN; a score is a number from 0 to 1',
    );
  });

  test('a model that answers with something that is no probability', async () => {
    const probes = [{ features: { a: 0, b: 7, c: 0 }, score: 1 }];
    const model = tinyOnnx({ op: 'Identity', width: 3 });
    expect(await refusalOf({ model, bundle: { probes } })).toContain('row 0 of 1 scored 7');
  });

  test('a score column that the output does not have', async () => {
    expect(await refusalOf({ model: SIGMOID, bundle: { scoreColumn: 3 } })).toContain(
      'the output probabilities has 3 values for 1 rows, the score is column 3',
    );
  });
});
