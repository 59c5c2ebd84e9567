/** Asks ONNX Runtime for its verdict on a model's trees, for bundle.json (`shrike model`). */
import { ShrikeError } from '../core/errors.ts';
import type { SessionFacts } from './bundle.ts';
import type { BundleFile } from './bundle-format.ts';
import type { Evaluate } from './scores.ts';
import { type Forest, forestOf, whyUnlikeTrees } from './trees/forest-model.ts';
import { nodesOf } from './trees/onnx-file.ts';
import { doubtOf, trialOf, type Verdict } from './trial.ts';

/**
 * @param score ONNX Runtime's
 * @returns nothing of a model that is not walked as trees, or gives no probabilities everywhere
 * @throws SCORING_FAILED
 */
export async function askVerdict(
  facts: Omit<SessionFacts, 'runtime'>,
  score: Evaluate,
): Promise<Verdict | undefined> {
  const forest = forestIn(facts);
  if (forest === undefined) return undefined;
  const { rows, count, id } = trialOf(forest, facts);
  try {
    return { trial: id, scores: await score(rows, count) };
  } catch (error) {
    if (error instanceof ShrikeError && error.code === 'MODEL_OUTPUT_INVALID') return undefined;
    throw error;
  }
}

/** Whether a verdict in a bundle is what ONNX Runtime says here. */
export function isSame(one: Verdict, other: Verdict | undefined): boolean {
  return one.trial === other?.trial && doubtOf(one.scores, other.scores) === undefined;
}

/** As bundle.json has it. */
export function verdictText({ trial, scores }: Verdict): NonNullable<BundleFile['verdict']> {
  const { buffer, byteOffset, byteLength } = scores;
  return { trial, scores: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

function forestIn({ model, output }: Pick<SessionFacts, 'model' | 'output'>): Forest | undefined {
  try {
    return forestOf(nodesOf(model), output);
  } catch (error) {
    whyUnlikeTrees(error);
    return undefined;
  }
}
