import { expect, test } from 'vitest';
import {
  CARD_COLUMNS,
  cleanCard,
  cleanPayment,
  cleanUser,
  PAYMENT_COLUMNS,
  USER_COLUMNS,
} from '../../src/ingest/clean.ts';
import { FieldReader } from '../../src/ingest/field-reader.ts';
import { amountText, cardJson, paymentJson, userJson } from '../../src/ingest/json-records.ts';

const GOOD =
  '0|0|2002|9|1|6:21|$134.09|Swipe Transaction|3527213246127876953|La Verne|CA|91750.0|5300||No';

/** The JSON of a good payment with some columns replaced, or the reason why it is rejected. */
function payment(changes: Record<string, string>): string {
  const fields = GOOD.split('|');
  for (const [name, value] of Object.entries(changes)) {
    fields[PAYMENT_COLUMNS.indexOf(name as 'User')] = value;
  }
  const reader = new FieldReader(PAYMENT_COLUMNS).start({ line: 2, row: 0, fields });
  const cleaned = cleanPayment(reader);
  return reader.flaw === undefined ? paymentJson(12, cleaned) : reader.flaw.reason;
}

test('a payment becomes the JSON of the specification, key by key', () => {
  expect(payment({})).toBe(
    '{"idx":12,"user":0,"card":0,"year":2002,"month":9,"day":1,"time":"06:21","amount":134.09,"use_chip":"Swipe Transaction","merchant_name":"3527213246127876953","merchant_city":"La Verne","merchant_state":"CA","zip":"91750","mcc":5300,"errors":"","is_fraud":0}',
  );
});

test.each([
  ['Amount', '$-99.00', '"amount":-99.00'],
  ['Amount', '($99.00)', '"amount":-99.00'],
  ['Amount', '-$0.50', '"amount":-0.50'],
  ['Amount', '$-0.00', '"amount":0.00'],
  ['Amount', '$1,234,567.8', '"amount":1234567.80'],
  ['Amount', '$7', '"amount":7.00'],
  ['Amount', '$999999999999.99', '"amount":999999999999.99'],
  ['Merchant City', ' ONLINE', '"merchant_city":"ONLINE"'],
  ['Merchant City', 'St. "Q" \\ é', '"merchant_city":"St. \\"Q\\" \\\\ é"'],
  ['Errors?', 'Bad PIN,Technical Glitch,', '"errors":"Bad PIN,Technical Glitch,"'],
  ['Zip', '2101.0', '"zip":"02101"'],
  ['Zip', '00000', '"zip":"00000"'],
  ['Zip', '', '"zip":""'],
  ['Is Fraud?', 'Yes', '"is_fraud":1'],
  ['Is Fraud?', '', '"is_fraud":null'],
  ['Merchant Name', '-9223372036854775808', '"merchant_name":"-9223372036854775808"'],
  ['Merchant Name', '0049789', '"merchant_name":"49789"'],
  ['Time', '23:59', '"time":"23:59"'],
  ['Year', '9999', '"year":9999'],
])('%s %j is kept as %s', (column, value, json) => {
  expect(payment({ [column]: value })).toContain(json);
});

