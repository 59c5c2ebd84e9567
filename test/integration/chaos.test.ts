import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runChaos } from '../chaos/chaos.ts';
import type { Step } from '../chaos/schedule.ts';
import { EXACTLY_ONCE } from '../chaos/verdict.ts';

/**
 * One of each kind, most of them in the way of a member that owns partitions. `npm run chaos` draws
 * more of them, in orders of its own.
 */
const STEPS: readonly Step[] = [
  { waitMs: 1500, who: 0, fault: { kind: 'kill', wipe: true, downMs: 200 } },
  { waitMs: 1500, who: 0.9, fault: { kind: 'kill', wipe: false, downMs: 4000 } },
  { waitMs: 1000, who: 0, fault: { kind: 'freeze', forMs: 5000, twin: false } },
  { waitMs: 1000, who: 0.9, fault: { kind: 'freeze', forMs: 5000, twin: true } },
  { waitMs: 500, who: 0, fault: { kind: 'scale', by: 1 } },
  { waitMs: 1500, who: 0, fault: { kind: 'restart' } },
  { waitMs: 500, who: 0, fault: { kind: 'broker pause', forMs: 3000 } },
  { waitMs: 500, who: 0, fault: { kind: 'broker cut', forMs: 1500 } },
  { waitMs: 500, who: 0, fault: { kind: 'broker slow', forMs: 2000, delayMs: 100 } },
  { waitMs: 500, who: 0, fault: { kind: 'store down', forMs: 3000 } },
  { waitMs: 500, who: 0, fault: { kind: 'store cut', forMs: 1500 } },
  { waitMs: 500, who: 0, fault: { kind: 'broker kill' } },
  { waitMs: 500, who: 0, fault: { kind: 'broker restart' } },
  { waitMs: 500, who: 0.5, fault: { kind: 'scale', by: -1 } },
];

const folder = mkdtempSync(join(tmpdir(), 'shrike-chaos-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('whatever ends, freezes, comes back or cannot be reached: every payment once, and the state of a calm run', async () => {
  const { verdict, exits, faults } = await runChaos({
    folder,
    seed: 1,
    payments: 30_000,
    ratePerSecond: 600,
    outageMsMax: 3000,
    membersMax: 3,
    enough: () => false,
    steps: STEPS,
  });
  expect(faults).toHaveLength(STEPS.length);
  expect(verdict).toEqual(EXACTLY_ONCE);
  // Who was asked to stop stopped well.
  expect(exits.filter((exit) => exit !== 0)).toEqual([]);
}, 480_000);
