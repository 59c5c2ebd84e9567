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
  readonly features: readonly number[];
  readonly values: readonly number[];
  readonly trueIds: readonly number[];
  readonly falseIds: readonly number[];
  readonly nanIsTrue: readonly number[];
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
  const weights = weightsOf(node, kind);
  const indexes = new Map<number, number>();
  const roots: number[] = [];
  for (const [i, tree] of treeIds.entries()) {
    // As ONNX Runtime takes it: the root of a tree is the first of its nodes.
    if (i === 0 || treeIds[i - 1] !== tree) roots.push(i);
    indexes.set(keyOf(tree, nodeIds[i]), i);
  }
  const build = (index: number | undefined, depth: number): TreeNode => {
    if (index === undefined || depth > DEPTH_MAX) throw new UnlikeTrees('a tree has no end');
    const at = (id: number | undefined) => build(indexes.get(keyOf(treeIds[index], id)), depth + 1);
    if (lists.modes[index] === 'LEAF') {
      const weight = weights.get(keyOf(treeIds[index], nodeIds[index]));
      if (weight === undefined) throw new UnlikeTrees('a leaf has no weight');
      return { weight };
    }
    return branchOf(lists, index, at);
  };
  if (new Set(treeIds).size !== roots.length) throw new UnlikeTrees('its trees are in pieces');
  return roots.map((root) => build(root, 0));
}

/** One number that names a node of a tree. */
function keyOf(tree = -1, node = -1): number {
  return tree * 2 ** 26 + node;
}

function weightsOf(node: OnnxNode, kind: 'class' | 'target'): Map<number, number> {
  const treeIds = ints(node, `${kind}_treeids`);
  const nodeIds = ints(node, `${kind}_nodeids`);
  const values = floats(node, `${kind}_weights`);
  if (new Set(ints(node, `${kind}_ids`)).size !== 1) {
    throw new UnlikeTrees('its leaves vote for several classes or targets');
  }
  const weights = new Map<number, number>();
  for (const [i, value] of values.entries()) weights.set(keyOf(treeIds[i], nodeIds[i]), value);
  if (weights.size !== values.length) throw new UnlikeTrees('a leaf has several weights');
  return weights;
}

function branchOf(lists: Lists, index: number, at: (id: number | undefined) => TreeNode): Branch {
  const value = lists.values[index] as number;
  const feature = lists.features[index] as number;
  const mode = lists.modes[index] as string;
  const whenTrue = at(lists.trueIds[index]);
  const whenFalse = at(lists.falseIds[index]);
  const nanIsTrue = (lists.nanIsTrue[index] ?? 0) !== 0;
  const below = { feature, below: whenTrue, others: whenFalse, nanIsBelow: nanIsTrue };
  const above = { feature, below: whenFalse, others: whenTrue, nanIsBelow: !nanIsTrue };
  if (!Number.isFinite(value)) throw new UnlikeTrees(`a threshold is ${value}`);
  if (mode === 'BRANCH_LT') return { ...below, threshold: value };
  if (mode === 'BRANCH_LEQ') return { ...below, threshold: nextAbove(value) };
  if (mode === 'BRANCH_GTE') return { ...above, threshold: value };
  if (mode === 'BRANCH_GT') return { ...above, threshold: nextAbove(value) };
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

function ints(node: OnnxNode, name: string): readonly number[] {
  return node.attributes.get(name)?.ints ?? [];
}

function floats(node: OnnxNode, name: string): readonly number[] {
  return node.attributes.get(name)?.floats ?? [];
}

function texts(node: OnnxNode, name: string): readonly string[] {
  return node.attributes.get(name)?.texts ?? [];
}

function text(node: OnnxNode, name: string, otherwise: string): string {
  return node.attributes.get(name)?.text ?? otherwise;
}
