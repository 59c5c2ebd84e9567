/**
 * Decision trees as an ONNX graph states them, in one form: every test asks whether a feature is
 * below a threshold. What this form cannot say is left to ONNX Runtime, with the reason.
 */
import type { OnnxNode } from './onnx-file.ts';

export interface Leaf {
  readonly weight: number;
}

export interface Branch {
  readonly feature: number;
  /** The row goes to `below` when its feature is less than this (float32). */
  readonly threshold: number;
  readonly nanIsBelow: boolean;
  readonly below: TreeNode;
  readonly others: TreeNode;
}

export type TreeNode = Leaf | Branch;

export interface Forest {
  /** The score is a function of the sum of one leaf of each tree, added in this order. */
  readonly trees: readonly TreeNode[];
  /** Added last. */
  readonly base: number;
  /**
   * Of the output. One: the sum itself. Two, of a classifier: the logistic function of its
   * negative, and of itself.
   */
  readonly columns: 1 | 2;
}

/** Why a model is left to ONNX Runtime. */
export class UnlikeTrees extends Error {}

/**
 * Of an error of reading a model's trees: a file that is cut short is a reason, too.
 * @throws the error, when it is another
 */
export function whyUnlikeTrees(error: unknown): string {
  if (error instanceof UnlikeTrees || error instanceof RangeError) return error.message;
  throw error;
}

/** Deeper trees than this are not what boosting makes. */
const DEPTH_MAX = 64;

/** @throws UnlikeTrees */
export function forestOf(nodes: readonly OnnxNode[], output: string): Forest {
  const [node] = nodes;
  if (node === undefined || nodes.length > 1) throw new UnlikeTrees(`it has ${nodes.length} nodes`);
  const isClassifier = node.type === 'TreeEnsembleClassifier';
  if (node.domain !== 'ai.onnx.ml' || (!isClassifier && node.type !== 'TreeEnsembleRegressor')) {
    throw new UnlikeTrees(`its node is a ${node.type}`);
  }
  if (node.outputs[isClassifier ? 1 : 0] !== output) {
    throw new UnlikeTrees(`${output} is not the trees' own output`);
  }
  const post = text(node, 'post_transform', 'NONE');
  const labels =
    ints(node, 'classlabels_int64s').length + texts(node, 'classlabels_strings').length;
  if (isClassifier && (labels !== 2 || post !== 'LOGISTIC')) {
    throw new UnlikeTrees(`it is a classifier of ${labels} classes with the transform ${post}`);
  }
  // Of a regressor ONNX Runtime leaves the transform out.
  if (!isClassifier && post !== 'NONE') throw new UnlikeTrees(`its transform is ${post}`);
  if (text(node, 'aggregate_function', 'SUM') !== 'SUM') throw new UnlikeTrees('it has no sum');
  const bases = floats(node, 'base_values');
  if (bases.length > 1) throw new UnlikeTrees(`it has ${bases.length} base values`);
  return {
    trees: treesOf(node, isClassifier ? 'class' : 'target'),
    base: bases[0] ?? 0,
    columns: isClassifier ? 2 : 1,
  };
}

/** The attribute's parallel lists, as they stand in the file. */
interface Lists {
  readonly modes: readonly string[];
  readonly features: Float64Array;
  readonly values: Float64Array;
  readonly trueIds: Float64Array;
  readonly falseIds: Float64Array;
  readonly nanIsTrue: Float64Array;
}

function treesOf(node: OnnxNode, kind: 'class' | 'target'): TreeNode[] {
  const treeIds = ints(node, 'nodes_treeids');
  const nodeIds = ints(node, 'nodes_nodeids');
  const lists: Lists = {
    modes: texts(node, 'nodes_modes'),
    features: ints(node, 'nodes_featureids'),
    values: floats(node, 'nodes_values'),
    trueIds: ints(node, 'nodes_truenodeids'),
    falseIds: ints(node, 'nodes_falsenodeids'),
    nanIsTrue: ints(node, 'nodes_missing_value_tracks_true'),
  };
  const places = new Places(treeIds, nodeIds);
  const weights = weightsOf(node, kind, places);
  const build = (index: number | undefined, depth: number): TreeNode => {
    if (index === undefined || depth > DEPTH_MAX) throw new UnlikeTrees('a tree has no end');
    if (lists.modes[index] === 'LEAF') {
      const weight = weights[index];
      if (weight === undefined) throw new UnlikeTrees('a leaf has no weight');
      return { weight };
    }
    const at = (id: number | undefined) => build(places.of(treeIds[index], id), depth + 1);
    return branchOf(lists, index, at);
  };
  return places.roots.map((root) => build(root, 0));
}

