import { expect, test } from 'vitest';
import { cardVelocity } from '../../operators/card-velocity.ts';
import { geoDrift } from '../../operators/geo-drift.ts';
import { cardFraudFlow, FEATURE_ORDER, type Payment, ZipTable } from '../../operators/index.ts';
import { lastMerchant } from '../../operators/last-merchant.ts';
import { type RawPayment, readPayment } from '../../operators/payment.ts';
import { recency } from '../../operators/recency.ts';
import { spendProfile } from '../../operators/spend-profile.ts';
import { userVelocity } from '../../operators/user-velocity.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import type { ActorState, KeySlot } from '../../src/core/flow.ts';
import { fold, profilesOf, WIDTH } from '../support/payments.ts';

const zips = ZipTable.parse('zip,lat,lon\n10001,40.0,-74.0\n10002,41.0,-74.0\n');
const profiles = profilesOf([], []);
/** 1° along a meridian. */
const DEGREE_KM = 111.195_08;

const pay = (minute: number, fields: RawPayment = {}): Payment => {
  const when = new Date(Date.UTC(2018, 0, 1) + minute * 60_000);
  const payment = readPayment({
    user: 0,
    card: 0,
    year: when.getUTCFullYear(),
    month: when.getUTCMonth() + 1,
    day: when.getUTCDate(),
    time: when.toISOString().slice(11, 16),
    amount: 10,
    use_chip: 'Chip Transaction',
    merchant_name: '1',
    zip: '',
    mcc: 5411,
    errors: '',
    ...fields,
  });
  if (typeof payment === 'string') throw new Error(payment);
  return payment;
};

/** One feature over a history, as an analyst writes it: `minute {fields}` in order. */
function feature(name: string, ...events: Payment[]): number[] {
  const { rows } = fold(events, { profiles, zips });
  const k = (FEATURE_ORDER as readonly string[]).indexOf(name);
  return events.map((_, i) => rows[i * WIDTH + k] as number);
}

test('the flow yields the 32 features of the row, each once', () => {
  const { featureNames } = cardFraudFlow({ parse: parseJsonBatch, zips });
  expect([...featureNames].sort()).toEqual([...FEATURE_ORDER].sort());
  expect(FEATURE_ORDER.length).toBe(32);
});

test('W1: a window is open at its old end and includes the payment itself', () => {
  const history = [
    pay(0, { amount: 1 }),
    pay(59, { amount: 2 }),
    pay(60, { amount: 4 }),
    pay(1440, { amount: 8 }),
    pay(10_080, { amount: 16 }),
  ];
  expect(feature('card_count_1h', ...history)).toEqual([1, 2, 2, 1, 1]);
  expect(feature('card_sum_1h', ...history)).toEqual([1, 3, 6, 8, 16]);
  expect(feature('card_count_24h', ...history)).toEqual([1, 2, 3, 3, 1]);
  expect(feature('card_sum_24h', ...history)).toEqual([1, 3, 7, 14, 16]);
  expect(feature('card_count_7d', ...history)).toEqual([1, 2, 3, 4, 4]);
  expect(feature('card_sum_7d', ...history)).toEqual([1, 3, 7, 15, 30]);
});

test('W2: sums are added oldest first', () => {
  const history = [9e11, 1e-5, -9e11].map((amount, i) => pay(i, { amount }));
  expect(feature('card_sum_1h', ...history)[2]).toBe(0);
});

test('time that goes back is the time of the card, and of the user, before it', () => {
  const history = [pay(100), pay(30), pay(120)];
  expect(feature('card_count_1h', ...history)).toEqual([1, 2, 3]);
  expect(feature('user_count_1h', ...history)).toEqual([1, 2, 3]);
  expect(feature('minutes_since_last', ...history)).toEqual([-1, 0, 20]);
  expect(feature('hour', ...history)).toEqual([1, 0, 2]);
});

test('mean and deviation are of the earlier payments', () => {
  const history = [10, 20, 40, 0].map((amount, i) => pay(i, { amount }));
  expect(feature('card_amount_mean', ...history)).toEqual([0, 10, 15, Math.fround(70 / 3)]);
  expect(feature('card_amount_z', ...history)[2]).toBeCloseTo(3.535_534, 5);
  expect(feature('card_amount_z', pay(0), pay(1), pay(2), pay(3, { amount: 99 }))[3]).toBe(0);
});

