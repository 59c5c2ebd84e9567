import { expect, test } from 'vitest';
import { CardUserProfiles, type Payment } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import type { NewRecord } from '../../src/core/records.ts';
import { packed } from '../support/payments.ts';

const USER = {
  user: 7,
  latitude: 90,
  longitude: 180,
  fico_score: 700,
  total_debt: 3,
  yearly_income: 4,
};
const CARD = {
  user: 7,
  card: 1,
  credit_limit: 24_295,
  card_on_dark_web: true,
  year_pin_last_changed: 2015,
};
const NOTHING = {
  home: { latitude: Number.NaN, longitude: Number.NaN },
  fico: -1,
  debtToIncome: -1,
  creditLimit: 0,
  cardOnDarkWeb: -1,
  pinYear: Number.NaN,
};

const put = (key: string, value: object): NewRecord => ({
  key,
  value: JSON.stringify(value),
  timestampMs: 0,
});
const tombstone = (key: string): NewRecord => ({ key, value: undefined, timestampMs: 0 });
const profiles = () =>
  new CardUserProfiles({ parse: parseJsonBatch, usersTopic: 'users', cardsTopic: 'cards' });
const of = (user: number, card: number) => ({ user, card }) as Payment;

test('nothing is known of a user and a card that no record named', () => {
  const known = profiles();
  expect(known.topics).toEqual(['users', 'cards']);
  expect(known.of(of(7, 1))).toEqual(NOTHING);
  expect(known.versions(of(7, 1))).toEqual({ user: null, card: null });
});

test('a user and a card are known by their last records, and by those offsets', () => {
  const known = profiles();
  known.apply('users', packed([put('7', USER), put('7', { ...USER, fico_score: 600 })]), 100, 0);
  known.apply('cards', packed([put('7:1', CARD), put('7:0', { ...CARD, card: 0 })]), 5, 0);
  expect(known.of(of(7, 1))).toEqual({
    home: { latitude: Math.PI / 2, longitude: Math.PI },
    fico: 600,
    debtToIncome: 0.75,
    creditLimit: 24_295,
    cardOnDarkWeb: 1,
    pinYear: 2015,
  });
  expect(known.versions(of(7, 1))).toEqual({ user: 101, card: 5 });
  expect(known.versions(of(7, 2))).toEqual({ user: 101, card: null });
});

test('records before the first asked for are not applied', () => {
  const known = profiles();
  known.apply('users', packed([put('7', USER), put('8', { ...USER, user: 8 })]), 0, 1);
  expect(known.versions(of(7, 0)).user).toBe(null);
  expect(known.versions(of(8, 0)).user).toBe(1);
});

test('a card is known although its user is not', () => {
  const known = profiles();
  known.apply('cards', packed([put('7:1', CARD)]), 0, 0);
  expect(known.of(of(7, 1))).toEqual({
    ...NOTHING,
    creditLimit: 24_295,
    cardOnDarkWeb: 1,
    pinYear: 2015,
  });
});

test('a tombstone deletes a user but not its cards, a card but not its user', () => {
  const known = profiles();
  known.apply('users', packed([put('7', USER)]), 0, 0);
  known.apply('cards', packed([put('7:1', CARD), put('7:2', { ...CARD, card: 2 })]), 0, 0);
  expect(known.apply('cards', packed([tombstone('7:1')]), 2, 0)).toEqual([]);
  expect(known.versions(of(7, 1))).toEqual({ user: 0, card: null });
  expect(known.versions(of(7, 2))).toEqual({ user: 0, card: 1 });
  known.apply('users', packed([tombstone('7'), tombstone('99')]), 1, 0);
  expect(known.versions(of(7, 2))).toEqual({ user: null, card: 1 });
  known.apply('users', packed([put('7', USER)]), 3, 0);
  known.apply('cards', packed([put('7:1', CARD)]), 3, 0);
  expect(known.versions(of(7, 1))).toEqual({ user: 3, card: 3 });
});

