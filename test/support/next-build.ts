/**
 * A second build of this program: the release after it, in a folder of its own. Its card_velocity
 * keeps the same memory in another form (version 3), as in `next-release.ts`, so its state level is
 * the next one. Everything else is the same code.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** As tools/build.mjs does it. */
const BUNDLING = [['tools/bundle-programs.mjs'], ['--random-seed=1', 'tools/compile-programs.mjs']];

type Edit = readonly [from: string, to: string];

const EDITS: Readonly<Record<string, readonly Edit[]>> = {
  'src/version.ts': [["'0.1.0'", "'0.2.0'"]],
  'operators/card-fraud.ts': [['STATE_LEVEL = 1', 'STATE_LEVEL = 2']],
  'operators/card-velocity.ts': [
    ['version: 2,', 'version: 3,'],
    ['encodeQueue(queue, WEEK)', 'columns(encodeQueue(queue, WEEK))'],
    ['numbersOf(encoded, NAME, SHAPE.stride)', 'pairs(encoded)'],
    ['{ 1: gapsAndCents }', '{ 1: gapsAndCents, 2: columns },\n  downgrades: { 2: pairs }'],
    [
      'function gapsAndCents',
      `function columns(encoded: unknown): unknown {
        const numbers = numbersOf(encoded, NAME, SHAPE.stride);
        return [numbers.filter((_, i) => i % 2 === 0), numbers.filter((_, i) => i % 2 === 1)];
      }
      function pairs(encoded: unknown): number[] {
        const [gaps, cents] = encoded as [number[], number[]];
        return gaps.flatMap((gap, i) => [gap, cents[i] as number]);
      }
      function gapsAndCents`,
    ],
  ],
};

/** @returns the file of its command line */
export function buildNextRelease(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const name of ['node_modules', 'models', 'package.json']) {
    symlinkSync(resolve(name), join(folder, name));
  }
  // Types have been checked; what the programs are made of is the sources.
  const filter = (from: string) => !/\/dist\/(?:test|\.tsbuild)$|\.map$|\.d\.ts$/.test(from);
  for (const name of ['dist', 'tools', 'src', 'operators', 'state', 'checkpoints']) {
    cpSync(resolve(name), join(folder, name), { recursive: true, filter });
  }
  for (const [path, edits] of Object.entries(EDITS)) {
    let source = readFileSync(path, 'utf8');
    for (const [from, to] of edits) {
      if (source.split(from).length !== 2) throw new Error(`${path} does not have one ${from}`);
      source = source.replace(from, () => to);
    }
    writeFileSync(join(folder, path), source);
  }
  for (const step of BUNDLING) execFileSync(process.execPath, step, { cwd: folder });
  return join(folder, 'dist', 'src', 'cli.js');
}
