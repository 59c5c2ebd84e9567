import { expect, test } from 'vitest';
import { runRekeySeed } from './rekey-world.ts';

/** As in engine.test.ts: `SHRIKE_SIM_SEED` replays one, `SHRIKE_SIM_SEEDS` runs more. */
const only = process.env.SHRIKE_SIM_SEED;
const from = Number(only ?? process.env.SHRIKE_SIM_FROM ?? 1);
const count = only === undefined ? Number(process.env.SHRIKE_SIM_SEEDS ?? 1000) : 1;

test('every record is re-keyed once or is a dead letter, whatever fails, dies or takes over', async () => {
  const happened: Record<string, number> = {};
  for (let seed = from; seed < from + count; seed++) {
    try {
      const outcome = await runRekeySeed(seed);
      for (const [what, times] of Object.entries(outcome.happened)) {
        happened[what] = (happened[what] ?? 0) + times;
      }
    } catch (error) {
      const replay = `SHRIKE_SIM_SEED=${seed} npx vitest run test/sim/rekey.test.ts`;
      throw new Error(`seed ${seed}: ${(error as Error).message}\n  replay: ${replay}`, {
        cause: error,
      });
    }
  }
  if (only !== undefined) return;
  // A simulation in which nothing goes wrong proves nothing.
  const faults = ['commitFailsBefore', 'commitFailsAfter', 'readFails', 'processDies'];
  for (const fault of [...faults, 'anotherTakesOver']) {
    expect(happened[fault], fault).toBeGreaterThan(count / 10);
  }
}, 300_000);

test('a seed replays to the same history', async () => {
  const first = await runRekeySeed(42);
  const second = await runRekeySeed(42);
  expect(second).toEqual(first);
});