test('the 32 most recently used merchants are known, and the first of them is the last', () => {
  const names = [...Array.from({ length: 32 }, (_, i) => i + 1), 1, 33, 2, 1];
  const history = names.map((name, i) => pay(i, { merchant_name: String(name) }));
  // 33 drops 2, since 1 was used again.
  expect(feature('merchant_seen', ...history).slice(32)).toEqual([1, 0, 0, 1]);
  expect(feature('same_merchant_as_last', pay(0), pay(1), pay(2, { merchant_name: '2' }))).toEqual([
    0, 1, 0,
  ]);
});

test('distance is from the last payment whose place is known', () => {
  const history = [
    pay(0, { zip: '10001' }),
    pay(30),
    pay(60, { zip: '10002' }),
    pay(61, { zip: '99999' }),
    pay(120, { zip: '10002' }),
    pay(120, { zip: '10001' }),
  ];
  const [, , km, unknown, none, back] = feature('geo_km_from_last', ...history);
  expect([unknown, none]).toEqual([-1, 0]);
  expect(km).toBeCloseTo(DEGREE_KM, 3);
  expect(back).toBeCloseTo(DEGREE_KM, 3);
  expect(feature('geo_kmh', ...history)[5]).toBeCloseTo(DEGREE_KM * 60, 1);
});

test("the user's windows cover all cards", () => {
  const history = [
    pay(0, { amount: 1 }),
    pay(10, { card: 1, amount: 2 }),
    pay(70, { card: 7, amount: 4 }),
    pay(1445, { card: 1, amount: 8 }),
  ];
  expect(feature('user_count_1h', ...history)).toEqual([1, 2, 1, 1]);
  expect(feature('user_sum_24h', ...history)).toEqual([1, 3, 7, 14]);
  expect(feature('user_cards_24h', ...history)).toEqual([1, 2, 3, 2]);
});

test('O3: equal windows encode equally, however many payments have left them', () => {
  const recent = [20_500, 20_501, 20_550].map((minute) => pay(minute, { amount: 0.1 }));
  const long = Array.from({ length: 500 }, (_, i) => pay(i * 20, { amount: i / 100 }));
  const encode = (events: Payment[], operator: { encode(state: never): unknown }, key: string) => {
    const { actors, stepper } = fold(events, { profiles, zips });
    const { root, subs } = actors.get(0) as ActorState;
    const of = stepper.flow.operators.filter((each) => each.key === key);
    const slot = key === 'user' ? root : (subs.get(0) as KeySlot);
    return operator.encode(slot.states[of.indexOf(operator as never)] as never);
  };
  for (const [operator, key] of [
    [cardVelocity, 'card'],
    [userVelocity, 'user'],
  ] as const) {
    const encoded = encode(recent, operator, key) as number[];
    expect(encode([...long, ...recent], operator, key)).toEqual(encoded);
    expect(encoded[0]).toBe(Date.UTC(2018, 0, 1) / 60_000 + 20_500);
  }
});

test('a state is small: gaps and cents, two numbers a payment', () => {
  const state = cardVelocity.create();
  const out = { set: () => undefined };
  for (const minute of [25_000_000, 25_000_000, 25_000_007]) {
    cardVelocity.step(state, { amount: 35.9 } as Payment, { now: minute, last: -1 }, out);
  }
  expect(cardVelocity.encode(state)).toEqual([25_000_000, 3590, 0, 3590, 7, 3590]);
});

test('an amount that is no whole number of cents is kept to the last bit', () => {
  const amounts = [0.1 + 0.2, 33.333_333_333, 1e-6, -0.005, 999_999_999_999, 0.07];
  const state = cardVelocity.create();
  const out = { set: () => undefined };
  for (const amount of amounts) {
    cardVelocity.step(state, { amount } as Payment, { now: 1, last: -1 }, out);
  }
  expect(cardVelocity.decode(cardVelocity.encode(state))).toEqual(state);
});

