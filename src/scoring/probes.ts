/**
 * Rows that show when features stand in another order than the one a model was trained with: of a
 * good probe, the score changes whenever two features are exchanged.
 */
import type { BundleFile } from './bundle-format.ts';
import type { Evaluate } from './scores.ts';

export interface ProbeCandidates {
  /** Names, in the model's order. */
  readonly features: readonly string[];
  /** A value a feature; not empty. */
  readonly rows: readonly (readonly number[])[];
  readonly probesMax: number;
  readonly score: Evaluate;
}

type Pair = readonly [a: number, b: number];

export interface ChosenProbes {
  readonly probes: NonNullable<BundleFile['probes']>;
  /** Of this many exchanges of two features ... */
  readonly exchanges: number;
  /** ... no probe notices these. */
  readonly unnoticed: readonly (readonly [string, string])[];
}

/** A score that moves by less could be the rounding of another machine. */
const NOTICED = 1e-4;
/** Rows of the highest scores, which all are tried: low ones hardly move. */
const HIGHEST = 50;
/** About as many more are tried, spread over the scores. */
const SPREAD = 200;

/**
 * Greedy: the row that notices most of what no other has noticed yet comes next.
 * @throws SCORING_FAILED, MODEL_OUTPUT_INVALID
 */
export async function chooseProbes(candidates: ProbeCandidates): Promise<ChosenProbes> {
  const { features, rows, probesMax, score } = candidates;
  const scores = await score(flat(rows), rows.length);
  const pairs = pairsOf(features.length);
  const worth = new Map<number, Set<number>>();
  for (const i of spread(scores)) {
    worth.set(i, await noticedBy(rows[i] ?? [], pairs, { score, is: scores[i] as number }));
  }
  const seen = new Set<number>();
  const chosen: number[] = [];
  while (chosen.length < probesMax) {
    const [i, gained] = bestOf(worth, seen);
    if (gained.length === 0) break;
    for (const pair of gained) seen.add(pair);
    chosen.push(i);
    worth.delete(i);
  }
  const nameOf = (i: number) => features[i] as string;
  return {
    probes: chosen.map((i) => ({
      features: Object.fromEntries(features.map((name, k) => [name, rows[i]?.[k] as number])),
      score: scores[i] as number,
    })),
    exchanges: pairs.length,
    unnoticed: pairs.filter((_, i) => !seen.has(i)).map(([a, b]) => [nameOf(a), nameOf(b)]),
  };
}

function flat(rows: readonly (readonly number[])[]): Float32Array {
  return Float32Array.from(rows.flat());
}

function pairsOf(width: number): Pair[] {
  const pairs: Pair[] = [];
  for (let a = 0; a < width; a++) for (let b = a + 1; b < width; b++) pairs.push([a, b]);
  return pairs;
}

/** Indexes of the rows to try, highest score first. */
function spread(scores: Float32Array): number[] {
  const order = Array.from(scores.keys()).sort(
    (a, b) => (scores[b] as number) - (scores[a] as number),
  );
  const step = Math.max(1, Math.floor(order.length / SPREAD));
  return order.filter((_, i) => i < HIGHEST || i % step === 0);
}

/** @returns which of the pairs change the row's score when they are exchanged */
async function noticedBy(
  row: readonly number[],
  pairs: readonly Pair[],
  { score, is }: { readonly score: Evaluate; readonly is: number },
): Promise<Set<number>> {
  const exchanged = pairs.map(([a, b]) => {
    const other = [...row];
    [other[a], other[b]] = [row[b] as number, row[a] as number];
    return other;
  });
  if (exchanged.length === 0) return new Set();
  const scores = await score(flat(exchanged), exchanged.length);
  return new Set(
    pairs.flatMap((_, i) => (Math.abs((scores[i] as number) - is) > NOTICED ? [i] : [])),
  );
}

/** @returns the row that notices most beside what has been seen, and what that is */
function bestOf(
  worth: ReadonlyMap<number, ReadonlySet<number>>,
  seen: ReadonlySet<number>,
): readonly [row: number, gained: readonly number[]] {
  let best: readonly [number, readonly number[]] = [-1, []];
  for (const [i, noticed] of worth) {
    const gained = [...noticed].filter((pair) => !seen.has(pair));
    if (gained.length > best[1].length) best = [i, gained];
  }
  return best;
}
