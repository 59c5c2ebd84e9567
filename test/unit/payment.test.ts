import { expect, test } from 'vitest';
import { decodePayments, type Payment } from '../../operators/index.ts';
import { type RawPayment, readPayment } from '../../operators/payment.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { packed } from '../support/payments.ts';

const GOOD = {
  idx: 12,
  user: 0,
  card: 1,
  year: 2002,
  month: 9,
  day: 1,
  time: '06:21',
  amount: 134.09,
  use_chip: 'Swipe Transaction',
  merchant_name: '3527213246127876953',
  merchant_city: 'La Verne',
  merchant_state: 'CA',
  zip: '91750',
  mcc: 5300,
  errors: '',
  is_fraud: 0,
};

const read = (changes: RawPayment = {}) => readPayment({ ...GOOD, ...changes });

test('a payment of the specification is read field by field', () => {
  expect(read()).toEqual({
    idx: 12,
    user: 0,
    card: 1,
    minute: 17_181_021,
    year: 2002,
    hour: 6,
    dayOfWeek: 6,
    amount: 134.09,
    useChip: 'Swipe Transaction',
    merchantName: '3527213246127876953',
    merchantHigh: 821_243_330,
    merchantLow: 1_719_741_273,
    merchantCity: 'La Verne',
    merchantState: 'CA',
    zip: 91_750,
    mcc: 5300,
    errors: '',
  });
});

test('event time counts minutes since 1970 through leap days and centuries', () => {
  const minute = (year: number, month: number, day: number, time: string) =>
    (read({ year, month, day, time }) as Payment).minute;
  expect(minute(1970, 1, 1, '00:00')).toBe(0);
  expect(minute(1972, 3, 1, '00:00')).toBe(790 * 1440);
  expect(minute(2000, 2, 29, '23:59')).toBe(15_864_479);
  expect(minute(2100, 3, 1, '00:00')).toBe(68_459_040);
  expect(minute(9999, 12, 31, '12:30')).toBe(4_223_370_990);
});

