/**
 * A model bundle: a folder with model.onnx and bundle.json. Everything that can be wrong with one
 * is found here, before the first payment, with the name of what is wrong.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { ShrikeError } from '../core/errors.ts';
import type { Model } from '../core/scoring.ts';
import { type BundleFile, parseBundle } from './bundle-format.ts';
import { openRuntime, type SessionFacts, scoreRows } from './session.ts';

export interface ModelBundle extends Model {
  readonly contentId: string;
  readonly folder: string;
  /** For scorer threads: the very bytes that were checked, whatever happens to the file later. */
  readonly session: SessionFacts;
}

/** ONNX Runtime may add the trees in another order on another CPU: the last bits may differ. */
const PROBE_TOLERANCE = 1e-5;

/**
 * @param knownFeatures what the operators yield; the model must take exactly these, in any order
 * @throws MODEL_BUNDLE_MISSING, MODEL_BUNDLE_INVALID, MODEL_NOT_ONNX, MODEL_FEATURES_MISMATCH,
 *   MODEL_OUTPUT_INVALID
 */
export async function loadBundle(
  folder: string,
  knownFeatures: readonly string[],
): Promise<ModelBundle> {
  const file = join(folder, 'bundle.json');
  const bundle = parseBundle((await readPart(file)).toString('utf8'), file);
  const model = await readPart(join(folder, 'model.onnx'));
  const contentId = `sha256:${createHash('sha256').update(model).digest('hex')}`;
  if (contentId !== bundle.id) {
    throw new ShrikeError(
      'MODEL_BUNDLE_INVALID',
      `${file} names the model ${bundle.id}, but model.onnx beside it is ${contentId}`,
    );
  }
  checkFeatures(bundle.features, knownFeatures, file);
  const session: SessionFacts = {
    model,
    input: bundle.input,
    output: bundle.output,
    scoreColumn: bundle.scoreColumn,
    width: bundle.features.length,
  };
  await checkModel(session, bundle, folder);
  return {
    modelId: bundle.name,
    contentId,
    threshold: bundle.threshold,
    featureSet: bundle.featureSet,
    features: bundle.features,
    folder,
    session,
  };
}

async function readPart(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ShrikeError('MODEL_BUNDLE_MISSING', `cannot read ${path}`, { cause });
  }
}

/** The names must be those of the operators, each once. */
function checkFeatures(names: readonly string[], known: readonly string[], file: string): void {
  const widths = `the bundle has ${names.length} features, the operators yield ${known.length}`;
  const fail = (what: string): never => {
    throw new ShrikeError('MODEL_FEATURES_MISMATCH', `${file}: ${what} (${widths})`);
  };
  const seen = new Map<string, number>();
  for (const [i, feature] of names.entries()) {
    if (!known.includes(feature)) fail(`feature ${i}, ${feature}, is yielded by no operator`);
    const before = seen.get(feature);
    if (before !== undefined) fail(`feature ${i}, ${feature}, is feature ${before} already`);
    seen.set(feature, i);
  }
  const absent = known.find((feature) => !seen.has(feature));
  if (absent !== undefined) fail(`feature ${absent} of the operators is not among the model's`);
}

async function checkModel(session: SessionFacts, bundle: BundleFile, folder: string) {
  const runtime = await openRuntime(session.model).catch((cause: ShrikeError) => {
    throw new ShrikeError('MODEL_NOT_ONNX', `${join(folder, 'model.onnx')} is no ONNX model`, {
      cause: cause.cause,
    });
  });
  try {
    checkPorts(runtime, bundle, folder);
    // The first row that the engine could send is all zeros: a model must have an answer to it.
    await scoreRows(runtime, session, { rows: new Float32Array(session.width), count: 1 });
    for (const [i, probe] of (bundle.probes ?? []).entries()) {
      const rows = probeRow(bundle, i);
      const [score] = await scoreRows(runtime, session, { rows, count: 1 });
      if (Math.abs((score as number) - probe.score) > PROBE_TOLERANCE) {
        throw new ShrikeError(
          'MODEL_FEATURES_MISMATCH',
          `${folder}: probe ${i} scores ${score}, the bundle says ${probe.score}: ` +
            'are its features in the order in which the model was trained?',
        );
      }
    }
  } finally {
    await runtime.release();
  }
}

/** Inputs, outputs and widths as the model itself states them. */
function checkPorts(runtime: InferenceSession, bundle: BundleFile, folder: string): void {
  const input = runtime.inputMetadata.find((port) => port.name === bundle.input);
  const output = runtime.outputMetadata.find((port) => port.name === bundle.output);
  const invalid = (what: string): never => {
    throw new ShrikeError('MODEL_BUNDLE_INVALID', `${folder}: ${what}`);
  };
  if (input === undefined || runtime.inputNames.length !== 1) {
    return invalid(`the model's inputs are ${runtime.inputNames.join(', ')}, not ${bundle.input}`);
  }
  if (output === undefined) {
    return invalid(
      `the model's outputs are ${runtime.outputNames.join(', ')}, not ${bundle.output}`,
    );
  }
  if (!input.isTensor || input.type !== 'float32' || input.shape.length !== 2) {
    return invalid(`the input ${bundle.input} is not a float32 tensor of rows and features`);
  }
  if (!output.isTensor || output.type !== 'float32') {
    return invalid(`the output ${bundle.output} is not a float32 tensor (export without ZipMap)`);
  }
  const names = bundle.features;
  const width = input.shape[1];
  if (typeof width === 'number' && width !== names.length) {
    throw new ShrikeError(
      'MODEL_FEATURES_MISMATCH',
      `${folder}: the model takes rows of ${width} features, bundle.json names ${names.length}; ` +
        `the first without a partner is ${names[width] ?? `number ${names.length} of the model`}`,
    );
  }
}

function probeRow(bundle: BundleFile, index: number): Float32Array {
  const probe = bundle.probes?.[index]?.features ?? {};
  return Float32Array.from(bundle.features, (feature) => {
    const value = probe[feature];
    if (value !== undefined) return value;
    throw new ShrikeError('MODEL_BUNDLE_INVALID', `probe ${index} has no value for ${feature}`);
  });
}
