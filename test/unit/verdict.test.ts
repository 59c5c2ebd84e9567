/** Who is asked about a model's trees: the verdict in its bundle, or ONNX Runtime, once loaded. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { builtUrl } from '../support/built.ts';

/**
 * @param change code that changes `session`, the default bundle's
 * @returns what scores, or the error's code, and whether ONNX Runtime was loaded
 */
async function opened(change: string): Promise<string> {
  // A process of its own, for what it has loaded.
  const program = `
    import { readFileSync } from 'node:fs';
    import { readBundle } from '${builtUrl('src/scoring/bundle.js').href}';
    import { openEvaluator } from '${builtUrl('src/scoring/evaluator.js').href}';
    const forest = readFileSync(new URL('${builtUrl('src/scoring/trees/forest.wasm').href}'));
    const folder = '${resolve('models/default')}';
    const { features } = JSON.parse(readFileSync(folder + '/bundle.json', 'utf8'));
    const session = { ...(await readBundle(folder, features)).session, runtime: 'auto' };
    ${change};
    const outcome = await openEvaluator(session, new WebAssembly.Module(forest)).then(
      ({ about }) => about,
      ({ code }) => code,
    );
    const maps = readFileSync('/proc/self/maps', 'utf8');
    console.log(outcome + ', ' + (maps.includes('onnxruntime') ? 'loaded' : 'not loaded'));`;
  const args = ['--input-type=module', '-e', program];
  return (await promisify(execFile)(process.execPath, args)).stdout.trim();
}

test('a bundle with its verdict is walked as trees, and ONNX Runtime is not loaded', async () => {
  expect(await opened('')).toBe('trees, not loaded');
});

test('it is held to its probes all the same', async () => {
  expect(await opened('session.probes[0].score += 0.01')).toBe(
    'MODEL_FEATURES_MISMATCH, not loaded',
  );
});

test.each([
  ['there is none', 'session.verdict = undefined'],
  ['it is about another trial', 'session.verdict.trial = "sha256:0"'],
  ['a score of it is not what the trees give', 'session.verdict.scores[1023] += 1e-6'],
  ['a score of it is no number', 'session.verdict.scores[0] = NaN'],
  ['it is cut short', 'session.verdict.scores = session.verdict.scores.subarray(1)'],
])('ONNX Runtime is the judge where %s', async (_, change) => {
  expect(await opened(change)).toBe('trees, loaded');
});

test.each([
  ['features in another order', 'session.features = session.features.toReversed()', 'trees'],
  ['another column for the score', 'session.scoreColumn = 0', 'MODEL_FEATURES_MISMATCH'],
])('it says nothing about %s: ONNX Runtime is asked', async (_, change, outcome) => {
  expect(await opened(change)).toBe(`${outcome}, loaded`);
});
