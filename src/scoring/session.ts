/** One ONNX Runtime session on the calling thread, and the check of what it answers. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { ShrikeError } from '../core/errors.ts';
import type { ModelPorts } from './bundle.ts';
import { checked } from './scores.ts';

/** Opens the model for one thread: a scorer is one core, and the pool counts the cores. */
export async function openRuntime(model: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new ShrikeError(
      'MODEL_NOT_ONNX',
      `ONNX Runtime cannot load the model of ${model.length} bytes`,
      { cause },
    );
  }
}

/**
 * @param rows row-major; the first `count` rows are scored
 * @returns count probabilities
 * @throws SCORING_FAILED, MODEL_OUTPUT_INVALID naming the row
 */
export async function scoreRows(
  runtime: InferenceSession,
  facts: ModelPorts,
  { rows, count }: { readonly rows: Float32Array; readonly count: number },
): Promise<Float32Array> {
  const { input, output, width } = facts;
  const tensor = new Tensor('float32', rows.subarray(0, count * width), [count, width]);
  let answer: Tensor;
  try {
    answer = (await runtime.run({ [input]: tensor }, [output]))[output] as Tensor;
  } catch (cause) {
    throw new ShrikeError('SCORING_FAILED', `ONNX Runtime failed on ${count} rows`, { cause });
  }
  return pickScores(answer.data as Float32Array, facts, count);
}

function pickScores(table: Float32Array, facts: ModelPorts, count: number): Float32Array {
  const { scoreColumn: column, output } = facts;
  const columns = table.length / count;
  if (!Number.isInteger(columns) || column >= columns) {
    throw new ShrikeError(
      'MODEL_OUTPUT_INVALID',
      `the output ${output} has ${table.length} values for ${count} rows, ` +
        `the score is column ${column}`,
    );
  }
  const scores = new Float32Array(count);
  for (let row = 0, at = column; row < count; row++, at += columns) {
    scores[row] = table[at] as number;
  }
  return checked(scores);
}
