/** A card transaction as the operators see it, and its way out of a record: every field checked. */
import { type MerchantId, readMerchantId } from './merchant.ts';
import { DAY_MINUTES, dayOfWeek, daysSince1970, HOUR_MINUTES, minuteOfDay } from './time.ts';

export const CHIP = 'Chip Transaction';
export const SWIPE = 'Swipe Transaction';
export const ONLINE = 'Online Transaction';
export type UseChip = typeof CHIP | typeof SWIPE | typeof ONLINE;

export interface Payment {
  /** Position in the global order, as the producer counts; -1 when the record has none. */
  readonly idx: number;
  readonly user: number;
  /** Number of the card among its user's, below CARDS_MAX. */
  readonly card: number;
  /** Event time of the record itself: it may go back (the clamped one is KeyTime's). */
  readonly minute: number;
  readonly year: number;
  readonly hour: number;
  /** 0 = Monday. */
  readonly dayOfWeek: number;
  /** Dollars; refunds are negative. Never -0. */
  readonly amount: number;
  readonly useChip: UseChip;
  readonly merchantName: string;
  /** The name as a pair for comparing: see merchant.ts. */
  readonly merchantHigh: number;
  readonly merchantLow: number | string;
  readonly merchantCity: string;
  readonly merchantState: string;
  /** The five digits as an integer; -1 when the record has none. */
  readonly zip: number;
  readonly mcc: number;
  /** Verbatim, with a trailing comma if there is one; '' for none. */
  readonly errors: string;
}

/**
 * Cards of one user; 2^20 leaves room for a counter and keeps user and card packable in one number.
 */
export const CARDS_MAX = 1 << 20;
export const DOLLARS_MAX = 1e12;
/**
 * Least amount but 0: a card that spends 1e-160 has a deviation so small that its z leaves float32.
 */
export const DOLLARS_MIN = 1e-6;
export const USER_MAX = Number.MAX_SAFE_INTEGER;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;
export const FROM_0 = 'an integer from 0 to 2^53 - 1';
const SHOWN_MAX = 40;

/** The fields that are read, as the specification types them; a record may hold others. */
interface CheckedPayment {
  readonly idx?: number;
  readonly user: number;
  readonly card: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly time: string;
  readonly amount: number;
  readonly use_chip: string;
  readonly merchant_name: string;
  readonly merchant_city?: string;
  readonly merchant_state?: string;
  readonly zip: string;
  readonly mcc: number;
  readonly errors: string;
}

/** What a codec yields for one record: nothing is known of any field. */
export type RawPayment = { readonly [Field in keyof CheckedPayment]?: unknown };

/** @returns the payment, or why it is none. */
export function readPayment(raw: RawPayment): Payment | string {
  const reason = identityFault(raw) ?? timeFault(raw) ?? moneyFault(raw) ?? placeFault(raw);
  return reason ?? paymentOf(raw as CheckedPayment);
}

function identityFault({ idx, user, card }: RawPayment): string | undefined {
  if (idx !== undefined && !isInteger(idx, 0, COUNT_MAX)) return fault('idx', idx, FROM_0);
  if (!isInteger(user, 0, USER_MAX)) return fault('user', user, FROM_0);
  if (!isInteger(card, 0, CARDS_MAX - 1)) {
    return fault('card', card, `an integer from 0 to ${CARDS_MAX - 1}`);
  }
  return undefined;
}

function timeFault({ year, month, day, time }: RawPayment): string | undefined {
  if (!isInteger(year, 1970, 9999)) return fault('year', year, 'an integer from 1970 to 9999');
  if (!isInteger(month, 1, 12)) return fault('month', month, 'an integer from 1 to 12');
  if (!isInteger(day, 1, 31) || daysSince1970(year, month, day) < 0) {
    return fault('day', day, `a day of month ${month} of ${year}`);
  }
  if (typeof time !== 'string' || minuteOfDay(time) < 0) {
    return fault('time', time, 'HH:MM from 00:00 to 23:59');
  }
  return undefined;
}