test('without income or limit there is no ratio to it', () => {
  const known = profiles();
  known.apply('users', packed([put('7', { ...USER, yearly_income: 0 })]), 0, 0);
  known.apply('cards', packed([put('7:1', { ...CARD, credit_limit: 0 })]), 0, 0);
  expect(known.of(of(7, 1))).toMatchObject({ debtToIncome: -1, creditLimit: 0, cardOnDarkWeb: 1 });
});

test('a record that cannot be used is rejected and leaves what was known', () => {
  const known = profiles();
  known.apply('users', packed([put('7', USER)]), 0, 0);
  const bad = [
    put('7', { ...USER, latitude: 91 }),
    { key: '7', value: 'broken', timestampMs: 0 },
    tombstone('seven'),
    put('7', { ...USER, yearly_income: 1e-9 }),
  ];
  expect(known.apply('users', packed(bad), 1, 0)).toEqual([
    {
      index: 0,
      code: 'RECORD_FIELD_INVALID',
      reason: 'latitude is 91; it must be degrees from -90 to 90',
    },
    { index: 1, code: 'RECORD_NOT_JSON', reason: 'not JSON' },
    {
      index: 2,
      code: 'RECORD_FIELD_INVALID',
      reason: 'the key of a tombstone is "seven"; it must be a user id in decimal',
    },
    {
      index: 3,
      code: 'RECORD_FIELD_INVALID',
      reason:
        'yearly_income is 1e-9; it must be 0, or dollars of 0.01 to 1e15, positive or negative',
    },
  ]);
  expect(known.versions(of(7, 0)).user).toBe(0);
  const [reject] = known.apply(
    'cards',
    packed([put('7:1', { ...CARD, card_on_dark_web: 'No' })]),
    0,
    0,
  );
  expect(reject?.reason).toBe('card_on_dark_web is "No"; it must be true or false');
});

test('ten thousand users with three cards each keep their own facts', () => {
  const known = profiles();
  const ids = Array.from({ length: 10_000 }, (_, i) => i * 1_000_003 * 1_000);
  known.apply(
    'users',
    packed(ids.map((user, i) => put(String(user), { ...USER, user, fico_score: i }))),
    0,
    0,
  );
  for (const card of [0, 1, 1_048_575]) {
    const facts = (user: number, i: number) => ({
      ...CARD,
      user,
      card,
      credit_limit: i + 1 + card,
    });
    const records = ids.map((user, i) => put(`${user}:${card}`, facts(user, i)));
    expect(known.apply('cards', packed(records), 0, 0)).toEqual([]);
  }
  const wrong = ids.filter((user, i) => {
    const { fico, creditLimit } = known.of(of(user, 1));
    return fico !== i || creditLimit !== i + 2 || known.of(of(user, 0)).creditLimit !== i + 1;
  });
  expect(wrong).toEqual([]);
});

test('whoever is looked up in advance, as are strangers, is known as before', () => {
  const known = profiles();
  const count = 50_000;
  const users = Array.from({ length: count }, (_, user) => put(`${user}`, { ...USER, user }));
  const cards = Array.from({ length: 300 }, (_, i) =>
    put(`${i % 100}:${i}`, { ...CARD, user: i % 100, card: i, credit_limit: i }),
  );
  known.apply('users', packed(users), 0, 0);
  known.apply('cards', packed(cards), 0, 0);
  const payments = [of(0, 200), of(99, 99), of(count - 1, 0), of(count, 0), of(5, 6), of(0, 0)];
  const before = payments.map((payment) => structuredClone(known.of(payment)));
  expect(before.map(({ creditLimit, fico }) => [creditLimit, fico])).toEqual([
    ...[200, 99, 0].map((limit) => [limit, 700]),
    [0, -1],
    ...[0, 0].map((limit) => [limit, 700]),
  ]);
  known.prefetch(payments);
  expect(payments.map((payment) => structuredClone(known.of(payment)))).toEqual(before);
  known.prefetch([]);
  expect(known.of(payments[0] as Payment)).toEqual(before[0]);
});
