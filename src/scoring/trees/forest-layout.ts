/** Trees as the segments, nodes and leaves that `forest.wat` walks through (Q1 to Q3). */
import { type Branch, type Forest, type TreeNode, UnlikeTrees } from './forest-model.ts';

/** Rows of a block. */
export const BLOCK_ROWS = 16;
export const NODE_BYTES = 12;
export const SEGMENT_BYTES = 16;
const SEGMENT_LEAVES = 32;
/** More leaves than this make a tree cheaper to walk down than to sweep through. */
const TREE_LEAVES_MAX = 256;

/** What one node does to one segment. */
interface Removal {
  readonly feature: number;
  readonly threshold: number;
  /** Bits of the leaves that are out when the row is not below the threshold. */
  readonly out: number;
  readonly nanIsBelow: boolean;
}

export interface Segment {
  readonly removals: readonly Removal[];
  readonly weights: readonly number[];
  /** 0: the whole tree; 1: the first segment of a tree; 2: a later one. */
  readonly kind: 0 | 1 | 2;
}

/** @throws UnlikeTrees when a tree is too large for this way */
export function segmentsOf({ trees }: Forest): Segment[] {
  return trees.flatMap((tree) => treeSegments(tree));
}

interface Range {
  readonly branch: Branch;
  readonly from: number;
  /** First leaf that is not below. */
  readonly to: number;
}

function treeSegments(root: TreeNode): Segment[] {
  const weights: number[] = [];
  const ranges: Range[] = [];
  const visit = (node: TreeNode): void => {
    if ('weight' in node) {
      weights.push(node.weight);
      return;
    }
    const from = weights.length;
    visit(node.below);
    ranges.push({ branch: node, from, to: weights.length });
    visit(node.others);
  };
  visit(root);
  if (weights.length > TREE_LEAVES_MAX) {
    throw new UnlikeTrees(`a tree has ${weights.length} leaves`);
  }
  const segments: Segment[] = [];
  for (let first = 0; first < weights.length; first += SEGMENT_LEAVES) {
    segments.push({
      removals: removalsOf(ranges, first),
      weights: weights.slice(first, first + SEGMENT_LEAVES),
      kind: weights.length <= SEGMENT_LEAVES ? 0 : first === 0 ? 1 : 2,
    });
  }
  return segments;
}

/** Those for which NaN is not below come first: each kind has a loop of its own. */
function removalsOf(ranges: readonly Range[], first: number): Removal[] {
  const removals: Removal[] = [];
  for (const { branch, from, to } of ranges) {
    const low = Math.max(from, first);
    const high = Math.min(to, first + SEGMENT_LEAVES);
    if (low >= high) continue;
    const ones = high - low === SEGMENT_LEAVES ? -1 : (1 << (high - low)) - 1;
    const { feature, threshold, nanIsBelow } = branch;
    removals.push({ feature, threshold, out: ones << (low - first), nanIsBelow });
  }
  const isPlain = ({ nanIsBelow }: Removal) => !nanIsBelow;
  if (removals.every(isPlain)) return removals;
  return [...removals.filter(isPlain), ...removals.filter((one) => !isPlain(one))];
}