function moneyFault(raw: RawPayment): string | undefined {
  const { amount, mcc, errors } = raw;
  if (!isDollars(amount, DOLLARS_MIN, DOLLARS_MAX)) {
    return fault('amount', amount, '0, or dollars of 1e-6 to 1e12, positive or negative');
  }
  if (typeof raw.use_chip !== 'string' || useChipOf(raw.use_chip) === undefined) {
    return fault('use_chip', raw.use_chip, `"${CHIP}", "${SWIPE}" or "${ONLINE}"`);
  }
  if (!isInteger(mcc, 0, 9999)) return fault('mcc', mcc, 'an integer from 0 to 9999');
  if (!isText(errors, 200)) return fault('errors', errors, 'a text of up to 200 characters');
  return undefined;
}

function placeFault(raw: RawPayment): string | undefined {
  const { merchant_name: name, merchant_city: city, merchant_state: state, zip } = raw;
  if (!isText(name, 64) || name === '') {
    return fault('merchant_name', name, 'a text of 1 to 64 characters');
  }
  if (typeof zip !== 'string' || zipOf(zip) === ZIP_INVALID) {
    return fault('zip', zip, 'five digits, or empty');
  }
  // The place in words only goes into the alert's text: it may be missing.
  if (city !== undefined && !isText(city, 100)) {
    return fault('merchant_city', city, 'a text of up to 100 characters');
  }
  if (state !== undefined && !isText(state, 100)) {
    return fault('merchant_state', state, 'a text of up to 100 characters');
  }
  return undefined;
}

const merchant: MerchantId = { high: 0, low: 0 };

function paymentOf(raw: CheckedPayment): Payment {
  const days = daysSince1970(raw.year, raw.month, raw.day);
  const minute = minuteOfDay(raw.time);
  readMerchantId(raw.merchant_name, merchant);
  return {
    idx: raw.idx ?? -1,
    user: raw.user,
    card: raw.card,
    minute: days * DAY_MINUTES + minute,
    year: raw.year,
    hour: Math.floor(minute / HOUR_MINUTES),
    dayOfWeek: dayOfWeek(days),
    amount: raw.amount + 0, // -0 becomes 0: equal amounts are then equal in every encoding
    useChip: useChipOf(raw.use_chip) as UseChip,
    merchantName: raw.merchant_name,
    merchantHigh: merchant.high,
    merchantLow: merchant.low,
    merchantCity: raw.merchant_city ?? '',
    merchantState: raw.merchant_state ?? '',
    zip: zipOf(raw.zip),
    mcc: raw.mcc,
    errors: raw.errors,
  };
}

export function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** 0, or of a size in [min, max). */
export function isDollars(value: unknown, min: number, max: number): value is number {
  if (typeof value !== 'number') return false;
  const size = Math.abs(value);
  return size < max && (size >= min || size === 0);
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length <= lengthMax;
}

/** The constant equal to `text`: comparing payments' kinds is then comparing pointers. */
function useChipOf(text: string): UseChip | undefined {
  if (text === SWIPE) return SWIPE;
  if (text === CHIP) return CHIP;
  return text === ONLINE ? ONLINE : undefined;
}

const ZIP_NONE = -1;
const ZIP_INVALID = -2;
const ZERO = 48;

function zipOf(text: string): number {
  if (text.length === 0) return ZIP_NONE;
  if (text.length !== 5) return ZIP_INVALID;
  let zip = 0;
  for (let i = 0; i < 5; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return ZIP_INVALID;
    zip = zip * 10 + digit;
  }
  return zip;
}

export function fault(field: string, value: unknown, allowed: string): string {
  return `${field} is ${shown(value)}; it must be ${allowed}`;
}

/** A value for people: short, and on one line. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
