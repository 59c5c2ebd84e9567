/**
 * What stands out in an alert's features, in words: rules of thumb; the score is the model's alone.
 */

type Say = (value: number) => string | undefined;

const from =
  (limit: number, say: (value: string) => string): Say =>
  (value) =>
    value >= limit ? say(short(value)) : undefined;

/** In the order in which they are told. */
const RULES: Readonly<Record<string, Say>> = {
  bad_auth: from(1, () => 'PIN, CVV, expiry date or card number were wrong'),
  has_error: from(1, () => 'the terminal reported an error'),
  card_on_dark_web: from(1, () => 'the card number is on the dark web'),
  card_amount_z: from(3, (z) => `the amount is ${z} standard deviations above the card's mean`),
  amount_to_limit: from(0.25, (share) => `${share} of the credit limit at once`),
  card_count_1h: from(4, (n) => `${n} payments with this card within an hour`),
  card_count_24h: from(12, (n) => `${n} payments with this card within a day`),
  user_count_1h: from(6, (n) => `${n} payments of this user within an hour`),
  user_cards_24h: from(4, (n) => `${n} cards of this user within a day`),
  minutes_since_last: (minutes) =>
    minutes >= 0 && minutes <= 1 ? 'within a minute of the payment before' : undefined,
  // An airliner cruises at about 900 km/h.
  geo_kmh: from(900, (kmh) => `${kmh} km/h since the last place`),
  km_from_home: from(1000, (km) => `${km} km from home`),
  merchant_seen: (seen) => (seen === 0 ? 'a merchant that is new to this card' : undefined),
  hour: (hour) => (hour >= 1 && hour < 5 ? 'in the dead of night' : undefined),
};

export function unusualFeatures(features: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(RULES).flatMap(([name, say]) => {
    const value = features[name];
    const remark = value === undefined ? undefined : say(value);
    return remark === undefined ? [] : [`${remark} (${name} ${short(value as number)})`];
  });
}

/** Four digits are enough to read. */
export function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
