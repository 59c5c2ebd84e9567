import { expect, test } from 'vitest';
import { runSeed } from './run-seed.ts';

/**
 * `SHRIKE_SIM_SEED=8123` replays one; `SHRIKE_SIM_SEEDS=100000` runs more, `SHRIKE_SIM_FROM` from
 * where.
 */
const only = process.env.SHRIKE_SIM_SEED;
const from = Number(only ?? process.env.SHRIKE_SIM_FROM ?? 1);
const count = only === undefined ? Number(process.env.SHRIKE_SIM_SEEDS ?? 2000) : 1;

test('exactly once and the state of a run that never stopped, whatever dies when', async () => {
  const happened: Record<string, number> = {};
  for (let seed = from; seed < from + count; seed++) {
    try {
      const outcome = await runSeed(seed);
      for (const [what, times] of Object.entries(outcome.happened)) {
        happened[what] = (happened[what] ?? 0) + times;
      }
    } catch (error) {
      const replay = `SHRIKE_SIM_SEED=${seed} npx vitest run test/sim/engine.test.ts`;
      throw new Error(`seed ${seed}: ${(error as Error).message}\n  replay: ${replay}`, {
        cause: error,
      });
    }
  }
  if (only !== undefined) return;
  // A simulation in which nothing goes wrong proves nothing.
  for (const fault of ['commitFailsAfter', 'workerDies', 'processDies', 'diskIsLost']) {
    expect(happened[fault], fault).toBeGreaterThan(count / 100);
  }
}, 900_000);

test('a seed replays to the same history', async () => {
  const first = await runSeed(42);
  const second = await runSeed(42);
  expect(second).toEqual(first);
});