/** Where in the lists a node of a tree is: most files number nodes as they list them. */
class Places {
  /** As ONNX Runtime takes it: the root of a tree is the first of its nodes. */
  readonly roots: number[] = [];
  readonly #nodeIds: Float64Array;
  readonly #treeIds: Float64Array;
  readonly #rootOf = new Map<number, number>();
  /** Made when a node is not where it would be then. */
  #all: Map<number, number> | undefined;

  /** @throws UnlikeTrees */
  constructor(treeIds: Float64Array, nodeIds: Float64Array) {
    this.#treeIds = treeIds;
    this.#nodeIds = nodeIds;
    for (let i = 0; i < treeIds.length; i++) {
      if (i > 0 && treeIds[i - 1] === treeIds[i]) continue;
      this.roots.push(i);
      this.#rootOf.set(treeIds[i] as number, i);
    }
    if (this.#rootOf.size !== this.roots.length) throw new UnlikeTrees('its trees are in pieces');
  }

  of(tree: number | undefined, node: number | undefined): number | undefined {
    const root = this.#rootOf.get(tree ?? -1);
    if (root === undefined || node === undefined) return undefined;
    if (this.#treeIds[root + node] === tree && this.#nodeIds[root + node] === node) {
      return root + node;
    }
    this.#all ??= this.#placesOfAll();
    return this.#all.get(keyOf(tree, node));
  }

  #placesOfAll(): Map<number, number> {
    const nodeIds = this.#nodeIds;
    const all = new Map<number, number>();
    for (const [i, tree] of this.#treeIds.entries()) all.set(keyOf(tree, nodeIds[i]), i);
    return all;
  }
}

/** One number that names a node of a tree. */
function keyOf(tree = -1, node = -1): number {
  return tree * 2 ** 26 + node;
}

/** @returns the weight of each leaf, at its place */
function weightsOf(
  node: OnnxNode,
  kind: 'class' | 'target',
  places: Places,
): readonly (number | undefined)[] {
  const treeIds = ints(node, `${kind}_treeids`);
  const nodeIds = ints(node, `${kind}_nodeids`);
  const values = floats(node, `${kind}_weights`);
  if (new Set(ints(node, `${kind}_ids`)).size !== 1) {
    throw new UnlikeTrees('its leaves vote for several classes or targets');
  }
  const weights: (number | undefined)[] = [];
  for (let i = 0; i < values.length; i++) {
    const at = places.of(treeIds[i], nodeIds[i]);
    if (at === undefined) throw new UnlikeTrees('a weight is of no leaf');
    if (weights[at] !== undefined) throw new UnlikeTrees('a leaf has several weights');
    weights[at] = values[i];
  }
  return weights;
}

function branchOf(lists: Lists, index: number, at: (id: number | undefined) => TreeNode): Branch {
  const value = lists.values[index] as number;
  const feature = lists.features[index] as number;
  const mode = lists.modes[index] as string;
  const whenTrue = at(lists.trueIds[index]);
  const whenFalse = at(lists.falseIds[index]);
  const nanIsTrue = (lists.nanIsTrue[index] ?? 0) !== 0;
  if (!Number.isFinite(value)) throw new UnlikeTrees(`a threshold is ${value}`);
  const isUpTo = mode === 'BRANCH_LEQ' || mode === 'BRANCH_GT';
  const threshold = isUpTo ? nextAbove(value) : value;
  if (mode === 'BRANCH_LT' || mode === 'BRANCH_LEQ') {
    return { feature, threshold, nanIsBelow: nanIsTrue, below: whenTrue, others: whenFalse };
  }
  if (mode === 'BRANCH_GTE' || mode === 'BRANCH_GT') {
    return { feature, threshold, nanIsBelow: !nanIsTrue, below: whenFalse, others: whenTrue };
  }
  throw new UnlikeTrees(`a test is a ${mode}`);
}

const word = new DataView(new ArrayBuffer(4));

/** The least float32 above this one: x <= a is x < nextAbove(a). */
export function nextAbove(value: number): number {
  if (value === 0) return 2 ** -149;
  word.setFloat32(0, value);
  word.setInt32(0, word.getInt32(0) + (value > 0 ? 1 : -1));
  return word.getFloat32(0);
}

const NO_NUMBERS = new Float64Array(0);

function ints(node: OnnxNode, name: string): Float64Array {
  return node.attributes.get(name)?.ints ?? NO_NUMBERS;
}

function floats(node: OnnxNode, name: string): Float64Array {
  return node.attributes.get(name)?.floats ?? NO_NUMBERS;
}

function texts(node: OnnxNode, name: string): readonly string[] {
  return node.attributes.get(name)?.texts ?? [];
}

function text(node: OnnxNode, name: string, otherwise: string): string {
  return node.attributes.get(name)?.text ?? otherwise;
}
