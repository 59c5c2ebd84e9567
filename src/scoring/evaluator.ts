/**
 * What gives the scores: ONNX Runtime, or the model's trees in WebAssembly where those are shown to
 * give the same. The bundle stays an ONNX file either way, and ONNX Runtime the judge: at start,
 * or when the bundle was made, if that has its verdict. Then it is not loaded at all.
 */
import { ShrikeError } from '../core/errors.ts';
import type { SessionFacts } from './bundle.ts';
import { checkAnswers, openChecked } from './model-check.ts';
import { checked, type Evaluate } from './scores.ts';
import { CompiledForest } from './trees/compiled-forest.ts';
import { forestOf, whyUnlikeTrees } from './trees/forest-model.ts';
import { nodesOf } from './trees/onnx-file.ts';
import { doubtOf, type Trial, trialOf } from './trial.ts';

export interface Evaluator {
  /** `trees`, or `onnxruntime` and why. */
  readonly about: string;
  readonly score: Evaluate;
}

interface Trees {
  readonly trial: Trial;
  readonly score: (rows: Float32Array, count: number) => Float32Array;
}

/**
 * @param forestModule forest.wasm
 * @throws MODEL_NOT_ONNX, MODEL_BUNDLE_INVALID, MODEL_FEATURES_MISMATCH, MODEL_OUTPUT_INVALID
 */
export async function openEvaluator(
  facts: SessionFacts,
  forestModule: WebAssembly.Module,
): Promise<Evaluator> {
  const trees =
    facts.runtime === 'auto' ? treesOf(facts, forestModule) : 'scoring.runtime asks for it';
  if (typeof trees !== 'string' && (await isAsJudged(trees, facts))) {
    const evaluator = byTrees(trees);
    await checkAnswers(evaluator.score, facts);
    return evaluator;
  }
  const runtime = await openChecked(facts);
  const doubt = typeof trees === 'string' ? trees : await doubtAbout(trees, runtime.score);
  if (doubt !== undefined) return { about: `onnxruntime (${doubt})`, score: runtime.score };
  await runtime.release();
  return byTrees(trees as Trees);
}

/** @returns the trees, or why there are none */
function treesOf(facts: SessionFacts, forestModule: WebAssembly.Module): Trees | string {
  try {
    const forest = forestOf(nodesOf(facts.model), facts.output);
    const { width, scoreColumn } = facts;
    const compiled = new CompiledForest({ forest, width, rowsMax: 1024 }, forestModule);
    const score = (rows: Float32Array, count: number) =>
      checked(compiled.score(rows, count, scoreColumn));
    return { trial: trialOf(forest, facts), score };
  } catch (error) {
    return whyUnlikeTrees(error);
  }
}

function byTrees({ score }: Trees): Evaluator {
  return { about: 'trees', score: async (rows, count) => score(rows, count) };
}

/** A verdict about another trial says nothing: then ONNX Runtime is asked. */
async function isAsJudged(trees: Trees, { verdict }: SessionFacts): Promise<boolean> {
  if (verdict?.trial !== trees.trial.id) return false;
  return (await doubtAbout(trees, async () => verdict.scores)) === undefined;
}

/** @returns why the trees are not to be trusted, or nothing */
async function doubtAbout({ trial, score }: Trees, judge: Evaluate): Promise<string | undefined> {
  const { rows, count } = trial;
  try {
    const expected = await judge(rows, count);
    return doubtOf(score(rows, count), expected);
  } catch (error) {
    if (!(error instanceof ShrikeError)) throw error;
    return `in the trial, ${error.message}`;
  }
}
