import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePayments, type Payment, readPaymentUsers } from '../../operators/index.ts';
import { type RawPayment, readPayment } from '../../operators/payment.ts';
import { PaymentTexts } from '../../operators/payment-text.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { packed } from '../support/payments.ts';

const text = fc.oneof(fc.string(), fc.constantFrom('', 'La Verne', 'a"b', 'Zürich', '\\', '\n'));

/** What a producer may write: mostly right, now and then at the edge or beyond it. */
const record = fc.record({
  idx: fc.oneof(fc.nat(), fc.constantFrom(-1, 2 ** 53, 1.5, 999_999_999_999_999)),
  user: fc.oneof(fc.nat(), fc.constantFrom(-1, 1e15)),
  card: fc.oneof(fc.nat(5), fc.constantFrom(2 ** 20, 2 ** 20 - 1)),
  year: fc.oneof(fc.integer({ min: 1991, max: 2030 }), fc.constantFrom(1969, 1970, 9999, 10_000)),
  month: fc.integer({ min: 0, max: 13 }),
  day: fc.integer({ min: 0, max: 32 }),
  time: fc.oneof(fc.constantFrom('06:21', '23:59', '24:00', '6:21', '00:60', '0a:00'), text),
  amount: fc.oneof(
    fc.integer({ min: -1e7, max: 1e7 }).map((cents) => cents / 100),
    fc.constantFrom(-0, 1e-7, 1e12, 1e21, 0.1 + 0.2, 1e-6, 999_999_999_999.99),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  ),
  use_chip: fc.constantFrom('Chip Transaction', 'Swipe Transaction', 'Online Transaction', 'Chip'),
  merchant_name: fc.oneof(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String), text),
  merchant_city: text,
  merchant_state: fc.oneof(fc.constantFrom('CA', ''), text),
  zip: fc.constantFrom('91750', '00000', '', '1234', '123456', '12a45'),
  mcc: fc.oneof(fc.nat(9999), fc.constantFrom(10_000, -1)),
  errors: fc.oneof(fc.constantFrom('', 'Bad PIN,'), text),
  is_fraud: fc.constantFrom(0, 1, null, 2, true),
});

/** All its fields, also those that are made when asked for. */
function plain(payment: Payment): Payment {
  const { merchantName, merchantCity, merchantState } = payment;
  return { ...payment, merchantName, merchantCity, merchantState };
}

/** The JSON, sometimes with one character changed, lost or added. */
const json = fc
  .tuple(
    record,
    fc.option(fc.tuple(fc.nat(), fc.constantFrom('"', '0', '.', ' ', 'e', ',', '')), { freq: 3 }),
  )
  .map(([value, change]) => {
    const whole = JSON.stringify(value);
    if (change === null) return whole;
    const at = change[0] % whole.length;
    return whole.slice(0, at) + change[1] + whole.slice(at + 1);
  });

function throughCodec(value: string): Payment | string {
  const { values, rejects } = parseJsonBatch(packed([{ key: '1', value, timestampMs: 0 }]), 0);
  if (rejects[0] !== undefined) return `${rejects[0].code}: ${rejects[0].reason}`;
  const payment = readPayment(values[0] as RawPayment);
  return typeof payment === 'string' ? `RECORD_FIELD_INVALID: ${payment}` : payment;
}

test('a record read in place is the payment that the codec would give, in any company', () => {
  // One decoder for all: what is released was another payment before.
  const decode = decodePayments(parseJsonBatch);
  fc.assert(
    fc.property(fc.array(json, { minLength: 1, maxLength: 5 }), (values) => {
      const records = packed(values.map((value) => ({ key: '1', value, timestampMs: 0 })));
      const { events, rejects } = decode(records, 0);
      const got = values.map((_, i) => {
        const reject = rejects.find(({ index }) => index === i);
        const event = events[i];
        return event === undefined ? `${reject?.code}: ${reject?.reason}` : plain(event);
      });
      expect(got).toEqual(values.map(throughCodec));
      decode.release?.(events.filter((event) => event !== undefined));
    }),
    { numRuns: 3000 },
  );
});

/** The user alone, as the codec has it; of what is no JSON object nothing is said. */
function userThroughCodec(value: string): number | string | undefined {
  const { values, rejects } = parseJsonBatch(packed([{ key: '1', value, timestampMs: 0 }]), 0);
  if (rejects[0] !== undefined) return undefined;
  const { user } = values[0] as { user?: unknown };
  return Number.isSafeInteger(user) && (user as number) >= 0 ? (user as number) : 'none';
}

test('whose a payment is, is what the codec would say, wherever the codec can say it', () => {
  fc.assert(
    fc.property(fc.array(json, { minLength: 1, maxLength: 5 }), (values) => {
      const records = packed(values.map((value) => ({ key: '1', value, timestampMs: 0 })));
      const { keys, rejects } = readPaymentUsers(parseJsonBatch)(records, 0);
      expect(rejects.map(({ index }) => index)).toEqual(
        [...keys].flatMap((key, i) => (key < 0 ? [i] : [])),
      );
      const wanted = values.map(userThroughCodec);
      const got = [...keys].map((key, i) => {
        if (wanted[i] === undefined) return undefined;
        return key < 0 ? 'none' : key;
      });
      expect(got).toEqual(wanted);
    }),
    { numRuns: 3000 },
  );
});

test('records as the specification writes them are all read in place', () => {
  const value =
    '{"idx":12,"user":0,"card":1,"year":2002,"month":9,"day":1,"time":"06:21","amount":134.09,' +
    '"use_chip":"Swipe Transaction","merchant_name":"3527213246127876953",' +
    '"merchant_city":"La Verne","merchant_state":"CA","zip":"91750","mcc":5300,"errors":"",' +
    '"is_fraud":0}';
  const texts = new PaymentTexts(packed([{ key: '0', value, timestampMs: 0 }]));
  expect(plain(texts.of(0) as Payment)).toEqual({
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

test('a decimal is read to the last bit', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.nat(6), (scaled, places) => {
      const digits = String(Math.abs(scaled)).padStart(places + 1, '0');
      const at = digits.length - places;
      const amount = `${scaled < 0 ? '-' : ''}${digits.slice(0, at)}${places > 0 ? `.${digits.slice(at)}` : ''}`;
      const value =
        `{"idx":1,"user":1,"card":0,"year":2019,"month":1,"day":1,"time":"00:00","amount":${amount},` +
        '"use_chip":"Chip Transaction","merchant_name":"1","merchant_city":"","merchant_state":"",' +
        '"zip":"","mcc":1,"errors":"","is_fraud":0}';
      const read = new PaymentTexts(packed([{ key: '1', value, timestampMs: 0 }])).of(0);
      const expected = throughCodec(value);
      expect(read === undefined ? 'left to the codec' : plain(read)).toEqual(
        typeof expected === 'string' ? 'left to the codec' : expected,
      );
    }),
    { numRuns: 5000 },
  );
});