test('O4: memory is bounded by what the longest window holds', () => {
  const card = cardVelocity.create();
  const user = userVelocity.create();
  const out = { set: () => undefined };
  let cardMax = 0;
  let userMax = 0;
  for (let minute = 0; minute < 50_000; minute += 5) {
    const time = { now: minute, last: minute - 5 };
    const payment = { amount: 1, card: minute % 7 } as Payment;
    cardVelocity.step(card, payment, time, out);
    userVelocity.step(user, payment, time, out);
    cardMax = Math.max(cardMax, card.length);
    userMax = Math.max(userMax, user.length);
  }
  // 2,016 payments in a week, 288 in a day; a third more at the most, and what lies in front.
  expect(cardMax).toBeLessThanOrEqual(6 + Math.ceil((2016 * 2 * 4) / 3) + 2);
  expect(userMax).toBeLessThanOrEqual(5 + Math.ceil((288 * 3 * 4) / 3) + 3);
  cardVelocity.step(card, { amount: 1 } as Payment, { now: 100_000, last: 49_995 }, out);
  expect(card.length).toBe(6 + 2);
});

test('state of version 1 of card_velocity is read by version 2', () => {
  const version1 = [
    [25_000_000, 25_000_000, 25_000_007],
    [35.9, -99, 0.1 + 0.2],
  ];
  const version2 = cardVelocity.migrations[1]?.(version1);
  expect(version2).toEqual([25_000_000, 3590, 0, -9900, 7, 0.300_000_000_000_000_04]);
  const state = cardVelocity.decode(version2);
  const row: number[] = [];
  const out = { set: (k: number, value: number) => (row[k] = value) };
  cardVelocity.step(state, { amount: 1 } as Payment, { now: 25_000_060, last: 25_000_007 }, out);
  // The first two have left the hour; day and week hold all four, added oldest first.
  expect(row).toEqual([2, 1.3, 4, -61.800_000_000_000_004, 4, -61.800_000_000_000_004]);
});

test('every operator has a migration from each version before its own', () => {
  const { operators } = cardFraudFlow({ parse: parseJsonBatch, zips });
  for (const { name, version, migrations } of operators) {
    const from = Object.keys(migrations).map(Number);
    expect(from, name).toEqual(Array.from({ length: version - 1 }, (_, i) => i + 1));
  }
});

test('what no operator can have written is refused as corrupt, by name', () => {
  const bad: [string, () => unknown][] = [
    ['card_velocity', () => cardVelocity.decode([1])],
    ['card_velocity', () => cardVelocity.decode([1, 'x'])],
    ['card_velocity', () => cardVelocity.migrations[1]?.([[1], []])],
    ['user_velocity', () => userVelocity.decode({})],
    ['spend_profile', () => spendProfile.decode([1, 2])],
    ['recency', () => recency.decode(0)],
    ['last_merchant', () => lastMerchant.decode([1])],
    ['last_merchant', () => lastMerchant.decode(['x', 1])],
    ['geo_drift', () => geoDrift(zips).decode([100_000, 1])],
  ];
  for (const [name, decode] of bad) {
    expect(decode).toThrow(ShrikeError);
    expect(decode).toThrow(`state of ${name} cannot be read`);
  }
});

test('the zip table that comes along knows 33,791 places', () => {
  const table = ZipTable.load();
  const known = Array.from({ length: 100_000 }, (_, zip) => zip).filter((zip) => table.has(zip));
  expect(known.length).toBe(33_791);
  expect(table.has(-1)).toBe(false);
  expect(table.kmBetween(10_001, 10_001)).toBe(0);
  expect(table.kmBetween(10_001, 94_110)).toBeCloseTo(4130, -1);
});

test('a damaged zip table is refused with its line', () => {
  expect(() => ZipTable.parse('zip;lat;lon')).toThrow('does not start with zip,lat,lon');
  expect(() => ZipTable.parse('zip,lat,lon\n10001,91.0,0.0')).toThrow('line 2: 10001,91.0,0.0');
  expect(() => ZipTable.load(new URL('file:///nowhere/zips.csv'))).toThrow('cannot read');
});