test('every day of the calendar is taken, and none besides', () => {
  const wrong: string[] = [];
  for (const year of [1970, 1999, 2000, 2001, 2004, 2100]) {
    for (let month = 1; month <= 12; month++) {
      for (let day = 1; day <= 31; day++) {
        const exists = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
        const isRead = typeof read({ year, month, day }) === 'object';
        if (isRead !== exists) wrong.push(`${year}-${month}-${day}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('what may be missing is missing quietly', () => {
  const { idx, merchant_city, merchant_state, is_fraud, ...rest } = GOOD;
  expect(readPayment(rest)).toMatchObject({ idx: -1, merchantCity: '', merchantState: '' });
  expect([idx, merchant_city, merchant_state, is_fraud]).toEqual([12, 'La Verne', 'CA', 0]);
});

test('a payment without a zip, and one of zip 00000, are read', () => {
  expect(read({ zip: '' })).toMatchObject({ zip: -1 });
  expect(read({ zip: '00000' })).toMatchObject({ zip: 0 });
});

test('an amount of minus zero is zero', () => {
  expect(Object.is((read({ amount: -0 }) as Payment).amount, 0)).toBe(true);
});

const FAULTS: readonly (readonly [RawPayment, string])[] = [
  [{ idx: -1 }, 'idx is -1; it must be an integer from 0 to 2^53 - 1'],
  [{ idx: '12' }, 'idx is "12"; it must be an integer from 0 to 2^53 - 1'],
  [{ user: undefined }, 'user is missing; it must be an integer from 0 to 2^53 - 1'],
  [{ user: 1.5 }, 'user is 1.5; it must be an integer from 0 to 2^53 - 1'],
  [{ user: 2 ** 53 }, 'user is 9007199254740992; it must be an integer from 0 to 2^53 - 1'],
  [{ card: 1_048_576 }, 'card is 1048576; it must be an integer from 0 to 1048575'],
  [{ year: 1969 }, 'year is 1969; it must be an integer from 1970 to 9999'],
  [{ month: 13 }, 'month is 13; it must be an integer from 1 to 12'],
  [{ month: 2, day: 30 }, 'day is 30; it must be a day of month 2 of 2002'],
  [{ day: '1' }, 'day is "1"; it must be a day of month 9 of 2002'],
  [{ time: '6:21' }, 'time is "6:21"; it must be HH:MM from 00:00 to 23:59'],
  [{ time: '24:00' }, 'time is "24:00"; it must be HH:MM from 00:00 to 23:59'],
  [{ time: '12:60' }, 'time is "12:60"; it must be HH:MM from 00:00 to 23:59'],
  [
    { amount: Number.POSITIVE_INFINITY },
    'amount is Infinity; it must be 0, or dollars of 1e-6 to 1e12, positive or negative',
  ],
  [
    { amount: 1e12 },
    'amount is 1000000000000; it must be 0, or dollars of 1e-6 to 1e12, positive or negative',
  ],
  [
    { amount: 1e-160 },
    'amount is 1e-160; it must be 0, or dollars of 1e-6 to 1e12, positive or negative',
  ],
  [
    { amount: '$134.09' },
    'amount is "$134.09"; it must be 0, or dollars of 1e-6 to 1e12, positive or negative',
  ],
  [
    { use_chip: ' Online' },
    'use_chip is " Online"; it must be "Chip Transaction", "Swipe Transaction" or "Online Transaction"',
  ],
  [{ merchant_name: '' }, 'merchant_name is ""; it must be a text of 1 to 64 characters'],
  [{ merchant_name: 3527 }, 'merchant_name is 3527; it must be a text of 1 to 64 characters'],
  [
    { merchant_name: 'x'.repeat(65) },
    `merchant_name is "${'x'.repeat(39)}…; it must be a text of 1 to 64 characters`,
  ],
  [{ zip: '9175' }, 'zip is "9175"; it must be five digits, or empty'],
  [{ zip: '9175o' }, 'zip is "9175o"; it must be five digits, or empty'],
  [{ zip: 91_750 }, 'zip is 91750; it must be five digits, or empty'],
  [{ mcc: 10_000 }, 'mcc is 10000; it must be an integer from 0 to 9999'],
  [{ errors: null }, 'errors is null; it must be a text of up to 200 characters'],
  [{ errors: ['Bad PIN'] }, 'errors is an array; it must be a text of up to 200 characters'],
  [{ merchant_city: 7 }, 'merchant_city is 7; it must be a text of up to 100 characters'],
  [
    { merchant_state: {} },
    'merchant_state is an object; it must be a text of up to 100 characters',
  ],
];

test('a field out of range is refused with its name, its value and what is allowed', () => {
  for (const [changes, reason] of FAULTS) expect(read(changes)).toBe(reason);
});

test('rejects of a batch come in order, whether JSON or a field is at fault', () => {
  const values = [{ ...GOOD, zip: 'x' }, GOOD, 'broken', { ...GOOD, mcc: -1 }];
  const records = packed(
    values.map((value) => ({
      key: '0',
      value: typeof value === 'string' ? value : JSON.stringify(value),
      timestampMs: 0,
    })),
  );
  const { events, rejects } = decodePayments(parseJsonBatch)(records, 0);
  expect(events.map((event) => event?.idx)).toEqual([undefined, 12, undefined, undefined]);
  expect(rejects.map(({ index, code }) => [index, code])).toEqual([
    [0, 'RECORD_FIELD_INVALID'],
    [2, 'RECORD_NOT_JSON'],
    [3, 'RECORD_FIELD_INVALID'],
  ]);
});

test('fields that are not of a payment are never read: no card number, no CVV', () => {
  const payment = readPayment({
    ...GOOD,
    card_number: '4111111111111111',
    cvv: '123',
  } as RawPayment);
  expect(JSON.stringify(payment)).not.toMatch(/4111|123/);
});
