/** Rows that would show a forest which walks its trees wrongly. */
import type { Random } from '../../core/random.ts';
import type { Forest, TreeNode } from './forest-model.ts';

export interface Trial {
  readonly width: number;
  readonly count: number;
  readonly random: Random;
}

/** @returns rows of values at, just below and above the thresholds, far off, and NaN */
export function trialRows(forest: Forest, { width, count, random }: Trial): Float32Array {
  const thresholds = thresholdsOf(forest, width);
  const rows = new Float32Array(count * width);
  for (let i = 0; i < rows.length; i++) {
    const known = thresholds[i % width] as readonly number[];
    // One draw for the three choices: every start waits for these rows.
    const draw = random.int(known.length * OFFSETS.length * 32);
    const choice = Math.floor(draw / 32);
    const near = known[Math.floor(choice / OFFSETS.length)] as number;
    const offset = OFFSETS[choice % OFFSETS.length] as number;
    rows[i] = draw % 32 === 0 ? Number.NaN : near + offset * scaleOf(near);
  }
  return rows;
}

const OFFSETS = [0, 0, -1, 1, -1e-6, 1e-6, -1e6, 1e6, -0.3, 0.3];

function scaleOf(value: number): number {
  return Math.max(1e-3, Math.abs(value));
}

function thresholdsOf(forest: Forest, width: number): number[][] {
  const thresholds: number[][] = Array.from({ length: width }, () => []);
  const visit = (node: TreeNode): void => {
    if ('weight' in node) return;
    thresholds[node.feature]?.push(node.threshold);
    visit(node.below);
    visit(node.others);
  };
  for (const tree of forest.trees) visit(tree);
  for (const known of thresholds) if (known.length === 0) known.push(0);
  return thresholds;
}
