/**
 * `npm run chaos -- --minutes 30 [--seed 1]`: runs seeds one after the other, each with its own
 * broker, store and fleet, until the time is over. The first that is not exactly once ends it, and
 * leaves its folder.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { systemClock as clock } from '../../src/core/clock.ts';
import { runChaos } from './chaos.ts';
import { EXACTLY_ONCE } from './verdict.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '1000' },
    faults: { type: 'string', default: '20' },
    members: { type: 'string', default: '3' },
    'outage-ms': { type: 'string', default: '10000' },
  },
});

const end = clock.nowMs() + Number(values.minutes) * 60_000;
for (let seed = Number(values.seed); clock.nowMs() < end; seed++) {
  const folder = mkdtempSync(join(tmpdir(), `shrike-chaos-${seed}-`));
  console.log(`seed ${seed}, in ${folder}`);
  const { verdict, exits, faults } = await runChaos({
    folder,
    seed,
    payments: 60_000,
    ratePerSecond: Number(values.rate),
    outageMsMax: Number(values['outage-ms']),
    membersMax: Number(values.members),
    enough: (count) => count >= Number(values.faults),
    onFault: (line) => console.log(`  ${line}`),
  });
  const isRight = isDeepStrictEqual(verdict, EXACTLY_ONCE) && exits.every((exit) => exit === 0);
  console.log(`seed ${seed}: ${faults.length} faults, ${JSON.stringify({ verdict, exits })}`);
  if (!isRight) {
    console.log(`replay: npm run chaos -- --seed ${seed} --faults ${values.faults}; see ${folder}`);
    process.exit(1);
  }
  rmSync(folder, { recursive: true });
}
