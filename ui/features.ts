/**
 * The 32 features in words: what an analyst calls them, their unit, what makes one remarkable.
 * The marks are rules of thumb for reading; the score comes from the model alone.
 */
import {
  formatCount,
  formatDollars,
  formatNumber,
  formatPercent,
  formatSeconds,
} from './format.ts';

export const GROUPS = [
  'Payment',
  'Card, recent',
  'Card, habit',
  'Place',
  'User, recent',
  'Profile',
] as const;

export interface FeatureWords {
  readonly label: string;
  readonly group: (typeof GROUPS)[number];
  readonly format: (value: number) => string;
  /** One sentence when the value stands out. */
  readonly remark?: (value: number) => string | undefined;
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

const yesNo = (value: number) => (value === 1 ? 'yes' : value === 0 ? 'no' : 'unknown');
const known = (format: (value: number) => string) => (value: number) =>
  value === -1 ? 'unknown' : format(value);
const km = (value: number) => `${formatNumber(value)} km`;
const times = (value: number) => `${formatNumber(value)} ×`;

/** A remark once the value reaches a limit. */
const from = (limit: number, say: (value: number) => string) => (value: number) =>
  value >= limit ? say(value) : undefined;

const payment: Record<string, FeatureWords> = {
  amount: { label: 'Amount', group: 'Payment', format: formatDollars },
  log_amount: { label: 'Amount, logarithm', group: 'Payment', format: formatNumber },
  hour: {
    label: 'Hour of day',
    group: 'Payment',
    format: (value) => `${formatCount(value)}:00 – ${formatCount(value)}:59`,
    remark: (value) => (value >= 1 && value < 5 ? 'In the dead of night' : undefined),
  },
  day_of_week: {
    label: 'Day of week',
    group: 'Payment',
    format: (value) => DAYS[value] ?? String(value),
  },
  is_chip: { label: 'Chip', group: 'Payment', format: yesNo },
  is_swipe: { label: 'Swipe', group: 'Payment', format: yesNo },
  is_online: { label: 'Online', group: 'Payment', format: yesNo },
  has_error: {
    label: 'Terminal reported an error',
    group: 'Payment',
    format: yesNo,
    remark: from(1, () => 'The terminal reported an error'),
  },
  bad_auth: {
    label: 'Wrong PIN, CVV, date or number',
    group: 'Payment',
    format: yesNo,
    remark: from(1, () => 'PIN, CVV, expiry date or card number were wrong'),
  },
  mcc: { label: 'Merchant category (MCC)', group: 'Payment', format: (value) => String(value) },
};

const recent: Record<string, FeatureWords> = {
  card_count_1h: {
    label: 'Payments in 1 hour',
    group: 'Card, recent',
    format: formatCount,
    remark: from(4, (value) => `${formatCount(value)} payments with this card within an hour`),
  },
  card_sum_1h: { label: 'Sum in 1 hour', group: 'Card, recent', format: formatDollars },
  card_count_24h: {
    label: 'Payments in 24 hours',
    group: 'Card, recent',
    format: formatCount,
    remark: from(12, (value) => `${formatCount(value)} payments with this card within a day`),
  },
  card_sum_24h: { label: 'Sum in 24 hours', group: 'Card, recent', format: formatDollars },
  card_count_7d: { label: 'Payments in 7 days', group: 'Card, recent', format: formatCount },
  card_sum_7d: { label: 'Sum in 7 days', group: 'Card, recent', format: formatDollars },
  user_count_1h: {
    label: 'Payments in 1 hour, all cards',
    group: 'User, recent',
    format: formatCount,
    remark: from(6, (value) => `${formatCount(value)} payments of this user within an hour`),
  },
  user_sum_24h: {
    label: 'Sum in 24 hours, all cards',
    group: 'User, recent',
    format: formatDollars,
  },
  user_cards_24h: {
    label: 'Cards used in 24 hours',
    group: 'User, recent',
    format: formatCount,
    remark: from(4, (value) => `${formatCount(value)} cards of this user within a day`),
  },
};

const habit: Record<string, FeatureWords> = {
  card_amount_mean: { label: 'Mean amount so far', group: 'Card, habit', format: formatDollars },
  card_amount_z: {
    label: 'Distance from the mean',
    group: 'Card, habit',
    format: (value) => `${formatNumber(value)} σ`,
    remark: from(3, (value) => `Amount ${formatNumber(value)} σ above what this card pays`),
  },
  minutes_since_last: {
    label: 'Since the last payment',
    group: 'Card, habit',
    format: (value) => (value < 0 ? 'first payment' : formatSeconds(value * 60)),
    remark: (value) =>
      value >= 0 && value <= 1 ? 'Within a minute of the payment before' : undefined,
  },
  same_merchant_as_last: { label: 'Same merchant as before', group: 'Card, habit', format: yesNo },
  merchant_seen: {
    label: 'Merchant known to the card',
    group: 'Card, habit',
    format: yesNo,
    remark: (value) => (value === 0 ? 'A merchant that is new to this card' : undefined),
  },
};

const place: Record<string, FeatureWords> = {
  geo_km_from_last: { label: 'From the last place', group: 'Place', format: known(km) },
  geo_kmh: {
    label: 'Speed since the last place',
    group: 'Place',
    format: known((value) => `${formatNumber(value)} km/h`),
    // An airliner cruises at about 900 km/h.
    remark: from(
      900,
      (value) => `${formatNumber(value)} km/h since the last place: faster than a plane`,
    ),
  },
  km_from_home: {
    label: 'From home',
    group: 'Place',
    format: known(km),
    remark: from(1000, (value) => `${formatNumber(value)} km from home`),
  },
};

const profile: Record<string, FeatureWords> = {
  amount_to_limit: {
    label: 'Share of the credit limit',
    group: 'Profile',
    format: known(formatPercent),
    remark: from(0.25, (value) => `${formatPercent(value)} of the credit limit at once`),
  },
  fico: { label: 'FICO score', group: 'Profile', format: known(formatCount) },
  debt_to_income: { label: 'Debt to yearly income', group: 'Profile', format: known(times) },
  card_on_dark_web: {
    label: 'Card on the dark web',
    group: 'Profile',
    format: yesNo,
    remark: from(1, () => 'The card number is on the dark web'),
  },
  years_since_pin_change: {
    label: 'Since the PIN was changed',
    group: 'Profile',
    format: known((value) => (value === 1 ? '1 year' : `${formatCount(value)} years`)),
  },
};

const FEATURES: Readonly<Record<string, FeatureWords>> = {
  ...payment,
  ...recent,
  ...habit,
  ...place,
  ...profile,
};

/** A feature that this page has no words for (a newer engine) shows its own name and number. */
export function wordsOf(name: string): FeatureWords {
  return FEATURES[name] ?? { label: name, group: 'Payment', format: formatNumber };
}
