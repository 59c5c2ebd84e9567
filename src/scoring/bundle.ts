/**
 * A model bundle: a folder with model.onnx and bundle.json. What can be wrong with the two files is
 * found here; what can be wrong with the model, by the scorer threads (`model-check.ts`).
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShrikeError } from '../core/errors.ts';
import type { Model } from '../core/scoring.ts';
import { type BundleFile, parseBundle } from './bundle-format.ts';
import { type Verdict, verdictOf } from './trial.ts';

export interface ModelPorts {
  readonly input: string;
  readonly output: string;
  readonly scoreColumn: number;
  /** Features of a row. */
  readonly width: number;
}

/** Which model it is, and how it is asked. */
export interface ModelIdentity extends ModelPorts {
  /** `sha256:` and the digest of model.onnx. */
  readonly contentId: string;
  /** Their names, in the order of the row. */
  readonly features: readonly string[];
}

/** What a scorer thread has to know of its model. */
export interface SessionFacts extends ModelIdentity {
  /** Names the bundle in messages. */
  readonly folder: string;
  /** Bytes of model.onnx: those whose hash was checked, whatever happens to the file later. */
  readonly model: Uint8Array;
  readonly probes: readonly ProbeRow[];
  /** Of ONNX Runtime, when the bundle was made. */
  readonly verdict?: Verdict | undefined;
  /** Trees are walked by our own code where it gives what ONNX Runtime gives. */
  readonly runtime: 'auto' | 'onnxruntime';
}

interface ProbeRow {
  readonly row: Float32Array;
  readonly score: number;
}

export interface ModelBundle extends Model {
  readonly contentId: string;
  readonly folder: string;
  readonly session: Omit<SessionFacts, 'runtime'>;
}

/**
 * @param knownFeatures what the operators yield; the model must take exactly these, in any order
 * @throws MODEL_BUNDLE_MISSING, MODEL_BUNDLE_INVALID, MODEL_FEATURES_MISMATCH
 */
export async function readBundle(
  folder: string,
  knownFeatures: readonly string[],
): Promise<ModelBundle> {
  const file = join(folder, 'bundle.json');
  const bundle = parseBundle((await readPart(file)).toString('utf8'), file);
  const { model, contentId } = await readModel(folder);
  if (contentId !== bundle.id) {
    throw new ShrikeError(
      'MODEL_BUNDLE_INVALID',
      `${file} names the model ${bundle.id}, but model.onnx beside it is ${contentId}`,
    );
  }
  checkFeatures(bundle.features, knownFeatures, file);
  const session = {
    folder,
    model,
    contentId,
    input: bundle.input,
    output: bundle.output,
    scoreColumn: bundle.scoreColumn,
    width: bundle.features.length,
    features: bundle.features,
    probes: (bundle.probes ?? []).map(({ score }, i) => ({ row: probeRow(bundle, i), score })),
    verdict: verdictOf(bundle),
  };
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

/** @throws MODEL_BUNDLE_MISSING */
export async function readModel(
  folder: string,
): Promise<{ readonly model: Buffer; readonly contentId: string }> {
  const model = await readPart(join(folder, 'model.onnx'));
  return { model, contentId: `sha256:${createHash('sha256').update(model).digest('hex')}` };
}

async function readPart(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ShrikeError('MODEL_BUNDLE_MISSING', `cannot read ${path}`, { cause });
  }
}

/**
 * The names must be those of the operators, each once.
 * @param file names in messages what has the names
 * @throws MODEL_FEATURES_MISMATCH
 */
export function checkFeatures(
  names: readonly string[],
  known: readonly string[],
  file: string,
): void {
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

function probeRow(bundle: BundleFile, index: number): Float32Array {
  const probe = bundle.probes?.[index]?.features ?? {};
  return Float32Array.from(bundle.features, (feature) => {
    const value = probe[feature];
    if (value !== undefined) return value;
    throw new ShrikeError('MODEL_BUNDLE_INVALID', `probe ${index} has no value for ${feature}`);
  });
}
