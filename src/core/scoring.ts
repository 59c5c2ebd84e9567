/** The scorer port and the model's facts. */
import type { ModelFacts } from './flow.ts';

export interface Model extends ModelFacts {
  /** Features in the order of the row. */
  readonly features: readonly string[];
}

export interface Scorer {
  /**
   * @param rows row-major, count x model.features.length; given away (transferred)
   * @returns count probabilities in [0, 1], in the order of the rows, and the rows' buffer back
   * @throws SCORING_FAILED, MODEL_OUTPUT_INVALID
   */
  score(rows: Float32Array, count: number): Promise<ScoredRows>;
}

export interface ScoredRows {
  readonly scores: Float32Array;
  readonly rows: Float32Array;
}
