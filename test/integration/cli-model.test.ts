/** `shrike model`: bundles made and checked by the compiled program. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { FEATURE_ORDER } from '../../operators/index.ts';
import { shrike, shrikeJson } from '../support/command-line.ts';
import { tinyOnnx } from '../support/tiny-onnx.ts';

const ROWS = resolve('test/golden/data/features.csv');
const DEFAULT = resolve('models/default');

const folders: string[] = [];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shrike-model-'));
  folders.push(folder);
});
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true });
});

/** What it says when it fails, without the folder's name. */
async function refusal(...args: readonly string[]): Promise<string> {
  const { code, stderr } = await shrike('model', ...args);
  return `${code} ${stderr.split('\n')[0]?.replaceAll(folder, 'DIR')}`;
}

test('the bundle of the default model comes out of its model.onnx to the byte', async () => {
  cpSync(join(DEFAULT, 'model.onnx'), join(folder, 'model.onnx'));
  const { code, stdout } = await shrike('model', 'bundle', folder, '--name', 'r1', '--rows', ROWS);
  expect(stdout.replaceAll(folder, 'DIR').split('\n')).toEqual([
    'DIR: r1, sha256:b70eb2552e2e5bcda95187bace3645ed1cb82a842b0c08df7d7ff54155176991',
    'feature set r1-1 (32), threshold 0.5, 5 probes, evaluated by trees (verdict: current)',
    '495 of 496 exchanges of two features would be noticed',
    'unnoticed: has_error/bad_auth',
    '',
  ]);
  expect(code).toBe(0);
  expect(readFileSync(join(folder, 'bundle.json'), 'utf8')).toBe(
    readFileSync(join(DEFAULT, 'bundle.json'), 'utf8'),
  );
});

test('what is told of a bundle is what stands in it', async () => {
  cpSync(join(DEFAULT, 'model.onnx'), join(folder, 'model.onnx'));
  await shrikeJson(
    ...['model', 'bundle', folder, '--name', 'mine', '--rows', ROWS, '--threshold', '0.25'],
    ...['--probes', '1', '--feature-set', 'r1-2'],
  );
  const facts = { name: 'mine', featureSet: 'r1-2', threshold: 0.25, probes: 1, features: 32 };
  expect(await shrikeJson('model', 'check', folder)).toMatchObject({ ...facts, by: 'trees' });
});

test('the verdict of a bundle is renewed when it is asked for, and nothing else of it changes', async () => {
  cpSync(DEFAULT, folder, { recursive: true });
  const file = join(folder, 'bundle.json');
  const before = readFileSync(file, 'utf8');
  const { verdict, ...rest } = JSON.parse(before) as { verdict: { trial: string } };
  const stateWith = async (changed: object, ...more: readonly string[]) => {
    writeFileSync(file, JSON.stringify({ ...rest, ...changed }));
    return shrikeJson('model', 'check', folder, ...more);
  };
  expect(await stateWith({})).toMatchObject({ by: 'trees', verdict: 'none' });
  const other = { ...verdict, trial: verdict.trial.replace(/.{8}$/, '00000000') };
  expect(await stateWith({ verdict: other })).toMatchObject({ by: 'trees', verdict: 'outdated' });
  expect(await stateWith({ verdict: other }, '--judge')).toMatchObject({ verdict: 'current' });
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('a model that is no ensemble of trees is a bundle, too: ONNX Runtime evaluates it', async () => {
  // The sigmoid of each feature; the score is that of the second one, log_amount.
  const model = tinyOnnx({ op: 'Sigmoid', width: FEATURE_ORDER.length });
  writeFileSync(join(folder, 'model.onnx'), model);
  const made = await shrikeJson('model', 'bundle', folder, '--name', 'tiny', '--rows', ROWS);
  expect(made).toMatchObject({ by: 'onnxruntime (its node is a Sigmoid)', verdict: 'none' });
  // Only exchanges with that one change anything.
  const { unnoticed } = made as { readonly unnoticed: readonly string[][] };
  expect(unnoticed.filter((pair) => pair.includes('log_amount'))).toEqual([]);
});

test('a bundle whose features stand in another order is refused, by its probes', async () => {
  cpSync(DEFAULT, folder, { recursive: true });
  const file = join(folder, 'bundle.json');
  const { features, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as { features: string[] };
  writeFileSync(file, JSON.stringify({ ...rest, features: features.toReversed() }));
  expect(await refusal('check', folder)).toMatch(/^1 shrike: DIR: probe 0 scores .*MISMATCH\]$/);
});

test('what cannot become a bundle is refused, and no bundle.json is written', async () => {
  const rows = join(folder, 'rows.csv');
  const [header = '', row = ''] = readFileSync(ROWS, 'utf8').split('\n');
  const refused = async (text: string, ...more: readonly string[]) => {
    writeFileSync(rows, text);
    return refusal('bundle', folder, '--name', 'r1', '--rows', rows, ...more);
  };
  expect(await refused(`${header}\n${row}\n`)).toMatch(/cannot read DIR\/model.onnx/);
  cpSync(join(DEFAULT, 'model.onnx'), join(folder, 'model.onnx'));
  expect(await refused(`${header}\n`)).toBe(
    '1 shrike: DIR/rows.csv has no row of features [CSV_EMPTY]',
  );
  expect(await refused(`${header}\n${row}\n${row},1\n`)).toBe(
    '1 shrike: DIR/rows.csv, line 3: not 33 numbers, as the header has names [CSV_UNREADABLE]',
  );
  expect(await refused(`${header}\n${row.replace(/[^,]*$/, '')}\n`)).toMatch(/line 2: not 33/);
  expect(await refused(`${header.replace('mcc', 'ncc')}\n${row}\n`)).toMatch(
    /feature 31, ncc, is yielded by no operator .*\[MODEL_FEATURES_MISMATCH\]$/,
  );
  expect(await refused(`${header}\n${row}\n`, '--threshold', '1.5')).toMatch(
    /^2 .*0 to 1, not "1.5"/,
  );
  expect(await refused(`${header}\n${row}\n`, '--name', 'a b')).toMatch(/at \/name: must match/);
  expect(await refused(`${header}\n${row}\n`, '--output', 'scores')).toMatch(
    /the model's outputs are label, probabilities, not scores \[MODEL_BUNDLE_INVALID\]$/,
  );
  expect(existsSync(join(folder, 'bundle.json'))).toBe(false);
});
