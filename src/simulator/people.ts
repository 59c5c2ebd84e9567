/**
 * The world: people and their cards. A few bytes a person are stored; everything else about them is
 * derived from hashes of their number, so that a million people fit in 20 MB.
 */
import { assert } from '../core/assert.ts';
import { hash, type Quantiles, quantile, unit } from './arithmetic.ts';
import { Places, type ZipPlaces } from './places.ts';

export const DAY_MINUTES = 1440;
/** 2018-01-01T00:00. */
const START_MINUTE = 25_246_080;

export interface WorldOptions {
  readonly seed: number;
  readonly users: number;
  readonly places: ZipPlaces;
  /** Event minute (since 1970) at which the stream begins. Default: 2018-01-01. */
  readonly startMinute?: number;
  /** Share of fraudulent payments. Default: 0.00122, as in the real set. */
  readonly fraudRate?: number;
}

const CALIBRATED_FRAUD_RATE = 0.00122;
/** Above it a person would need more than one burst in a window (`bursts.ts`). */
const FRAUD_RATE_MAX = 0.03;

export interface World {
  /** Hash of the seed: salt of everything that is derived. */
  readonly salt: number;
  readonly users: number;
  readonly startMinute: number;
  readonly fraudRate: number;
  readonly places: Places;
  /** Listed place of each person's home. */
  readonly homes: Int32Array;
  /** Payments a day, on average. */
  readonly rates: Float32Array;
  readonly cardCounts: Uint8Array;
}

// What a number is derived for: the third key of a hash.
export const FACT = {
  home: 1,
  rate: 2,
  cards: 3,
  spend: 4,
  age: 5,
  income: 6,
  localIncome: 7,
  debt: 8,
  fico: 9,
  latitude: 10,
  longitude: 11,
  street: 12,
  name: 13,
  opened: 20,
  chip: 21,
  type: 22,
  brand: 23,
  limit: 24,
  pin: 25,
  darkWeb: 26,
  expires: 27,
  cvv: 28,
  drawer: 29,
  issued: 30,
} as const;

const RATES: Quantiles = {
  at: [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1],
  values: [0.5, 0.8, 1.4, 2.2, 3.1, 4.8, 6.2],
};
const OPENED_YEARS: Quantiles = {
  at: [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1],
  values: [1991, 2001, 2003, 2006, 2010, 2016, 2019.5, 2020],
};
const CARD_COUNTS = [0.208, 0.402, 0.626, 0.814, 0.917, 0.97, 0.99, 0.9985, 1];

export function createWorld(options: WorldOptions): World {
  const { seed, users, startMinute = START_MINUTE, fraudRate = CALIBRATED_FRAUD_RATE } = options;
  assert(Number.isSafeInteger(seed), 'the seed is an integer');
  assert(Number.isInteger(users) && users > 0, 'the world has people');
  assert(Number.isInteger(startMinute) && startMinute >= 0, 'time starts at a minute since 1970');
  assert(fraudRate >= 0 && fraudRate <= FRAUD_RATE_MAX, `0 <= fraudRate <= ${FRAUD_RATE_MAX}`);
  const salt = hash(seed, Math.floor(seed / 2 ** 32));
  const places = new Places(options.places);
  const of = (user: number, fact: number) => unit(hash(salt, user, fact));
  const each = { length: users };
  return {
    ...{ salt, users, startMinute, fraudRate, places },
    homes: Int32Array.from(each, (_, u) => places.drawn(of(u, FACT.home))),
    rates: Float32Array.from(each, (_, u) => quantile(RATES, of(u, FACT.rate))),
    cardCounts: Uint8Array.from(each, (_, u) => {
      const draw = of(u, FACT.cards);
      return 1 + CARD_COUNTS.findIndex((share) => draw < share);
    }),
  };
}

/** A fact about a person, in [0, 1). */
export function userFact(world: World, user: number, fact: number): number {
  return unit(hash(world.salt, user, fact));
}

/** One number for a card of a person, who has at most nine. */
export function cardNumberOf(user: number, card: number): number {
  return user * 16 + card;
}

/** A fact about a card (`cardNumberOf`), in [0, 1). */
export function cardFact(world: World, cardNumber: number, fact: number): number {
  return unit(hash(world.salt ^ 0x5bd1e995, cardNumber, fact));
}

/** When a card was opened, in years (2011.5: the middle of 2011). The first one is the oldest. */
export function openedYear(world: World, user: number, card: number): number {
  const year = quantile(OPENED_YEARS, cardFact(world, cardNumberOf(user, card), FACT.opened));
  return card === 0 ? Math.min(year, 2008) : year;
}

/** 1 as a rule; 0.6 and 1.7 at the ends: how dearly a person lives. */
export function spendOf(world: World, user: number): number {
  const draw = userFact(world, user, FACT.spend);
  return 0.6 + 0.6 * draw + 0.5 * draw * draw * draw;
}
