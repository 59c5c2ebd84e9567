/** A forest in a WebAssembly memory, and the scores of rows from it. */
import { BLOCK_ROWS, NODE_BYTES, SEGMENT_BYTES, segmentsOf } from './forest-layout.ts';
import { type Forest, UnlikeTrees } from './forest-model.ts';

const PAGE_BYTES = 65_536;
const COLUMN_BYTES = BLOCK_ROWS * 4;

/** `sum` of forest.wat. */
type Sum = (...addresses: number[]) => void;

export interface ForestShape {
  readonly forest: Forest;
  /** Features of a row. */
  readonly width: number;
  readonly rowsMax: number;
}

export class CompiledForest {
  readonly #shape: ForestShape;
  readonly #sum: Sum;
  readonly #rows: Float32Array;
  readonly #sums: Float32Array;
  readonly #addresses: readonly number[];

  /**
   * @param module forest.wat, compiled
   * @throws UnlikeTrees
   */
  constructor(shape: ForestShape, module: WebAssembly.Module) {
    const { forest, width, rowsMax } = shape;
    const segments = segmentsOf(forest);
    const removals = segments.reduce((sum, segment) => sum + segment.removals.length, 0);
    const leaves = segments.reduce((sum, segment) => sum + segment.weights.length, 0);
    const rowsRoom = Math.ceil(rowsMax / BLOCK_ROWS) * BLOCK_ROWS;

    let end = 0;
    const take = (bytes: number) => {
      const at = end;
      end += Math.ceil(bytes / COLUMN_BYTES) * COLUMN_BYTES;
      return at;
    };
    const at = {
      columns: take(width * COLUMN_BYTES),
      work: take(2 * COLUMN_BYTES),
      segments: take(segments.length * SEGMENT_BYTES),
      nodes: take(removals * NODE_BYTES),
      leaves: take(leaves * 4),
      rows: take(rowsRoom * width * 4),
      sums: take(rowsRoom * 4),
    };
    const memory = new WebAssembly.Memory({ initial: Math.ceil(end / PAGE_BYTES) });
    const view = new DataView(memory.buffer);
    let [segmentAt, nodeAt, leafAt] = [at.segments, at.nodes, at.leaves];
    for (const { removals, weights, kind } of segments) {
      const plain = removals.filter(({ nanIsBelow }) => !nanIsBelow).length;
      view.setUint32(segmentAt, nodeAt + plain * NODE_BYTES, true);
      view.setUint32(segmentAt + 4, nodeAt + removals.length * NODE_BYTES, true);
      view.setUint32(segmentAt + 8, leafAt, true);
      view.setUint32(segmentAt + 12, kind, true);
      segmentAt += SEGMENT_BYTES;
      for (const { feature, threshold, out } of removals) {
        if (feature >= width) throw new UnlikeTrees(`a tree asks for feature ${feature}`);
        view.setUint32(nodeAt, at.columns + feature * COLUMN_BYTES, true);
        view.setFloat32(nodeAt + 4, threshold, true);
        view.setInt32(nodeAt + 8, out, true);
        nodeAt += NODE_BYTES;
      }
      for (const weight of weights) {
        view.setFloat32(leafAt, weight, true);
        leafAt += 4;
      }
    }
    const instance = new WebAssembly.Instance(module, { forest: { memory } });
    this.#sum = instance.exports.sum as Sum;
    this.#shape = shape;
    this.#rows = new Float32Array(memory.buffer, at.rows, rowsRoom * width);
    this.#sums = new Float32Array(memory.buffer, at.sums, rowsRoom);
    this.#addresses = [at.segments, segmentAt, at.nodes, at.columns, at.work, at.sums];
  }

  /**
   * @param rows row-major; the first `count` rows are scored
   * @param column of the output
   * @returns count scores
   */
  score(rows: Float32Array, count: number, column: number): Float32Array {
    const { forest, width, rowsMax } = this.#shape;
    const scores = new Float32Array(count);
    for (let from = 0; from < count; from += rowsMax) {
      const taken = Math.min(rowsMax, count - from);
      this.#rows.set(rows.subarray(from * width, (from + taken) * width));
      this.#sum(this.#rows.byteOffset, taken, width, ...this.#addresses);
      for (let i = 0; i < taken; i++) {
        const sum = Math.fround((this.#sums[i] as number) + forest.base);
        scores[from + i] = forest.columns === 1 ? sum : logistic(column === 0 ? -sum : sum);
      }
    }
    return scores;
  }
}

/** As ONNX Runtime computes it, step by step in float32. */
function logistic(sum: number): number {
  const power = Math.fround(Math.exp(-Math.abs(sum)));
  const upper = Math.fround(1 / Math.fround(1 + power));
  return sum < 0 ? 1 - upper : upper;
}
