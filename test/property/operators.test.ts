import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FEATURE_ORDER, type Payment, ZipTable } from '../../operators/index.ts';
import { readPayment } from '../../operators/payment.ts';
import { type OracleProfiles, oracleFeatures } from '../support/oracle.ts';
import { encodeActor, fold, profilesOf, reread, WIDTH } from '../support/payments.ts';

const ZIPS = new Map<number, readonly [number, number]>([
  [10_001, [40.75, -73.99]],
  [10_002, [40.71, -73.98]],
  [94_110, [37.75, -122.41]],
  [99_501, [61.21, -149.88]],
]);
const zips = ZipTable.parse(
  ['zip,lat,lon', ...[...ZIPS].map(([zip, place]) => [zip, ...place].join(','))].join('\n'),
);

const known: OracleProfiles = {
  users: new Map([
    [0, { latitude: 40.7, longitude: -74, fico: 700, debt: 12_345, income: 67_890 }],
    [1, { latitude: 37.7, longitude: -122.4, fico: 555, debt: 1, income: 0 }],
  ]),
  cards: new Map([
    ['0:0', { limit: 24_295, isOnDarkWeb: false, pinYear: 2012 }],
    ['0:1', { limit: 0, isOnDarkWeb: true, pinYear: 2021 }],
    ['2:0', { limit: 333.33, isOnDarkWeb: false, pinYear: 2004 }],
  ]),
};
const profiles = profilesOf(
  [...known.users].map(([user, u]) => ({
    key: String(user),
    value: JSON.stringify({
      user,
      latitude: u.latitude,
      longitude: u.longitude,
      fico_score: u.fico,
      total_debt: u.debt,
      yearly_income: u.income,
    }),
    timestampMs: 0,
  })),
  [...known.cards].map(([key, c]) => ({
    key,
    value: JSON.stringify({
      user: Number(key.split(':')[0]),
      card: Number(key.split(':')[1]),
      credit_limit: c.limit,
      card_on_dark_web: c.isOnDarkWeb,
      year_pin_last_changed: c.pinYear,
    }),
    timestampMs: 0,
  })),
);

/** Steps in minutes between payments: same minute, window edges, back in time. */
const stepMinutes = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 59, 60, 61, 1439, 1440, 1441, 10_079, 10_080) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: -3000, max: -1 }) },
);
const amount = fc.oneof(
  fc.integer({ min: -50_000, max: 5_000_000 }).map((cents) => cents / 100),
  fc.constantFrom(0, 0.1, 0.2, 0.3, 999_999_999_999, -1e11, 1e-6, 33.333333333),
  fc
    .double({ min: -1e6, max: 1e6, noNaN: true })
    .filter((dollars) => dollars === 0 || Math.abs(dollars) >= 1e-6),
);
const merchantName = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => String(BigInt(n - 20) * 460_000_000_000_000_007n)),
  fc.constantFrom('7', '07', '-0', '9223372036854775808', '-9223372036854775808', 'Café 24', '-5'),
);
const step = fc.record({
  stepMinutes,
  amount,
  merchant_name: merchantName,
  user: fc.constantFrom(0, 0, 0, 1, 2),
  card: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 6 }) },
  ),
  zip: fc.constantFrom('', '10001', '10002', '94110', '99501', '00000', '55555'),
  use_chip: fc.constantFrom('Chip Transaction', 'Swipe Transaction', 'Online Transaction'),
  errors: fc.constantFrom('', '', 'Bad PIN,', 'Technical Glitch,', 'Bad Card Number,Bad CVV,'),
  mcc: fc.integer({ min: 0, max: 9999 }),
});

const START_MS = Date.UTC(2016, 1, 27, 22);

const history = fc.array(step, { minLength: 1, maxLength: 90, size: 'max' }).map((steps) => {
  let ms = START_MS;
  return steps.map(({ stepMinutes: minutes, ...fields }, idx): Payment => {
    ms += minutes * 60_000;
    const when = new Date(ms);
    const payment = readPayment({
      ...fields,
      idx,
      year: when.getUTCFullYear(),
      month: when.getUTCMonth() + 1,
      day: when.getUTCDate(),
      time: when.toISOString().slice(11, 16),
    });
    if (typeof payment === 'string') throw new Error(payment);
    return payment;
  });
});

const TOLERANT = new Set(['log_amount', 'geo_km_from_last', 'geo_kmh', 'km_from_home']);

function expectOracle(payments: readonly Payment[], rows: Float32Array): void {
  for (const [i, row] of oracleFeatures(payments, known, ZIPS).entries()) {
    for (const [k, name] of FEATURE_ORDER.entries()) {
      const want = row[k] as number;
      const got = rows[i * WIDTH + k] as number;
      const allowed = TOLERANT.has(name) ? 1e-6 * Math.abs(want) : 0;
      if (!(Math.abs(got - want) <= allowed)) expect([i, name, got]).toEqual([i, name, want]);
    }
  }
}

test('the features equal a naive recomputation from the whole history', () => {
  fc.assert(
    fc.property(history, (payments) => {
      const { rows } = fold(payments, { profiles, zips });
      expectOracle(payments, rows);
      expect(rows.every(Number.isFinite)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('O3: writing and reading back every state after every payment changes no bit', () => {
  fc.assert(
    fc.property(history, (payments) => {
      const straight = fold(payments, { profiles, zips });
      const again = fold(payments, { profiles, zips, afterStep: reread });
      expect(again.rows).toEqual(straight.rows);
      const encode = ({ actors, stepper }: typeof straight) =>
        [...actors].map(([user, actor]) => [user, encodeActor(actor, stepper)]);
      expect(encode(again)).toEqual(encode(straight));
    }),
    { numRuns: 60 },
  );
});

test('O2: a later payment never changes the features of an earlier one', () => {
  fc.assert(
    fc.property(history, fc.nat(), (payments, cut) => {
      const count = 1 + (cut % payments.length);
      const { rows } = fold(payments, { profiles, zips });
      const { rows: fewer } = fold(payments.slice(0, count), { profiles, zips });
      expect(rows.subarray(0, count * WIDTH)).toEqual(fewer);
    }),
    { numRuns: 50 },
  );
});

test('the pair of a merchant gives its name back, number or text', () => {
  const name = fc.oneof(
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
    fc.string({ minLength: 1, maxLength: 20 }),
    merchantName,
  );
  fc.assert(
    fc.property(name, (text) => {
      const payment = readPayment({
        user: 0,
        card: 0,
        year: 2020,
        month: 2,
        day: 29,
        time: '12:00',
        amount: 1,
        use_chip: 'Chip Transaction',
        merchant_name: text,
        zip: '',
        mcc: 1,
        errors: '',
      }) as Payment;
      const { merchantHigh, merchantLow } = payment;
      const back =
        typeof merchantLow === 'string'
          ? merchantLow
          : String((BigInt(merchantHigh) << 32n) | BigInt.asUintN(32, BigInt(merchantLow)));
      expect(back).toBe(text);
    }),
    { numRuns: 2000 },
  );
});
