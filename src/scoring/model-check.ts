/** What can be wrong with a model is found here, before the first payment, with its name. */
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { ShrikeError } from '../core/errors.ts';
import type { SessionFacts } from './bundle.ts';
import type { Evaluate } from './scores.ts';

/** ONNX Runtime may add the trees in another order on another CPU: the last bits may differ. */
const PROBE_TOLERANCE = 1e-5;

/** The model in ONNX Runtime. */
export interface CheckedRuntime {
  readonly score: Evaluate;
  release(): Promise<void>;
}

/**
 * Loads ONNX Runtime: who does not call this does not have it.
 * @returns the session, which has answered as the bundle says
 * @throws MODEL_NOT_ONNX, MODEL_BUNDLE_INVALID, MODEL_FEATURES_MISMATCH, MODEL_OUTPUT_INVALID
 */
export async function openChecked(facts: SessionFacts): Promise<CheckedRuntime> {
  const { openRuntime, scoreRows } = await import('./session.ts');
  const runtime = await openRuntime(facts.model).catch((cause: ShrikeError) => {
    const file = join(facts.folder, 'model.onnx');
    throw new ShrikeError('MODEL_NOT_ONNX', `${file} is no ONNX model`, { cause: cause.cause });
  });
  const score: Evaluate = (rows, count) => scoreRows(runtime, facts, { rows, count });
  try {
    checkPorts(runtime, facts);
    await checkAnswers(score, facts);
  } catch (error) {
    await runtime.release();
    throw error;
  }
  return { score, release: () => runtime.release() };
}

/**
 * Scores a row of zeros and every probe.
 * @throws MODEL_FEATURES_MISMATCH, MODEL_OUTPUT_INVALID
 */
export async function checkAnswers(score: Evaluate, facts: SessionFacts): Promise<void> {
  // The first row that the engine could send is all zeros: a model must have an answer to it.
  await score(new Float32Array(facts.width), 1);
  for (const [i, probe] of facts.probes.entries()) {
    const [found] = await score(probe.row, 1);
    if (Math.abs((found as number) - probe.score) > PROBE_TOLERANCE) {
      throw new ShrikeError(
        'MODEL_FEATURES_MISMATCH',
        `${facts.folder}: probe ${i} scores ${found}, the bundle says ${probe.score}: ` +
          'are its features in the order in which the model was trained?',
      );
    }
  }
}

/** Inputs, outputs and widths as the model itself states them. */
function checkPorts(runtime: InferenceSession, facts: SessionFacts): void {
  const { folder } = facts;
  const input = runtime.inputMetadata.find((port) => port.name === facts.input);
  const output = runtime.outputMetadata.find((port) => port.name === facts.output);
  const invalid = (what: string): never => {
    throw new ShrikeError('MODEL_BUNDLE_INVALID', `${folder}: ${what}`);
  };
  if (input === undefined || runtime.inputNames.length !== 1) {
    return invalid(`the model's inputs are ${runtime.inputNames.join(', ')}, not ${facts.input}`);
  }
  if (output === undefined) {
    return invalid(
      `the model's outputs are ${runtime.outputNames.join(', ')}, not ${facts.output}`,
    );
  }
  if (!input.isTensor || input.type !== 'float32' || input.shape.length !== 2) {
    return invalid(`the input ${facts.input} is not a float32 tensor of rows and features`);
  }
  if (!output.isTensor || output.type !== 'float32') {
    return invalid(`the output ${facts.output} is not a float32 tensor (export without ZipMap)`);
  }
  const names = facts.features;
  const width = input.shape[1];
  if (typeof width === 'number' && width !== names.length) {
    throw new ShrikeError(
      'MODEL_FEATURES_MISMATCH',
      `${folder}: the model takes rows of ${width} features, bundle.json names ${names.length}; ` +
        `the first without a partner is ${names[width] ?? `number ${names.length} of the model`}`,
    );
  }
}
