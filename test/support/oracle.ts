/**
 * The features once more, as plainly as they can be said: each from the whole history of its card
 * or user, looking backwards, with nothing kept and nothing shared with `operators/` but the order
 * of the row. Slow on purpose (quadratic): tests and the simulator compare the operators with it.
 */
import type { Payment } from '../../operators/index.ts';

export interface OracleUser {
  readonly latitude: number;
  readonly longitude: number;
  readonly fico: number;
  readonly debt: number;
  readonly income: number;
}

export interface OracleCard {
  readonly limit: number;
  readonly isOnDarkWeb: boolean;
  readonly pinYear: number;
}

export interface OracleProfiles {
  readonly users: ReadonlyMap<number, OracleUser>;
  /** By `user:card`. */
  readonly cards: ReadonlyMap<string, OracleCard>;
}

/** Degrees by zip code. */
export type OracleZips = ReadonlyMap<number, readonly [latitude: number, longitude: number]>;

const HOUR = 60;
const DAY = 1440;
const WEEK = 10_080;

/** A payment at the time of its key's clock. */
interface Timed {
  readonly payment: Payment;
  readonly now: number;
}

/**
 * Rows of 32 in the order of the specification, for payments in the order in which they are
 * applied.
 */
export function oracleFeatures(
  payments: readonly Payment[],
  profiles: OracleProfiles,
  zips: OracleZips,
): Float32Array[] {
  return payments.map((_, i) => oracleRow(payments.slice(0, i + 1), profiles, zips));
}

/** Of the last of these payments. */
export function oracleRow(
  before: readonly Payment[],
  profiles: OracleProfiles,
  zips: OracleZips,
): Float32Array {
  const payment = before.at(-1) as Payment;
  const ofUser = clamp(before.filter((p) => p.user === payment.user));
  const ofCard = clamp(before.filter((p) => p.user === payment.user && p.card === payment.card));
  const row = [
    ...shape(payment),
    ...cardWindows(ofCard),
    ...spend(ofCard.map(({ payment: { amount } }) => amount)),
    ...merchants(ofCard),
    ...drift(ofCard, zips),
    kmFromHome(payment, profiles, zips),
    within(ofUser, HOUR).length,
    sum(within(ofUser, DAY)),
    new Set(within(ofUser, DAY).map((p) => p.payment.card)).size,
    ...known(payment, profiles),
    payment.mcc,
  ];
  return Float32Array.from(row);
}

/** Time of a key never goes back. */
function clamp(payments: readonly Payment[]): Timed[] {
  let now = 0;
  return payments.map((payment) => {
    now = Math.max(now, payment.minute);
    return { payment, now };
  });
}

function within(history: readonly Timed[], minutes: number): Timed[] {
  const { now } = history.at(-1) as Timed;
  return history.filter((p) => p.now > now - minutes);
}

function sum(events: readonly Timed[]): number {
  return events.reduce((total, { payment }) => total + payment.amount, 0);
}

function shape(payment: Payment): number[] {
  const { amount, useChip, errors } = payment;
  const when = new Date(payment.minute * 60_000);
  return [
    amount,
    Math.sign(amount) * Math.log(1 + Math.abs(amount)),
    when.getUTCHours(),
    (when.getUTCDay() + 6) % 7,
    ...['Chip', 'Swipe', 'Online'].map((kind) => Number(useChip === `${kind} Transaction`)),
    Number(errors !== ''),
    Number(/Bad (PIN|CVV|Expiration|Card Number)/.test(errors)),
  ];
}

function cardWindows(ofCard: readonly Timed[]): number[] {
  return [HOUR, DAY, WEEK].flatMap((minutes) => {
    const members = within(ofCard, minutes);
    return [members.length, sum(members)];
  });
}

/** Mean of the earlier amounts, and this one's distance in deviations. */
function spend(amounts: readonly number[]): number[] {
  const amount = amounts.at(-1) as number;
  let mean = 0;
  let m2 = 0;
  for (const [i, earlier] of amounts.slice(0, -1).entries()) {
    const delta = earlier - mean;
    mean += delta / (i + 1);
    m2 += delta * (earlier - mean);
  }
  const n = amounts.length - 1;
  return [mean, n < 2 || m2 === 0 ? 0 : (amount - mean) / Math.sqrt(m2 / (n - 1))];
}

function merchants(ofCard: readonly Timed[]): number[] {
  const times = ofCard.map((p) => p.now);
  const [last, ...earlier] = ofCard.map(({ payment }) => payment.merchantName).reverse();
  const recent = [...new Set(earlier)].slice(0, 32);
  return [
    times.length < 2 ? -1 : (times.at(-1) as number) - (times.at(-2) as number),
    Number(earlier[0] === last),
    Number(recent.includes(last as string)),
  ];
}

function drift(ofCard: readonly Timed[], zips: OracleZips): number[] {
  const { payment, now } = ofCard.at(-1) as Timed;
  const here = zips.get(payment.zip);
  const last = ofCard.slice(0, -1).findLast((p) => zips.has(p.payment.zip));
  const there = last === undefined ? undefined : zips.get(last.payment.zip);
  if (here === undefined || last === undefined || there === undefined) return [-1, -1];
  const km = haversineKm(there, here);
  return [km, (km / Math.max(1, now - last.now)) * 60];
}

function kmFromHome(payment: Payment, profiles: OracleProfiles, zips: OracleZips): number {
  const user = profiles.users.get(payment.user);
  const here = zips.get(payment.zip);
  if (user === undefined || here === undefined) return -1;
  return haversineKm([user.latitude, user.longitude], here);
}

function known(
  { user: id, card: number, amount, year }: Payment,
  profiles: OracleProfiles,
): number[] {
  const user = profiles.users.get(id);
  const card = profiles.cards.get(`${id}:${number}`);
  return [
    card === undefined || card.limit === 0 ? -1 : amount / card.limit,
    user?.fico ?? -1,
    user === undefined || user.income === 0 ? -1 : user.debt / user.income,
    card === undefined ? -1 : Number(card.isOnDarkWeb),
    card === undefined ? -1 : year - card.pinYear,
  ];
}

function haversineKm(a: readonly [number, number], b: readonly [number, number]): number {
  const [p1, l1, p2, l2] = [...a, ...b].map((degrees) => (degrees * Math.PI) / 180) as [
    number,
    number,
    number,
    number,
  ];
  const s =
    Math.sin((p2 - p1) / 2) ** 2 + Math.cos(p1) * Math.cos(p2) * Math.sin((l2 - l1) / 2) ** 2;
  return 2 * 6371.0088 * Math.asin(Math.min(1, Math.sqrt(s)));
}
