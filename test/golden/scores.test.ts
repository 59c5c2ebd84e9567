/** Scores through the pool of threads, against those of the reference workload. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { type ModelBundle, readBundle } from '../../src/scoring/bundle.ts';
import { type OpenScorer, openScorer } from '../../src/scoring/pool.ts';
import { builtUrl } from '../support/built.ts';
import { readGoldenRows } from '../support/golden-rows.ts';

const golden = readGoldenRows();
const width = 32;
let bundle: ModelBundle;
let scorer: OpenScorer;

beforeAll(async () => {
  bundle = await readBundle('models/default', golden.names);
  const threadFile = builtUrl('src/score-thread.js');
  const limits = { threads: 2, batchRowsMax: 1024, batchWaitMs: 0, runtime: 'auto' as const };
  scorer = await openScorer({ bundle, threadFile, clock: systemClock, ...limits });
});

afterAll(() => scorer.close());

/** Scores all golden rows, `size` rows a request, all requests at once. */
async function scoreBy(size: number): Promise<Float32Array> {
  const scores = new Float32Array(golden.count);
  const requests: Promise<unknown>[] = [];
  for (let from = 0; from < golden.count; from += size) {
    const rows = golden.rows.slice(from * width, (from + size) * width);
    const answer = scorer.score(rows, rows.length / width);
    requests.push(answer.then((scored) => scores.set(scored.scores, from)));
  }
  await Promise.all(requests);
  return scores;
}

test('the 2,026 golden rows score as in the reference, equal as float32', async () => {
  expect(golden.count).toBe(2026);
  expect(await scoreBy(1024)).toEqual(golden.scores);
});

test('a row scores the same bits, whatever shares its call', async () => {
  for (const size of [1, 3, 16, 17, 100, 2026]) {
    expect(await scoreBy(size), `${size} rows a request`).toEqual(golden.scores);
  }
});
