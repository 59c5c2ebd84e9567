/**
 * What gives the scores: ONNX Runtime, or the model's trees in WebAssembly where those are shown to
 * give the same. The bundle stays an ONNX file either way, and ONNX Runtime the judge.
 */
import { ShrikeError } from '../core/errors.ts';
import { seeded } from '../core/random.ts';
import type { SessionFacts } from './bundle.ts';
import { openChecked } from './model-check.ts';
import { checked, scoreRows } from './session.ts';
import { CompiledForest } from './trees/compiled-forest.ts';
import { type Forest, forestOf, UnlikeTrees } from './trees/forest-model.ts';
import { nodesOf } from './trees/onnx-file.ts';
import { trialRows } from './trees/trial-rows.ts';

export interface Evaluator {
  /** `trees`, or `onnxruntime` and why. */
  readonly about: string;
  /**
   * @param rows row-major; the first `count` rows are scored
   * @throws SCORING_FAILED, MODEL_OUTPUT_INVALID naming the row
   */
  score(rows: Float32Array, count: number): Promise<Float32Array>;
}

const TRIAL_ROWS = 1024;
const TRIAL_SEED = 1;
/** Exponentials may be rounded differently: one unit in the last place of a float32 near 1. */
const LAST_BIT = 2 ** -23;

/**
 * @param forestModule forest.wasm
 * @throws MODEL_NOT_ONNX, MODEL_BUNDLE_INVALID, MODEL_FEATURES_MISMATCH, MODEL_OUTPUT_INVALID
 */
export async function openEvaluator(
  facts: SessionFacts,
  forestModule: WebAssembly.Module,
): Promise<Evaluator> {
  const runtime = await openChecked(facts);
  const byRuntime = (rows: Float32Array, count: number) =>
    scoreRows(runtime, facts, { rows, count });
  if (facts.runtime === 'onnxruntime') {
    return { about: 'onnxruntime (scoring.runtime asks for it)', score: byRuntime };
  }
  let forest: Forest;
  let compiled: CompiledForest;
  try {
    forest = forestOf(nodesOf(facts.model), facts.output);
    compiled = new CompiledForest({ forest, width: facts.width, rowsMax: 1024 }, forestModule);
  } catch (error) {
    if (!(error instanceof UnlikeTrees) && !(error instanceof RangeError)) throw error;
    return { about: `onnxruntime (${error.message})`, score: byRuntime };
  }
  const byTrees = (rows: Float32Array, count: number) =>
    checked(compiled.score(rows, count, facts.scoreColumn));
  const doubt = await trial(forest, facts.width, { byRuntime, byTrees });
  if (doubt !== undefined) return { about: `onnxruntime (${doubt})`, score: byRuntime };
  await runtime.release();
  return { about: 'trees', score: async (rows, count) => byTrees(rows, count) };
}

interface Rivals {
  readonly byRuntime: Evaluator['score'];
  readonly byTrees: (rows: Float32Array, count: number) => Float32Array;
}

/** @returns why the trees are not to be trusted, or nothing */
async function trial(forest: Forest, width: number, rivals: Rivals): Promise<string | undefined> {
  const count = TRIAL_ROWS;
  const rows = trialRows(forest, { width, count, random: seeded(TRIAL_SEED) });
  try {
    const expected = await rivals.byRuntime(rows, count);
    const found = rivals.byTrees(rows, count);
    const row = found.findIndex((score, i) => Math.abs(score - (expected[i] as number)) > LAST_BIT);
    return row < 0 ? undefined : `the trees differ in row ${row} of the trial`;
  } catch (error) {
    if (!(error instanceof ShrikeError)) throw error;
    return `in the trial, ${error.message}`;
  }
}
