import { expect, test } from 'vitest';
import { levelOf, writeSchemaOf } from '../../state/write-schema.ts';
import { nextRelease } from '../support/next-release.ts';
import { ROUGH, runSeed } from './run-seed.ts';
import { type Release, simFlow } from './world.ts';

/** `SHRIKE_SIM_SEED=8123` replays one; `SHRIKE_SIM_SEEDS=10000` runs more. */
const only = process.env.SHRIKE_SIM_SEED;
const from = Number(only ?? 1);
const count = only === undefined ? Number(process.env.SHRIKE_SIM_SEEDS ?? 200) : 1;

const flow = simFlow();
const level = levelOf(flow, { program: 'sim', createdAtMs: 0 });
const releases: readonly Release[] = [flow, nextRelease(flow)].map((of) => ({
  flow: of,
  schema: writeSchemaOf(of, level),
}));

test('U1: whichever release each process is of, outputs and state are those of the older one alone', async () => {
  const started = [0, 0];
  for (let seed = from; seed < from + count; seed++) {
    try {
      const { happened } = await runSeed(seed, { ...ROUGH, processDies: 0.01 }, releases);
      for (const i of [0, 1]) started[i] = (started[i] ?? 0) + (happened[`level ${i + 1}`] ?? 0);
    } catch (error) {
      const replay = `SHRIKE_SIM_SEED=${seed} npx vitest run test/sim/upgrade.test.ts`;
      throw new Error(`seed ${seed}: ${(error as Error).message}\n  replay: ${replay}`, {
        cause: error,
      });
    }
  }
  if (only !== undefined) return;
  for (const processes of started) expect(processes).toBeGreaterThan(2 * count);
}, 300_000);
