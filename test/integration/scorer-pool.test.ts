/** The pool with real threads and real sessions. */
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { ShrikeError } from '../../src/core/errors.ts';
import { readBundle } from '../../src/scoring/bundle.ts';
import { type OpenScorer, openScorer } from '../../src/scoring/pool.ts';
import { builtUrl } from '../support/built.ts';
import { writeBundle } from '../support/bundles.ts';
import { tinyOnnx } from '../support/tiny-onnx.ts';

const real = builtUrl('src/score-thread.js');
const mortal = new URL('../support/mortal-score-thread.mjs', import.meta.url);
const opened: OpenScorer[] = [];

async function open(threadFile: URL, threads = 2, batchRowsMax = 1024): Promise<OpenScorer> {
  const bundle = await readBundle(writeBundle({ model: tinyOnnx({ op: 'Sigmoid', width: 3 }) }), [
    'a',
    'b',
    'c',
  ]);
  const limits = { threads, batchRowsMax, batchWaitMs: 0, runtime: 'auto' as const };
  const scorer = await openScorer({ bundle, threadFile, clock: systemClock, ...limits });
  opened.push(scorer);
  return scorer;
}

/** sigmoid(b) of the rows, rounded to 4 digits, or the error. */
const ask = (scorer: OpenScorer, ...rows: [number, number][]) =>
  scorer.score(Float32Array.from(rows.flatMap(([a, b]) => [a, b, 0])), rows.length).then(
    ({ scores }) => Array.from(scores, (score) => score.toFixed(4)),
    (error: ShrikeError) => `${error.code} ${error.message}`,
  );

const dead = 'SCORING_FAILED a scorer thread ended, or could not start';

afterEach(async () => {
  for (const scorer of opened.splice(0)) await scorer.close();
});

test('many requests at once are scored on all threads, each gets its own scores', async () => {
  const scorer = await open(real, 2, 64);
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, i) => ask(scorer, [0, 0], [0, i % 3])),
  );
  const bySize = ['0.5000', '0.7311', '0.8808'];
  expect(answers).toEqual(Array.from({ length: 300 }, (_, i) => ['0.5000', bySize[i % 3]]));
  expect(scorer.stats()).toMatchObject({ threads: 2, rows: 600, busyThreads: 0, queuedRows: 0 });
  expect(scorer.stats().calls).toBeLessThan(20);
});

test('once the pool is open, it is known what evaluates the model', async () => {
  const late = new URL('../support/late-score-thread.mjs', import.meta.url);
  expect((await open(late)).about).toBe('late');
  expect((await open(real)).about).toBe('onnxruntime (its node is a Sigmoid)');
});

test('a row that scores NaN fails its own request and no other', async () => {
  const scorer = await open(real, 1);
  const answers = [ask(scorer, [0, 1]), ask(scorer, [0, 0], [0, Number.NaN]), ask(scorer, [0, 2])];
  expect(await Promise.all(answers)).toEqual([
    ['0.7311'],
    'MODEL_OUTPUT_INVALID row 1 of 2 scored NaN; a score is a number from 0 to 1',
    ['0.8808'],
  ]);
});

test('a thread that dies is replaced, and only the request that killed it fails', async () => {
  const scorer = await open(mortal, 1);
  const answers = [ask(scorer, [0, 1]), ask(scorer, [666, 0]), ask(scorer, [0, 2])];
  expect(await Promise.all(answers)).toEqual([['0.7311'], dead, ['0.8808']]);
  expect(scorer.stats().threadDeaths).toBe(2);
  expect(await ask(scorer, [0, 0])).toEqual(['0.5000']);
});

test('threads that die again and again do not make a request wait for ever', async () => {
  const scorer = await open(mortal, 2);
  for (let i = 0; i < 3; i++) expect(await ask(scorer, [666, 0])).toBe(dead);
  expect(await ask(scorer, [0, 0])).toEqual(['0.5000']);
});

test.each(['throw', 'exit'])(
  'while no thread can start (%s) requests fail instead of waiting, and then they are scored again',
  async (death) => {
    const scorer = await open(mortal, 2);
    process.env.SHRIKE_TEST_STILLBORN = death;
    try {
      for (let i = 0; i < 3; i++) expect(await ask(scorer, [666, 0])).toBe(dead);
      expect(await ask(scorer, [0, 0])).toBe(dead);
    } finally {
      delete process.env.SHRIKE_TEST_STILLBORN;
    }
    expect(await ask(scorer, [0, 0])).toEqual(['0.5000']);
  },
);

test('a pool whose threads cannot start says so', async () => {
  const nowhere = new URL('../support/no-such-thread.mjs', import.meta.url);
  await expect(open(nowhere)).rejects.toThrow(/a scorer thread ended, or could not start/);
});

test('close answers what was asked and refuses what comes after', async () => {
  const scorer = await open(real, 1, 2);
  const answers = Array.from({ length: 10 }, () => ask(scorer, [0, 0], [0, 1]));
  const closed = scorer.close();
  expect(await ask(scorer, [0, 0])).toBe('SCORING_FAILED the scorer is closed');
  await closed;
  expect(await Promise.all(answers)).toEqual(Array(10).fill(['0.5000', '0.7311']));
});
