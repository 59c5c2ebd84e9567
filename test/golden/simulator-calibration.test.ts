/**
 * Simulated payments against the real ones. The real columns come from the files where they are
 * (SHRIKE_REAL_DATA), from the checked-in summary elsewhere. To write the summary anew, with the
 * flag at the end (before the path it takes the path for its value, and every test runs):
 *
 *   npx vitest run test/golden/simulator-calibration.test.ts --update
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { payments } from '../../src/simulator/payments.ts';
import { createWorld, type World } from '../../src/simulator/people.ts';
import {
  cardMarginals,
  fraudMarginals,
  type MarginalRow,
  type Marginals,
  paymentMarginals,
} from '../support/card-marginals.ts';
import { REAL_FOLDER } from '../support/real-files.ts';
import { realPayments } from '../support/real-payments.ts';
import { zipGrid } from '../support/zip-grid.ts';

interface Summary {
  readonly payments: Marginals;
  readonly cards: Marginals;
  readonly frauds: Marginals;
}

/** Known for the whole set (24,386,900 payments; 13,332 frauds with a known channel). */
const WHOLE_SET: Marginals = {
  'fraud %': 0.122,
  'fraud online %': 65.8,
  'fraud chip %': 23.8,
  'fraud swipe %': 10.3,
};

/** How far the simulated value may be from the real one: as a ratio, or in points. */
type Tolerance =
  | { readonly ratio: readonly [low: number, high: number] }
  | { readonly points: number };

const RATIO: Tolerance = { ratio: [0.6, 1.7] };
const CLOSE: Tolerance = { ratio: [0.75, 1.35] };

/** The first pattern that fits a marginal's name says how near it has to be. */
const TOLERANCES: readonly (readonly [RegExp, Tolerance])[] = [
  [/^amount/, CLOSE],
  [/^minutes between payments/, RATIO],
  [/^(online|chip|swipe|state blank|zip blank) %/, { points: 3 }],
  [/^negative amount %/, { points: 1.2 }],
  [/^abroad %/, { ratio: [0.5, 2] }],
  [/^error %/, { points: 0.3 }],
  // 47 errors in the real sample: one of them is 2 points.
  [/^error: /, { points: 10 }],
  [/^hour/, { points: 1.5 }],
  [/^weekday/, { points: 1.2 }],
  [/^same merchant again/, { points: 6 }],
  [/^merchants of a card/, RATIO],
  [/^top merchant share/, RATIO],
  [/^fraud %/, { ratio: [0.75, 1.35] }],
  [/^fraud (online|chip|swipe) %/, { points: 6 }],
  [/^fraud amount \$ p25/, { ratio: [0.5, 2] }],
  [/^fraud amount/, RATIO],
  [/^payments of a burst/, RATIO],
  // 56 bursts in the real files.
  [/^minutes within a burst/, { ratio: [0.33, 3] }],
];

const FROM = Date.UTC(2016, 0, 1) / 60_000;
const FOUR_WEEKS = 28 * 1440;
const YEAR = 365 * 1440;

function simulated(world: World, fromMinute: number, untilMinute: number): MarginalRow[] {
  return Array.from(payments(world, { fromMinute, untilMinute }), (p) => ({
    user: p.user,
    card: p.card,
    minute: p.minute,
    dollars: p.cents / 100,
    channel: p.useChip,
    merchant: p.merchantName,
    state: p.state,
    zip: p.zip,
    errors: p.errors,
    fraud: p.fraud,
  }));
}

/**
 * Samples as the real ones are: many people for a while, few people for long, and enough frauds.
 */
function simulatedSummary(): Summary {
  const places = zipGrid();
  const midway = FROM + 60 * FOUR_WEEKS;
  const many = createWorld({ seed: 1, users: 1200, places });
  const few = createWorld({ seed: 2, users: 60, places });
  const robbed = createWorld({ seed: 3, users: 200, places, fraudRate: 0.03 });
  const manyRows = simulated(many, midway, midway + FOUR_WEEKS);
  const fewRows = simulated(few, FROM, FROM + 3.83 * YEAR);
  // A third of the real files' labels are unknown.
  const robbedRows = simulated(robbed, FROM, FROM + YEAR / 2).map((row, i) =>
    i % 3 === 0 ? { ...row, fraud: undefined } : row,
  );
  const share = fraudMarginals([...manyRows, ...fewRows])['fraud %'] as number;
  return {
    payments: paymentMarginals(manyRows),
    cards: cardMarginals(fewRows),
    frauds: { ...fraudMarginals(robbedRows), 'fraud %': share },
  };
}

const SUMMARY_FILE = new URL('./data/real-marginals.json', import.meta.url);

function realSummary(): Summary {
  const real = realPayments(REAL_FOLDER);
  if (real === undefined) return JSON.parse(readFileSync(SUMMARY_FILE, 'utf8')) as Summary;
  const rounded = (of: Marginals) =>
    Object.fromEntries(Object.entries(of).map(([name, v]) => [name, Math.round(v * 1000) / 1000]));
  return {
    payments: rounded(paymentMarginals(real.random)),
    cards: rounded(cardMarginals(real.people)),
    frauds: rounded({ ...fraudMarginals(real.allYears), ...WHOLE_SET }),
  };
}

function isWithin(tolerance: Tolerance, real: number, simulated: number): boolean {
  if ('points' in tolerance) return Math.abs(simulated - real) <= tolerance.points;
  const ratio = simulated / real;
  // Whole minutes and cents: a difference of one is none.
  return (
    Math.abs(simulated - real) <= 1 || (ratio >= tolerance.ratio[0] && ratio <= tolerance.ratio[1])
  );
}

const real = realSummary();

test('the checked-in summary is that of the real files', async () => {
  await expect(`${JSON.stringify(real, null, 1)}\n`).toMatchFileSnapshot(
    './data/real-marginals.json',
  );
});

test('simulated payments have the marginals of the real ones', () => {
  const made = simulatedSummary();
  const table = ['marginal                               real simulated  tolerance'];
  const wrong: string[] = [];
  for (const part of ['payments', 'cards', 'frauds'] as const) {
    for (const [name, value] of Object.entries(real[part])) {
      const tolerance = TOLERANCES.find(([pattern]) => pattern.test(name))?.[1];
      const simulated = made[part][name];
      if (tolerance === undefined || simulated === undefined) throw new Error(`no ${name}`);
      const allowed =
        'points' in tolerance ? `± ${tolerance.points}` : `x ${tolerance.ratio.join(' to ')}`;
      const columns = [value, simulated].map((v) => v.toFixed(2).padStart(9)).join(' ');
      table.push(`${name.padEnd(33)} ${columns}  ${allowed}`);
      if (!isWithin(tolerance, value, simulated)) wrong.push(table.at(-1) as string);
    }
  }
  console.log(table.join('\n'));
  expect(wrong).toEqual([]);
});
