/**
 * What people buy: merchant categories (MCC) with frequency, share online, time of day and amounts.
 * Shares and quantiles follow the real set's rows of 2016 to 2019, rounded.
 */
import { cumulative, type Quantiles } from './arithmetic.ts';

/** When a kind of shop is visited: an index into HOURS. */
const DAY = 0;
const MEAL = 1;
const NIGHT = 2;

/**
 * How amounts come about: `priced`, `fuel` (holds and their reversals), `cash` (multiples of $20).
 */
export type Pricing = 'priced' | 'fuel' | 'cash';

export interface Kind {
  readonly mcc: number;
  readonly weight: number;
  /** Share of this kind's merchants that sell online. */
  readonly online: number;
  readonly hours: number;
  readonly pricing: Pricing;
  /** Dollars. */
  readonly dollars: Quantiles;
}

type KindRow = readonly [mcc: number, weight: number, online: number, hours: number, q: number[]];

const AT = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1];
const FUEL_MCCS = [5541, 5499];
const CASH_MCC = 4829;

/** Quantiles at 5, 10, 25, 50, 75, 90 and 95 %, with the tails drawn out on both sides. */
function dollars(q: readonly number[]): Quantiles {
  return { at: AT, values: [(q[0] as number) * 0.5, ...q, (q[6] as number) * 2.2] };
}

function pricingOf(mcc: number): Pricing {
  if (mcc === CASH_MCC) return 'cash';
  return FUEL_MCCS.includes(mcc) ? 'fuel' : 'priced';
}

function kinds(rows: readonly KindRow[]): readonly Kind[] {
  return rows.map(([mcc, weight, online, hours, q]) => ({
    ...{ mcc, weight, online, hours },
    pricing: pricingOf(mcc),
    dollars: dollars(q),
  }));
}

/** Habits and visits around home, and the shops people use online. */
export const HABIT_KINDS = kinds([
  [5411, 12.3, 0, DAY, [1.9, 2.4, 3.7, 10.5, 29, 70, 98]],
  [5541, 5.6, 0, DAY, [1.9, 2.4, 7, 32, 70, 90, 105]],
  [5499, 5.1, 0, DAY, [0.6, 0.9, 2.4, 14, 62, 85, 98]],
  [5812, 7.8, 0, MEAL, [1.8, 2.6, 5.4, 13, 38, 56, 70]],
  [5912, 6.2, 0, DAY, [4.3, 6.9, 15, 41, 80, 109, 130]],
  [4784, 5.2, 1, DAY, [11, 17, 24, 32, 41, 50, 56]],
  [4121, 4.3, 0.62, DAY, [3, 9, 17, 24, 33, 39, 46]],
  [5311, 4.1, 0.31, DAY, [3.6, 6.9, 15, 38, 59, 97, 129]],
  [4829, 3.9, 0, DAY, [40, 40, 60, 90, 120, 160, 180]],
  [5814, 3.9, 0, MEAL, [1.9, 3, 5.2, 13, 45, 64, 76]],
  [5300, 3.8, 0, DAY, [5.8, 10, 27, 47, 78, 140, 162]],
  [7538, 3.4, 0, DAY, [12, 18, 26, 43, 67, 95, 108]],
  [5942, 2.2, 0, DAY, [0.6, 1.7, 2.9, 6.4, 23, 30, 34]],
  [5310, 1.6, 0, DAY, [9.9, 11, 17, 40, 65, 85, 134]],
  [5211, 1.2, 0, DAY, [22, 34, 42, 48, 61, 87, 93]],
  [7230, 1.1, 0, DAY, [22, 25, 29, 47, 63, 70, 80]],
  [5921, 1, 0, NIGHT, [1.4, 3.1, 5.9, 7.9, 13, 15, 16]],
  [5813, 1, 0, NIGHT, [8, 8.4, 15, 20, 35, 43, 51]],
  [7832, 0.8, 0, NIGHT, [12, 12.5, 17, 26, 32, 34, 35]],
  [9402, 0.8, 0, DAY, [4.5, 9.5, 13, 16, 18, 20, 21]],
  [4214, 0.7, 0, DAY, [5.7, 7.8, 10.5, 15, 18, 19.5, 20]],
  [5651, 0.7, 0.1, DAY, [3, 4, 20, 51, 64, 100, 102]],
  [5815, 0.6, 1, DAY, [3.1, 6.2, 11, 14, 18, 25, 26]],
  [5970, 0.5, 0, DAY, [2, 4.2, 13, 40, 46, 58, 67]],
  [4722, 0.6, 0.8, DAY, [90, 103, 136, 217, 280, 443, 470]],
  [5719, 0.5, 0, DAY, [4.6, 6.6, 30, 37, 45, 86, 89]],
  [4111, 0.4, 0, DAY, [50, 59, 64, 80, 84, 86, 87]],
  [7922, 0.3, 0.8, DAY, [40, 44, 54, 75, 103, 110, 120]],
  [7995, 0.2, 0, NIGHT, [39, 40, 44, 66, 154, 257, 280]],
  [7542, 0.2, 0, DAY, [1, 1.5, 4, 11, 14, 20, 21]],
  [8043, 0.2, 0, DAY, [70, 74, 123, 126, 133, 135, 190]],
  [8011, 0.2, 0, DAY, [80, 85, 157, 186, 200, 218, 330]],
  [5732, 0.15, 0.5, DAY, [20, 40, 90, 180, 340, 600, 900]],
  [3260, 0.5, 0, DAY, [90, 130, 200, 330, 480, 700, 950]],
]);

