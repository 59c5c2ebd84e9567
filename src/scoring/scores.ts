/** What a model may answer. */
import { ShrikeError } from '../core/errors.ts';

/**
 * @param rows row-major; the first `count` rows are scored
 * @throws SCORING_FAILED, MODEL_OUTPUT_INVALID naming the row
 */
export type Evaluate = (rows: Float32Array, count: number) => Promise<Float32Array>;

/** @throws MODEL_OUTPUT_INVALID naming the row */
export function checked(scores: Float32Array): Float32Array {
  // By index: this is done for every payment, and an iterator of pairs makes an array for each.
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row] as number;
    // Written so that NaN fails it too.
    if (!(score >= 0 && score <= 1)) {
      throw new ShrikeError(
        'MODEL_OUTPUT_INVALID',
        `row ${row} of ${scores.length} scored ${score}; a score is a number from 0 to 1`,
      );
    }
  }
  return scores;
}
