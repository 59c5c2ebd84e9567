import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import { Batcher, type BatcherSetup, type CallResult } from '../../src/scoring/batcher.ts';

const INVALID = new ShrikeError('MODEL_OUTPUT_INVALID', 'row 0 of 1 scored NaN');
const BROKEN = new ShrikeError('SCORING_FAILED', 'a scorer thread ended');

/** Rows of width 2: (value, fate). The score is value / 100; fate 1 is nonsense, 2 a death. */
function answer(rows: Float32Array, count: number): CallResult {
  const scores = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    if (rows[2 * i + 1] === 1) return { rows, failure: INVALID };
    if (rows[2 * i + 1] === 2) return { failure: BROKEN };
    scores[i] = (rows[2 * i] as number) / 100;
  }
  return { rows, scores, busyMs: 500 };
}

/** A batcher whose calls wait until `finish()`; `calls` holds the values of each call's rows. */
function gated(setup: Partial<BatcherSetup> = {}) {
  const calls: number[][] = [];
  const gates: (() => void)[] = [];
  const batcher = new Batcher({
    width: 2,
    rowsMax: 4,
    waitMs: 0,
    lanes: 1,
    clock: systemClock,
    call: async (rows, count) => {
      calls.push(Array.from({ length: count }, (_, i) => rows[2 * i] as number));
      await new Promise<void>((resolve) => gates.push(resolve));
      return answer(rows, count);
    },
    ...setup,
  });
  const finish = async () => {
    gates.shift()?.();
    await systemClock.yield();
  };
  return { batcher, calls, finish };
}

const rowsOf = (values: readonly number[], fate = 0) =>
  Float32Array.from(values.flatMap((value) => [value, fate]));
const ask = (batcher: Batcher, values: number[], fate = 0) =>
  batcher.score(rowsOf(values, fate), values.length).then(
    ({ scores }) => Array.from(scores, (score) => Math.round(score * 100)),
    (error: ShrikeError) => error.code,
  );

test('requests of one turn of the event loop share a call', async () => {
  const { batcher, calls, finish } = gated();
  const answers = [ask(batcher, [1]), ask(batcher, [2, 3])];
  await systemClock.yield();
  await finish();
  expect(await Promise.all(answers)).toEqual([[1], [2, 3]]);
  expect(calls).toEqual([[1, 2, 3]]);
});

test('requests that arrive while all lanes are busy share the next call', async () => {
  const { batcher, calls, finish } = gated();
  const answers = [ask(batcher, [1])];
  await systemClock.yield();
  for (const value of [2, 3, 4, 5, 6]) answers.push(ask(batcher, [value]));
  await systemClock.yield();
  expect(batcher.stats()).toMatchObject({ busyThreads: 1, queuedRequests: 5, queuedRows: 5 });
  for (let i = 0; i < 3; i++) await finish();
  expect(await Promise.all(answers)).toEqual([[1], [2], [3], [4], [5], [6]]);
  expect(calls).toEqual([[1], [2, 3, 4, 5], [6]]);
});

test('B2: a request is split only when it alone has more than rowsMax rows', async () => {
  const { batcher, calls, finish } = gated();
  const answers = [ask(batcher, [1, 2, 3]), ask(batcher, [4, 5]), ask(batcher, [6, 7, 8, 9, 10])];
  await systemClock.yield();
  for (let i = 0; i < 4; i++) await finish();
  expect(calls).toEqual([[1, 2, 3], [4, 5], [6, 7, 8, 9], [10]]);
  expect(await Promise.all(answers)).toEqual([
    [1, 2, 3],
    [4, 5],
    [6, 7, 8, 9, 10],
  ]);
});

test('two lanes work at the same time', async () => {
  const { batcher, calls, finish } = gated({ lanes: 2, rowsMax: 1 });
  const answers = [ask(batcher, [1]), ask(batcher, [2]), ask(batcher, [3])];
  await systemClock.yield();
  expect(calls).toEqual([[1], [2]]);
  for (let i = 0; i < 3; i++) await finish();
  expect(await Promise.all(answers)).toEqual([[1], [2], [3]]);
});

test('B3: the rows come back in the buffer in which they came, unchanged', async () => {
  const { batcher, finish } = gated();
  const rows = rowsOf([7, 8]);
  const answer = batcher.score(rows, 2);
  await systemClock.yield();
  await finish();
  expect((await answer).rows).toBe(rows);
  expect([...rows]).toEqual([7, 0, 8, 0]);
});

test('B4: a request that the model cannot score fails alone, its neighbours do not', async () => {
  const { batcher, calls, finish } = gated();
  const answers = [ask(batcher, [1]), ask(batcher, [2], 1), ask(batcher, [3])];
  await systemClock.yield();
  for (let i = 0; i < 4; i++) await finish();
  expect(await Promise.all(answers)).toEqual([[1], 'MODEL_OUTPUT_INVALID', [3]]);
  expect(calls).toEqual([[1, 2, 3], [1], [2], [3]]);
  expect(batcher.stats()).toMatchObject({ calls: 2, rows: 2, failedCalls: 2, busySeconds: 1 });
});

test('B4: a call whose thread died is made once more, a nonsense answer stands', async () => {
  const { batcher, calls, finish } = gated();
  const answers = [ask(batcher, [1], 2)];
  await systemClock.yield();
  for (let i = 0; i < 2; i++) await finish();
  answers.push(ask(batcher, [2], 1));
  await systemClock.yield();
  await finish();
  expect(await Promise.all(answers)).toEqual(['SCORING_FAILED', 'MODEL_OUTPUT_INVALID']);
  expect(calls).toEqual([[1], [1], [2]]);
});

test('B1: a split request with a bad part fails once, and hurts no other', async () => {
  const { batcher, finish } = gated({ rowsMax: 2 });
  const rows = Float32Array.of(1, 1, 2, 0, 3, 0, 4, 0);
  const answers = [batcher.score(rows, 4).catch((e: ShrikeError) => e.code), ask(batcher, [5])];
  await systemClock.yield();
  for (let i = 0; i < 3; i++) await finish();
  expect(await Promise.all(answers)).toEqual(['MODEL_OUTPUT_INVALID', [5]]);
  await batcher.drain();
});

test('with a wait, a request waits for others until time is up or the call is full', async () => {
  let wakeUp = () => {};
  const waits: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        waits.push(ms);
        wakeUp = resolve;
        signal?.addEventListener('abort', () => resolve());
      }),
  };
  const { batcher, calls, finish } = gated({ waitMs: 5, clock, rowsMax: 3 });
  const answers = [ask(batcher, [1])];
  await systemClock.yield();
  answers.push(ask(batcher, [2]));
  await systemClock.yield();
  expect(calls).toEqual([]);
  wakeUp();
  await systemClock.yield();
  await finish();
  answers.push(ask(batcher, [3]));
  await systemClock.yield();
  answers.push(ask(batcher, [4, 5]));
  await systemClock.yield();
  await finish();
  expect(await Promise.all(answers)).toEqual([[1], [2], [3], [4, 5]]);
  expect(calls).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  expect(waits).toEqual([5, 5]);
});

test('no rows are answered at once, without a call', async () => {
  const { batcher, calls } = gated();
  expect(await ask(batcher, [])).toEqual([]);
  expect(calls).toEqual([]);
});

test('the sizes of calls are counted in powers of two', async () => {
  const { batcher, finish } = gated();
  for (const values of [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]) {
    const answer = ask(batcher, values);
    await systemClock.yield();
    await finish();
    await answer;
  }
  expect([...batcher.stats().callRows]).toEqual([1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
});
