/** The scorer port and the model's facts. */
import type { ModelFacts } from './flow.ts';

export interface Model extends ModelFacts {
  /** Features in the order of the row. */
  readonly features: readonly string[];
  /**
   * `sha256:` and the hex digest of model.onnx: names the trees, where `modelId` names the release.
   */
  readonly contentId?: string;
}

export interface Scorer {
  /**
   * @param rows row-major, count x model.features.length; not to be touched until the answer
   * @returns count probabilities in [0, 1], in the order of the rows, and the rows
   * @throws SCORING_FAILED, MODEL_OUTPUT_INVALID
   */
  score(rows: Float32Array, count: number): Promise<ScoredRows>;
}

export interface ScoredRows {
  readonly scores: Float32Array;
  readonly rows: Float32Array;
}

/** Row counts of the buckets of `ScorerStats.callRows`: call of at most 1, 2, 4 … 1,024 rows. */
export const CALL_ROWS_BOUNDS: readonly number[] = Array.from({ length: 11 }, (_, i) => 2 ** i);

/** What the scorers did since they were opened. Histograms may be kept: they are copies. */
export interface ScorerStats {
  readonly threads: number;
  readonly busyThreads: number;
  readonly queuedRequests: number;
  readonly queuedRows: number;
  /** Calls of the model that answered, and their rows. */
  readonly calls: number;
  readonly rows: number;
  /** What they took in the scorer threads. */
  readonly busySeconds: number;
  /** Calls that failed, whether or not a second try mended them. */
  readonly failedCalls: number;
  readonly threadDeaths: number;
  /**
   * callRows[i] counts calls of at most CALL_ROWS_BOUNDS[i] rows (and more than the bound before).
   */
  readonly callRows: Float64Array;
  /** From a request's arrival to its scores. */
  readonly latency: { readonly counts: Float64Array; readonly sumMs: number };
}