/** Paid once a month, on the same day, an amount that hardly changes. */
export const BILL_KINDS = kinds([
  [4900, 45, 0.38, DAY, [26, 32, 51, 107, 147, 191, 231]],
  [4814, 38, 0.52, DAY, [27, 49, 61, 120, 165, 200, 210]],
  [6300, 8, 0.5, DAY, [36, 40, 95, 128, 213, 385, 410]],
  [4899, 8, 1, DAY, [33, 36, 70, 120, 165, 210, 225]],
  [7349, 8, 0.7, DAY, [12, 13, 22, 28, 35, 49, 80]],
]);

/** On a trip. */
export const TRAVEL_KINDS = kinds([
  [5812, 220, 0, MEAL, [5, 8, 16, 32, 55, 80, 110]],
  [5814, 110, 0, MEAL, [3, 4, 7, 12, 20, 33, 45]],
  [5813, 55, 0, NIGHT, [8, 10, 16, 29, 45, 66, 90]],
  [5541, 70, 0, DAY, [4, 8, 20, 33, 52, 72, 90]],
  [4121, 60, 0, DAY, [6, 8, 14, 23, 36, 52, 70]],
  [7011, 40, 0, NIGHT, [60, 80, 120, 165, 240, 330, 420]],
  [3640, 30, 0, NIGHT, [80, 105, 150, 205, 270, 370, 450]],
  [3722, 30, 0, NIGHT, [75, 100, 140, 195, 260, 350, 430]],
  [3389, 30, 0, DAY, [45, 60, 95, 130, 190, 260, 350]],
  [5411, 70, 0, DAY, [4, 7, 15, 28, 50, 80, 110]],
  [5912, 40, 0, DAY, [4, 7, 13, 22, 40, 65, 90]],
  [5947, 30, 0, DAY, [5, 9, 17, 28, 50, 80, 110]],
  [7996, 15, 0, DAY, [20, 30, 50, 80, 120, 170, 220]],
]);

/** What is bought with a stolen card. */
const STOLEN = [3, 8, 28, 70, 130, 240, 340];
const DEAR = [40, 70, 130, 210, 320, 430, 500];
export const FRAUD_KINDS = kinds([
  [5311, 130, 0, DAY, STOLEN],
  [5310, 75, 0, DAY, STOLEN],
  [5732, 50, 0, DAY, DEAR],
  [5411, 50, 0, DAY, STOLEN],
  [5912, 50, 0, DAY, STOLEN],
  [5300, 60, 0, DAY, STOLEN],
  [5815, 35, 0, DAY, [1, 2, 9, 20, 60, 100, 140]],
  [3780, 30, 0, DAY, DEAR],
  [4829, 25, 0, DAY, [40, 60, 80, 120, 200, 280, 320]],
  [3722, 25, 0, DAY, DEAR],
  [7922, 30, 0, DAY, STOLEN],
  [5651, 35, 0, DAY, STOLEN],
  [3640, 25, 0, DAY, DEAR],
  [5094, 30, 0, DAY, DEAR],
  [5541, 20, 0, DAY, STOLEN],
  [7996, 20, 0, DAY, STOLEN],
  [5816, 25, 0, DAY, STOLEN],
  [7832, 12, 0, DAY, STOLEN],
  [4411, 12, 0, DAY, DEAR],
]);

/** Share of payments in each hour of the day, for each of DAY, MEAL and NIGHT. */
export const HOURS: readonly Float64Array[] = [
  [1, 0.7, 0.7, 0.9, 1, 1.2, 7, 7.6, 7.3, 7.6, 7.5, 7.2, 6.9, 7, 7.3, 6.2, 6.9, 2.7, 2.3, 2.3, 2.3],
  [1.6, 0.8, 0.7, 0.8, 0.8, 0.9, 5, 6, 5.5, 5.8, 6, 7.5, 8.5, 7.5, 6, 5, 6, 5.5, 6, 6.2, 5.5],
  [4.5, 2, 1.5, 1.5, 1, 0.8, 1, 1.5, 2, 3, 3.5, 4, 5, 6.5, 7, 6, 6, 6, 6.5, 7, 7.5],
].map((upToTwenty, i) =>
  cumulative([...upToTwenty, ...[2.3, 2, 0.9, 5.5, 4, 2, 8, 7, 5].slice(3 * i, 3 * i + 3)]),
);

const weightsOf = (of: readonly Kind[]) => cumulative(of.map((kind) => kind.weight));
export const HABIT_SUMS = weightsOf(HABIT_KINDS);
export const BILL_SUMS = weightsOf(BILL_KINDS);
export const TRAVEL_SUMS = weightsOf(TRAVEL_KINDS);
export const FRAUD_SUMS = weightsOf(FRAUD_KINDS);

/** Texts of the column `Errors?`; the first means none. */
export const ERROR_TEXTS = [
  '',
  'Insufficient Balance',
  'Bad PIN',
  'Technical Glitch',
  'Bad Card Number',
  'Bad CVV',
  'Bad Expiration',
  'Bad Zipcode',
  'Bad PIN,Insufficient Balance',
  'Insufficient Balance,Technical Glitch',
  'Bad Card Number,Insufficient Balance',
  'Bad Expiration,Bad CVV',
] as const;

/** Weights by index of ERROR_TEXTS. */
export const PRESENT_ERRORS = cumulative([0, 640, 205, 148, 0, 0, 0, 3, 2, 2]);
export const ONLINE_ERRORS = cumulative([0, 310, 0, 55, 245, 180, 190, 5, 0, 2, 7, 6]);
export const FRAUD_PRESENT_ERRORS = cumulative([0, 25, 60, 15]);
export const FRAUD_ONLINE_ERRORS = cumulative([0, 15, 0, 10, 20, 30, 25]);
