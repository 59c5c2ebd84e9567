/** The golden payments' features and scores (test/golden/data), as the reference computed them. */
import { readFileSync } from 'node:fs';

export interface GoldenRows {
  readonly names: readonly string[];
  readonly rows: Float32Array;
  readonly scores: Float32Array;
  readonly count: number;
}

export function readGoldenRows(): GoldenRows {
  const read = (name: string) =>
    readFileSync(`test/golden/data/${name}`, 'utf8').trim().split('\n');
  const [header, ...lines] = read('features.csv');
  const names = (header as string).split(',').slice(1);
  const rows = Float32Array.from(lines.flatMap((line) => line.split(',').slice(1).map(Number)));
  const scores = Float32Array.from(
    read('scores.csv')
      .slice(1)
      .map((line) => Number(line.split(',')[1])),
  );
  return { names, rows, scores, count: lines.length };
}