test.each([
  ['Amount', '$1e999', 'Amount is "$1e999", not an amount like $134.09, $-99.00 or ($99.00)'],
  ['Amount', '', 'Amount is empty, not an amount like $134.09, $-99.00 or ($99.00)'],
  ['Amount', '$12.345', 'Amount is "$12.345", not an amount'],
  ['Amount', '($-5.00)', 'Amount is "($-5.00)", not an amount'],
  ['Amount', '($5.00', 'Amount is "($5.00", not an amount'],
  ['Amount', '$1,23.00', 'Amount is "$1,23.00", not an amount'],
  ['Amount', 'NaN', 'Amount is "NaN", not an amount'],
  ['User', '-1', 'User is "-1", not a whole number from 0 to 4294967295'],
  ['User', '1.5', 'User is "1.5", not a whole number'],
  ['Card', '1048576', 'Card is "1048576", not a whole number from 0 to 1048575'],
  ['Year', '1969', 'Year is "1969", not a whole number from 1970 to 9999'],
  ['Month', '13', 'Month is "13", not a whole number from 1 to 12'],
  ['Day', '31', 'Day is "31", not a day of 2002-09'],
  ['Time', '24:00', 'Time is "24:00", not a time from 00:00 to 23:59'],
  ['Time', '6.21', 'Time is "6.21", not a time'],
  ['Use Chip', 'Chip', 'Use Chip is "Chip", not one of "Swipe Transaction", "Chip Transaction"'],
  ['Merchant Name', '9223372036854775808', 'Merchant Name is a text with 19 digits (not shown)'],
  ['Merchant Name', '', 'Merchant Name is empty, not a signed 64-bit integer'],
  [
    'Merchant City',
    'a\nb',
    'Merchant City is "a?b", not a text of at most 200 printable characters',
  ],
  ['Zip', '917500.0', 'Zip is "917500.0", not empty or a zip code like 91750.0'],
  ['MCC', '10000', 'MCC is "10000", not a whole number from 0 to 9999'],
  ['Is Fraud?', 'Maybe', 'Is Fraud? is "Maybe", not one of "No", "Yes", empty'],
])('%s %j is rejected: %s', (column, value, reason) => {
  expect(payment({ [column]: value })).toContain(reason);
});

test.each([
  ['2000', '2', '29', '"month":2,"day":29'],
  ['1900', '2', '28', 'Year is "1900"'],
  ['2023', '2', '29', 'Day is "29", not a day of 2023-02'],
  ['2024', '2', '30', 'Day is "30", not a day of 2024-02'],
  ['2100', '2', '29', 'Day is "29", not a day of 2100-02'],
])('the day %s-%s-%s is answered with %s', (Year, Month, Day, answer) => {
  expect(payment({ Year, Month, Day })).toContain(answer);
});

test('the first wrong field of a row is named', () => {
  expect(payment({ Year: 'x', MCC: 'y' })).toContain('Year is "x"');
});

test('amounts are written with two decimals', () => {
  expect([0, 5, -5, 100, -9900, 13409].map(amountText)).toEqual([
    '0.00',
    '0.05',
    '-0.05',
    '1.00',
    '-99.00',
    '134.09',
  ]);
});

test('a card becomes a profile without its number and CVV', () => {
  const line = '0,1,Visa,Debit,4956965974959986,12/2020,393,YES,2,$21968,04/2014,2014,No';
  const reader = new FieldReader(CARD_COLUMNS);
  const card = cleanCard(reader.start({ line: 2, row: 0, fields: line.split(',') }));
  expect(reader.flaw).toBeUndefined();
  expect(cardJson(card)).toBe(
    '{"user":0,"card":1,"credit_limit":21968,"card_on_dark_web":false,"year_pin_last_changed":2014}',
  );
});

test('a card number never shows in a reason, whatever column it stands in', () => {
  const good = '0,1,Visa,Debit,4956965974959986,12/2020,393,YES,2,$21968,04/2014,2014,No';
  for (let column = 0; column < CARD_COLUMNS.length; column++) {
    for (const number of ['4956965974959986x', '4956-9659-7495-9986', '4956 9659 7495 998']) {
      const fields = good.split(',');
      fields[column] = number;
      const reader = new FieldReader(CARD_COLUMNS).start({ line: 2, row: 0, fields });
      cleanCard(reader);
      expect(reader.flaw?.reason ?? '').not.toMatch(/4956|9986/);
    }
  }
});

test('a user becomes a profile with plain numbers', () => {
  const line =
    'Hazel Robinson,53,66,1966,11,Female,462 Rose Lane,,La Verne,CA,91750,34.15,-117.70,$29278,$59696,$127613,787,5';
  const reader = new FieldReader(USER_COLUMNS);
  const user = cleanUser(reader.start({ line: 2, row: 0, fields: line.split(',') }), 7);
  expect(reader.flaw).toBeUndefined();
  expect(userJson(user)).toBe(
    '{"user":7,"latitude":34.15,"longitude":-117.7,"fico_score":787,"total_debt":127613,"yearly_income":59696}',
  );
});
