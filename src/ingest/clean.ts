/** What the three raw files of the Kaggle set hold, and what a row of each is once it is clean. */
import { daysInMonth, eventMinuteOf } from './event-date.ts';
import type { FieldReader } from './field-reader.ts';

export const PAYMENT_COLUMNS = [
  'User',
  'Card',
  'Year',
  'Month',
  'Day',
  'Time',
  'Amount',
  'Use Chip',
  'Merchant Name',
  'Merchant City',
  'Merchant State',
  'Zip',
  'MCC',
  'Errors?',
  'Is Fraud?',
] as const;

export const CARD_COLUMNS = [
  'User',
  'CARD INDEX',
  'Card Brand',
  'Card Type',
  'Card Number',
  'Expires',
  'CVV',
  'Has Chip',
  'Cards Issued',
  'Credit Limit',
  'Acct Open Date',
  'Year PIN last Changed',
  'Card on Dark Web',
] as const;

export const USER_COLUMNS = [
  'Person',
  'Current Age',
  'Retirement Age',
  'Birth Year',
  'Birth Month',
  'Gender',
  'Address',
  'Apartment',
  'City',
  'State',
  'Zipcode',
  'Latitude',
  'Longitude',
  'Per Capita Income - Zipcode',
  'Yearly Income - Person',
  'Total Debt',
  'FICO Score',
  'Num Credit Cards',
] as const;

export const USE_CHIP = ['Swipe Transaction', 'Chip Transaction', 'Online Transaction'] as const;

/** One card transaction. Its date and time are in `eventMinute` (`event-date.ts`). */
export interface Payment {
  readonly user: number;
  readonly card: number;
  /** Minutes since 1970-01-01T00:00, no time zone. */
  readonly eventMinute: number;
  readonly cents: number;
  /** Place in USE_CHIP. */
  readonly useChip: number;
  readonly merchantName: string;
  readonly merchantCity: string;
  readonly merchantState: string;
  /** Five digits or empty. */
  readonly zip: string;
  readonly mcc: number;
  /** Verbatim, with any trailing comma. */
  readonly errors: string;
  /** Undefined: not labelled. */
  readonly isFraud: 0 | 1 | undefined;
}

export interface Card {
  readonly user: number;
  readonly cardIndex: number;
  readonly cardBrand: string;
  readonly cardType: string;
  readonly cardNumber: string;
  readonly expires: string;
  readonly cvv: string;
  readonly hasChip: 0 | 1;
  readonly cardsIssued: number;
  readonly creditLimitCents: number;
  readonly acctOpenDate: string;
  readonly yearPinLastChanged: number;
  readonly cardOnDarkWeb: 0 | 1;
}

export interface User {
  /** Position of the row in the file. */
  readonly user: number;
  readonly person: string;
  readonly currentAge: number;
  readonly retirementAge: number;
  readonly birthYear: number;
  readonly birthMonth: number;
  readonly gender: string;
  readonly address: string;
  readonly apartment: string;
  readonly city: string;
  readonly state: string;
  readonly zipcode: string;
  readonly latitude: string;
  readonly longitude: string;
  readonly perCapitaIncomeCents: number;
  readonly yearlyIncomeCents: number;
  readonly totalDebtCents: number;
  readonly ficoScore: number;
  readonly numCreditCards: number;
}

/** User ids and card indexes are stored in four bytes while payments are sorted. */
const USER_MAX = 2 ** 32 - 1;
const CARD_MAX = 2 ** 20 - 1;
const YEAR_MIN = 1970;
const YEAR_MAX = 9999;
const TEXT_MAX = 200;
const FRAUD = ['No', 'Yes', ''] as const;

/**
 * Cleans the row that `fields` stands on; what it gives counts only where `fields.flaw` is
 * undefined.
 */
export function cleanPayment(fields: FieldReader): Payment {
  const date = {
    year: fields.whole(2, YEAR_MIN, YEAR_MAX),
    month: fields.whole(3, 1, 12),
    day: fields.whole(4, 1, 31),
  };
  if (date.day > 28 && date.day > daysInMonth(date.year, date.month)) {
    fields.fail(4, `a day of ${date.year}-${String(date.month).padStart(2, '0')}`);
  }
  const fraud = fields.choice(14, FRAUD);
  return {
    user: fields.whole(0, 0, USER_MAX),
    card: fields.whole(1, 0, CARD_MAX),
    eventMinute: eventMinuteOf(date, fields.time(5)),
    cents: fields.cents(6),
    useChip: fields.choice(7, USE_CHIP),
    merchantName: fields.int64(8),
    merchantCity: fields.text(9, TEXT_MAX).trim(),
    merchantState: fields.text(10, TEXT_MAX).trim(),
    zip: fields.zip(11),
    mcc: fields.whole(12, 0, 9999),
    errors: fields.text(13, TEXT_MAX),
    isFraud: fraud === 2 ? undefined : (fraud as 0 | 1),
  };
}

export function cleanCard(fields: FieldReader): Card {
  const isNumber = /^(?:\d{12,19})?$/.test(fields.raw(4));
  if (!isNumber) fields.fail(4, 'empty or a card number of 12 to 19 digits');
  if (!/^\d{0,4}$/.test(fields.raw(6))) fields.fail(6, 'empty or up to 4 digits');
  return {
    user: fields.whole(0, 0, USER_MAX),
    cardIndex: fields.whole(1, 0, CARD_MAX),
    cardBrand: fields.text(2, TEXT_MAX).trim(),
    cardType: fields.text(3, TEXT_MAX).trim(),
    cardNumber: fields.raw(4),
    expires: fields.month(5),
    cvv: fields.raw(6),
    hasChip: fields.choice(7, ['NO', 'YES']) as 0 | 1,
    cardsIssued: fields.whole(8, 0, 999),
    creditLimitCents: fields.cents(9),
    acctOpenDate: fields.month(10),
    yearPinLastChanged: fields.whole(11, 1900, YEAR_MAX),
    cardOnDarkWeb: fields.choice(12, ['No', 'Yes']) as 0 | 1,
  };
}

/** @param user the row's position in the file: a rejected row takes a number as well */
export function cleanUser(fields: FieldReader, user: number): User {
  return {
    user,
    person: fields.text(0, TEXT_MAX).trim(),
    currentAge: fields.whole(1, 0, 200),
    retirementAge: fields.whole(2, 0, 200),
    birthYear: fields.whole(3, 1800, YEAR_MAX),
    birthMonth: fields.whole(4, 1, 12),
    gender: fields.text(5, TEXT_MAX).trim(),
    address: fields.text(6, TEXT_MAX).trim(),
    apartment: fields.text(7, TEXT_MAX).trim(),
    city: fields.text(8, TEXT_MAX).trim(),
    state: fields.text(9, TEXT_MAX).trim(),
    zipcode: fields.zip(10),
    latitude: fields.degrees(11, 90),
    longitude: fields.degrees(12, 180),
    perCapitaIncomeCents: fields.cents(13),
    yearlyIncomeCents: fields.cents(14),
    totalDebtCents: fields.cents(15),
    ficoScore: fields.whole(16, 0, 1000),
    numCreditCards: fields.whole(17, 0, 999),
  };
}
