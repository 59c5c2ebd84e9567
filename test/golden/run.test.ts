import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GOLDEN_CSV, shrike } from '../support/command-line.ts';
import { newestCheckpoints } from '../support/newest-checkpoints.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const GOLDEN = 'test/golden/data';
const CSV = ['--source=csv', ...GOLDEN_CSV];
/** Checkpoints, bases and evictions all the time. */
const RESTLESS = [
  '--set=checkpoints.intervalMs=50',
  '--set=checkpoints.compactAfterSegments=2',
  '--set=state.cacheBytesMax=1048576',
];

async function runTo(out: string, data: string, ...args: string[]): Promise<string> {
  const common = ['run', '--no-listen', '--json', '--until-end', `--data=${data}`, `--out=${out}`];
  const { code, stderr } = await shrike(...common, ...args);
  expect(code, stderr).toBe(0);
  return readFileSync(join(out, 'scored.jsonl'), 'utf8');
}

/** Rows of a CSV file, as numbers. */
function numbersOf(file: string): number[][] {
  const [, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => line.split(',').map(Number));
}

test('raw files in, golden scores and features out, whatever the number of workers', async () => {
  const folder = await scratchFolder();
  const at = (name: string) => join(folder, name);
  const features = '--features=csv';
  const one = await runTo(at('out-1'), at('data-1'), ...CSV, features, '--set=workers=1');
  const scores = one
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { idx: number; score: number })
    .map(({ idx, score }) => [idx, Math.fround(score)]);
  const golden = numbersOf(`${GOLDEN}/scores.csv`);
  expect(scores).toEqual(golden.map(([idx, score]) => [idx, Math.fround(score as number)]));

  const rows = numbersOf(join(at('out-1'), 'features.csv'));
  const expected = numbersOf(`${GOLDEN}/features.csv`);
  expect(rows).toHaveLength(expected.length);
  // Features 1, 20, 21 and 22 come from other math libraries there: see the specification.
  const loose = new Set([2, 21, 22, 23]);
  rows.forEach((row, i) => {
    row.forEach((value, k) => {
      const wanted = expected[i]?.[k] as number;
      const tolerance = loose.has(k) ? Math.abs(wanted) * 1e-6 : 0;
      expect(Math.abs(value - wanted), `row ${i}, column ${k}`).toBeLessThanOrEqual(tolerance);
    });
  });

  const three = await runTo(at('out-3'), at('data-3'), ...CSV, '--set=workers=3', ...RESTLESS);
  expect(three).toBe(one);
  expect(newestCheckpoints(at('data-3'))).toEqual(newestCheckpoints(at('data-1')));
});

test('half by one worker, restored from checkpoints, half by three: as if by two in one go', async () => {
  const folder = await scratchFolder();
  const at = (name: string) => join(folder, name);
  const simulate = ['--source=simulate', '--rate=max', '--population=200', ...RESTLESS];
  await runTo(at('first'), at('halves'), ...simulate, '--payments=3000', '--set=workers=1');
  rmSync(at('halves/state'), { recursive: true });
  const halves = await runTo(
    at('second'),
    at('halves'),
    ...simulate,
    '--payments=3000',
    '--set=workers=3',
  );
  const whole = await runTo(
    at('third'),
    at('whole'),
    ...simulate,
    '--payments=6000',
    '--set=workers=2',
  );
  expect(halves.split('\n')).toHaveLength(6001);
  expect(halves).toBe(whole);
  expect(newestCheckpoints(at('halves'))).toEqual(newestCheckpoints(at('whole')));
});
