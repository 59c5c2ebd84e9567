/**
 * The trial of trees: rows that would show a forest which is walked wrongly, with what ONNX Runtime
 * gives for them. It is asked at start, or was when the bundle was made: then bundle.json has it.
 */
import { createHash } from 'node:crypto';
import { seeded } from '../core/random.ts';
import type { ModelIdentity } from './bundle.ts';
import type { BundleFile } from './bundle-format.ts';
import type { Forest } from './trees/forest-model.ts';
import { trialRows } from './trees/trial-rows.ts';

export interface Trial {
  readonly rows: Float32Array;
  readonly count: number;
  /** Digest of the rows, of the model, and of how it is asked: what a verdict is about. */
  readonly id: string;
}

/** What ONNX Runtime gave for the rows of the trial with this id. */
export interface Verdict {
  readonly trial: string;
  readonly scores: Float32Array;
}

const ROWS = 1024;
const SEED = 1;
/** Exponentials may be rounded differently: one unit in the last place of a float32 near 1. */
const LAST_BIT = 2 ** -23;

export function trialOf(forest: Forest, model: ModelIdentity): Trial {
  const { contentId, input, output, scoreColumn, features } = model;
  const rows = trialRows(forest, { width: features.length, count: ROWS, random: seeded(SEED) });
  const asked = JSON.stringify([contentId, input, output, scoreColumn, features]);
  const id = createHash('sha256').update(asked).update(rows).digest('hex');
  return { rows, count: ROWS, id: `sha256:${id}` };
}

/** As bundle.json has it, back in numbers. */
export function verdictOf({ verdict }: BundleFile): Verdict | undefined {
  if (verdict === undefined) return undefined;
  const bytes = Uint8Array.from(Buffer.from(verdict.scores, 'base64'));
  const scores = new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4));
  return { trial: verdict.trial, scores };
}

/** @returns why the trees are not to be trusted, or nothing */
export function doubtOf(found: Float32Array, expected: Float32Array): string | undefined {
  const differs = (score: number, i: number) =>
    // Written so that a score which is not there differs.
    !(Math.abs(score - (expected[i] as number)) <= LAST_BIT);
  const row = found.findIndex(differs);
  return row < 0 ? undefined : `the trees differ in row ${row} of the trial`;
}
