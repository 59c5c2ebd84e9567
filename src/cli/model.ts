/** `shrike model`: makes a bundle of a model, and checks one as the engine does at its start. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FEATURE_ORDER, FEATURE_SET } from '../../operators/index.ts';
import { systemClock as clock } from '../core/clock.ts';
import { ShrikeError } from '../core/errors.ts';
import { writeError } from '../ingest/text-file.ts';
import { checkFeatures, type ModelBundle, readBundle, readModel } from '../scoring/bundle.ts';
import { type BundleFile, parseBundle } from '../scoring/bundle-format.ts';
import { type OpenScorer, openScorer } from '../scoring/pool.ts';
import { chooseProbes } from '../scoring/probes.ts';
import type { Evaluate } from '../scoring/scores.ts';
import type { Verdict } from '../scoring/trial.ts';
import { askVerdict, isSame, verdictText } from '../scoring/verdict.ts';
import { print, printJson } from './common.ts';
import { readFeatureRows } from './feature-rows.ts';

export interface CheckOptions {
  readonly json?: boolean;
  /** Write ONNX Runtime's verdict into bundle.json. */
  readonly judge?: boolean;
}

export interface BundleOptions {
  readonly json?: boolean;
  readonly name: string;
  readonly rows: string;
  readonly featureSet?: string;
  readonly threshold: string;
  readonly input: string;
  readonly output: string;
  readonly column: number;
  readonly probes: number;
}

const SCORE_THREAD = new URL('../score-thread.js', import.meta.url);
const BATCH_ROWS_MAX = 1024;

/**
 * Writes bundle.json beside the folder's model.onnx, when the model answers.
 * @throws MODEL_BUNDLE_MISSING, MODEL_NOT_ONNX, MODEL_BUNDLE_INVALID, MODEL_FEATURES_MISMATCH,
 *   MODEL_OUTPUT_INVALID, CSV_*, DATA_DIR_UNWRITABLE
 */
export async function bundle(folder: string, options: BundleOptions): Promise<void> {
  const { features, rows } = await readFeatureRows(options.rows);
  checkFeatures(features, FEATURE_ORDER, options.rows);
  const { model, contentId } = await readModel(folder);
  const file = join(folder, 'bundle.json');
  const draft = {
    format: 1,
    id: contentId,
    name: options.name,
    featureSet: options.featureSet ?? FEATURE_SET,
    input: options.input,
    output: options.output,
    scoreColumn: options.column,
    threshold: thresholdOf(options.threshold),
    features,
  };
  const { input, output, scoreColumn } = parseBundle(JSON.stringify(draft), file);
  const width = features.length;
  const ports = { folder, model, contentId, input, output, scoreColumn, width, features };
  const facing = { ...ports, probes: [] };
  // ONNX Runtime is the judge of every other evaluation.
  const [chosen, verdict] = await byRuntime(facing, async (score) => [
    await chooseProbes({ features, rows, probesMax: options.probes, score }),
    await askVerdict(facing, score),
  ]);
  await write(file, { ...draft, probes: chosen.probes, ...verdictPart(verdict) });
  const facts = await checked(folder);
  const { exchanges, unnoticed } = chosen;
  if (options.json === true) return printJson({ ...facts, exchanges, unnoticed });
  print(textOf(facts));
  const noticed = exchanges - unnoticed.length;
  print(`${noticed} of ${exchanges} exchanges of two features would be noticed`);
  if (unnoticed.length > 0) print(`unnoticed: ${unnoticed.map((two) => two.join('/')).join(' ')}`);
}

/** @throws what the engine says at its start about a bundle that it cannot use */
export async function check(folder: string, { json, judge }: CheckOptions): Promise<void> {
  if (judge === true) await writeVerdict(folder);
  const facts = await checked(folder);
  if (json === true) return printJson(facts);
  print(textOf(facts));
}

interface BundleFacts {
  readonly folder: string;
  readonly name: string;
  readonly id: string;
  readonly featureSet: string;
  readonly features: number;
  readonly threshold: number;
  readonly probes: number;
  /** `trees`, or `onnxruntime` and why. */
  readonly by: string;
  /** The verdict in bundle.json: `current`, `outdated` (the engine does not use it) or `none`. */
  readonly verdict: string;
}

async function checked(folder: string): Promise<BundleFacts> {
  const { modelId, contentId, featureSet, features, threshold, session } = await readBundle(
    folder,
    FEATURE_ORDER,
  );
  return {
    ...{ folder, name: modelId, id: contentId ?? '', featureSet, features: features.length },
    ...{ threshold, probes: session.probes.length },
    // By ONNX Runtime in person, whatever the bundle says that it said.
    by: await withScorer(
      { ...session, verdict: undefined },
      'auto',
      async (scorer) => scorer.about,
    ),
    verdict: await stateOfVerdict(session),
  };
}

async function stateOfVerdict(session: Session): Promise<string> {
  const { verdict } = session;
  if (verdict === undefined) return 'none';
  const now = await verdictHere(session);
  return isSame(verdict, now) ? 'current' : 'outdated';
}

/** @throws what `checked` throws, DATA_DIR_UNWRITABLE */
async function writeVerdict(folder: string): Promise<void> {
  const { session } = await readBundle(folder, FEATURE_ORDER);
  const verdict = await verdictHere(session);
  const file = join(folder, 'bundle.json');
  const { verdict: _, ...rest } = parseBundle(await readFile(file, 'utf8'), file);
  await write(file, { ...rest, ...verdictPart(verdict) });
}

function verdictHere(session: Session): Promise<Verdict | undefined> {
  return byRuntime(session, async (score) => askVerdict(session, score));
}

function verdictPart(verdict: Verdict | undefined): Pick<BundleFile, 'verdict'> {
  return verdict === undefined ? {} : { verdict: verdictText(verdict) };
}

function textOf({ folder, name, id, ...facts }: BundleFacts): string {
  return (
    `${folder}: ${name}, ${id}\n` +
    `feature set ${facts.featureSet} (${facts.features}), threshold ${facts.threshold}, ` +
    `${facts.probes} probes, evaluated by ${facts.by}` +
    (facts.by === 'trees' ? ` (verdict: ${facts.verdict})` : '')
  );
}

type Session = ModelBundle['session'];

function byRuntime<T>(session: Session, use: (score: Evaluate) => Promise<T>): Promise<T> {
  return withScorer(session, 'onnxruntime', (scorer) =>
    use(async (rows, count) => (await scorer.score(rows, count)).scores),
  );
}

async function withScorer<T>(
  session: Session,
  runtime: 'auto' | 'onnxruntime',
  use: (scorer: OpenScorer) => Promise<T>,
): Promise<T> {
  const scorer = await openScorer({
    ...{ bundle: { session }, runtime, threads: 1, batchRowsMax: BATCH_ROWS_MAX, batchWaitMs: 0 },
    ...{ clock, threadFile: SCORE_THREAD },
  });
  try {
    return await use(scorer);
  } finally {
    await scorer.close();
  }
}

async function write(file: string, content: object): Promise<void> {
  const text = `${JSON.stringify(content, null, 1)}\n`;
  parseBundle(text, file); // what nobody could read is not written
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw writeError(file, cause);
  }
}

function thresholdOf(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new ShrikeError(
    'USAGE',
    `--threshold wants a number from 0 to 1, not ${JSON.stringify(text)}`,
  );
}
