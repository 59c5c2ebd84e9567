/**
 * A person's honest day: visits to habitual shops at their hours, one-off visits, bills, trips,
 * holds and reversals, refunds, declined and retried payments. Each (person, day) has its own
 * random numbers, so any day can be made on its own.
 */
import type { Random } from '../core/random.ts';
import { bell, cumulative, drawn, hash, poisson, quantile, randomOf, unit } from './arithmetic.ts';
import {
  BILL_KINDS,
  BILL_SUMS,
  HABIT_KINDS,
  HABIT_SUMS,
  HOURS,
  type Kind,
  ONLINE_ERRORS,
  PRESENT_ERRORS,
  TRAVEL_KINDS,
  TRAVEL_SUMS,
} from './categories.ts';
import { type CalendarDay, CHANNEL, emptyRow, type Row, type RowSink } from './day.ts';
import { FOREIGN } from './geography.ts';
import { goOnline, goTo, nearHome, payPresent } from './merchants.ts';
import { cardFact, cardNumberOf, FACT, openedYear, spendOf, type World } from './people.ts';
import { cardType } from './profiles.ts';

const BILLS_A_DAY = 0.12;
/** Rows of a visit on average: fuel comes with holds and their reversals. */
const ROWS_A_VISIT = 1.13;
/** One-off visits a day, at most this share of all: who buys often goes to the same shops. */
const ONE_OFFS_A_DAY = 0.2;
const ONE_OFF_SHARE_MAX = 0.16;
const HOLD_SHARE = 0.45;
const REFUND_A_DAY = 0.022;
const OTHER_AMOUNT_SHARE = 0.06;
const ERROR_SHARE = { present: 0.0147, online: 0.027 } as const;
const WEEKDAYS = [0.97, 0.97, 1.01, 1.02, 1.01, 1.03, 0.99];

/** How a person's visits spread over habits: even, usual, or mostly one shop. */
const HABIT_WEIGHTS = [
  [1, 0.78, 0.68, 0.6, 0.55, 0.5, 0.47, 0.44, 0.41, 0.38],
  [1, 0.57, 0.42, 0.33, 0.28, 0.24, 0.21, 0.19, 0.17, 0.16],
  [1, 0.4, 0.24, 0.16, 0.12, 0.1, 0.08, 0.07, 0.06, 0.06],
].map(cumulative);

/** A trip may begin in each window of so many days. */
const TRIP_WINDOW_DAYS = 48;
const TRIP_SHARE = 0.36;
const ABROAD_SHARE = 0.22;

interface PersonDay {
  readonly world: World;
  readonly date: CalendarDay;
  readonly user: number;
  readonly random: Random;
  readonly row: Row;
  readonly sink: RowSink;
  readonly cards: readonly number[];
}

/** Where the person is away, or undefined at home. */
function tripOf(world: World, user: number, day: number): number | undefined {
  const h = hash(hash(world.salt, user, 41), Math.floor(day / TRIP_WINDOW_DAYS));
  if (unit(h) >= TRIP_SHARE) return undefined;
  const [first, days] = [hash(h, 1) % 40, 2 + (hash(h, 2) % 7)];
  const at = day % TRIP_WINDOW_DAYS;
  if (at < first || at >= first + days) return undefined;
  const draw = unit(hash(h, 3));
  if (unit(hash(h, 4)) >= ABROAD_SHARE) return world.places.drawn(draw);
  return world.places.foreign(Math.floor(draw * draw * FOREIGN.length));
}

/** The cards in use: opened by then, and not in a drawer. */
export function cardsInUse(world: World, user: number, years: number): number[] {
  const cards: number[] = [];
  for (let card = 0; card < (world.cardCounts[user] as number); card++) {
    const used = card === 0 || cardFact(world, cardNumberOf(user, card), FACT.drawer) < 0.72;
    if (used && openedYear(world, user, card) <= years) cards.push(card);
  }
  if (cards.length === 0) cards.push(0);
  return cards;
}

/** Adds the row, perhaps declined, and perhaps tried again within minutes. */
function pay({ world, random, row, sink }: PersonDay): void {
  const online = row.channel === CHANNEL.online;
  const debit = cardType(world, row.user, row.card) !== 'Credit';
  const share = (online ? ERROR_SHARE.online : ERROR_SHARE.present) * (debit ? 1.1 : 0.8);
  row.error = random.chance(share)
    ? drawn(online ? ONLINE_ERRORS : PRESENT_ERRORS, random.next())
    : 0;
  sink.add(row);
  if (row.error === 0 || random.chance(0.5)) return;
  row.error = 0;
  row.minute += random.int(4);
  sink.add(row);
}

/** Cents of a payment at a shop where `dollars` is usual. */
function priceOf(random: Random, kind: Kind, dollars: number): number {
  const usual = dollars * (1 + 0.24 * bell(random));
  if (kind.pricing === 'cash') return Math.max(0, Math.round(usual / 20)) * 2000;
  return Math.max(1, Math.round(Math.max(usual, dollars * 0.3) * 100));
}

/** Pays `dollars` or so at the row's shop; fuel and food pumps often hold a whole sum first. */
function payAtShop(person: PersonDay, kind: Kind, dollars: number): void {
  const { random, row } = person;
  const minute = row.minute;
  const cents = priceOf(random, kind, dollars);
  if (kind.pricing === 'fuel' && random.chance(HOLD_SHARE)) {
    const hold = 100 * (50 + random.int(50));
    row.cents = hold;
    pay(person);
    row.cents = -hold;
    row.minute = minute + 1 + random.int(18);
    row.error = 0;
    person.sink.add(row);
    row.minute = minute + random.int(24);
  }
  row.cents = cents;
  pay(person);
}

function minuteOf(kind: Kind, draw: number, random: Random): number {
  const hour = drawn(HOURS[kind.hours] as Float64Array, draw);
  return hour * 60 + random.int(60);
}

function visitHabit(person: PersonDay, key: number): void {
  const { world, user, random, row, cards } = person;
  const kind = HABIT_KINDS[drawn(HABIT_SUMS, unit(hash(key, 1)))] as Kind;
  const shops = 1 + (hash(key, 2) % 4);
  const choice = random.next();
  const shop = hash(key, 100 + Math.floor(choice * choice * shops));
  const home = hash(key, 6) % cards.length;
  row.card = cards[random.chance(0.5) ? home : random.int(cards.length)] as number;
  if (unit(hash(shop, 1)) < kind.online) {
    goOnline(kind, unit(hash(shop, 2)), row);
  } else {
    const place = nearHome(world, user, { u: unit(hash(shop, 3)), reach: 40 });
    goTo(world, { kind, place, slot: hash(shop, 4) % 8 }, row);
    payPresent(world, person.date, row);
  }
  // People keep to their hours: half an hour around the habit's own.
  const hour = drawn(HOURS[kind.hours] as Float64Array, unit(hash(key, 3)));
  row.minute = hour * 60 + Math.floor(unit(hash(key, 4)) * 60 + bell(random) * 30);
  const other = random.chance(OTHER_AMOUNT_SHARE);
  const rank = other ? random.next() : unit(hash(key, 5));
  payAtShop(person, kind, quantile(kind.dollars, rank) * spendOf(world, user));
}

function visitOnce(person: PersonDay): void {
  const { world, user, random, row, cards, date } = person;
  const kind = HABIT_KINDS[drawn(HABIT_SUMS, random.next())] as Kind;
  row.card = random.pick(cards);
  if (random.chance(kind.online)) {
    goOnline(kind, random.next(), row);
  } else {
    const place = nearHome(world, user, { u: random.next(), reach: 60 });
    goTo(world, { kind, place, slot: random.int(6) }, row);
    payPresent(world, date, row);
  }
  row.minute = minuteOf(kind, random.next(), random);
  payAtShop(person, kind, quantile(kind.dollars, random.next()) * spendOf(world, user));
}

function visitAway(person: PersonDay, place: number): void {
  const { world, user, random, row, cards, date } = person;
  const kind = TRAVEL_KINDS[drawn(TRAVEL_SUMS, random.next())] as Kind;
  row.card = random.pick(cards);
  goTo(world, { kind, place, slot: random.int(12) }, row);
  payPresent(world, date, row);
  row.minute = minuteOf(kind, random.next(), random);
  payAtShop(person, kind, quantile(kind.dollars, random.next()) * spendOf(world, user));
}

function payBills(person: PersonDay, userKey: number): void {
  const { world, user, date, random, row, cards } = person;
  const bills = 2 + (hash(userKey, 50) % 4);
  for (let i = 0; i < bills; i++) {
    const key = hash(userKey, 51 + i);
    if (1 + (hash(key, 1) % 28) !== date.dayOfMonth) continue;
    const kind = BILL_KINDS[drawn(BILL_SUMS, unit(hash(key, 2)))] as Kind;
    row.card = cards[hash(key, 3) % cards.length] as number;
    if (unit(hash(key, 4)) < kind.online) {
      goOnline(kind, unit(hash(key, 5)), row);
    } else {
      const place = nearHome(world, user, { u: unit(hash(key, 5)), reach: 20 });
      goTo(world, { kind, place, slot: 0 }, row);
      payPresent(world, date, row);
    }
    row.minute = minuteOf(kind, unit(hash(key, 6)), random);
    const dollars = quantile(kind.dollars, unit(hash(key, 7)));
    row.cents = Math.round(dollars * (1 + 0.1 * bell(random)) * 100);
    pay(person);
  }
}

/** Brings back the dearest thing bought some days ago: that day is made again to find it. */
function refund(person: PersonDay): void {
  const { world, user, date, random, row, sink } = person;
  const then = { ...date, day: date.day - 1 - random.int(9) };
  const dearest = { ...emptyRow(), cents: 2500 };
  const seek: RowSink = {
    add: (bought) => {
      const whole = bought.cents % 100 === 0; // a hold or cash
      if (bought.cents > dearest.cents && bought.error === 0 && !whole) {
        Object.assign(dearest, bought);
      }
    },
  };
  buy({ world, date: then, user, sink: seek, row });
  if (dearest.mcc === 0) return;
  Object.assign(row, dearest);
  row.cents = -dearest.cents;
  row.minute = 9 * 60 + random.int(12 * 60);
  sink.add(row);
}

interface BuyRequest {
  readonly world: World;
  readonly date: CalendarDay;
  readonly user: number;
  readonly sink: RowSink;
  /** Scratch, so that a day of a person allocates nothing of its own. */
  readonly row: Row;
}

/** A habit, as a rule one that has not had its turn this day (`seen`: a set of bits). */
function freshHabit(weights: Float64Array, seen: number, random: Random): number {
  let habit = drawn(weights, random.next());
  for (let tries = 0; tries < 3 && (seen & (1 << habit)) !== 0; tries++) {
    habit = drawn(weights, random.next());
  }
  return habit;
}

/** What a person buys on a day; refunds, which look at earlier days, are apart. */
function buy({ world, date, user, sink, row }: BuyRequest): PersonDay {
  const random = randomOf(world.salt, user, date.day);
  const cards = cardsInUse(world, user, date.years);
  row.user = user;
  row.fraud = 0;
  const person: PersonDay = { world, date, user, random, row, sink, cards };
  const userKey = hash(world.salt, user, 42);
  const weights = HABIT_WEIGHTS[[0, 0, 1, 1, 1, 2][hash(userKey, 1) % 6] as number] as Float64Array;
  const weekday = WEEKDAYS[date.weekday] as number;
  const mean = ((world.rates[user] as number) * weekday - BILLS_A_DAY) / ROWS_A_VISIT;
  const away = tripOf(world, user, date.day);
  const oneOff = Math.min(ONE_OFF_SHARE_MAX, ONE_OFFS_A_DAY / mean);
  let seen = 0;
  for (let visits = poisson(random, mean); visits > 0; visits--) {
    if (away !== undefined && random.chance(0.85)) visitAway(person, away);
    else if (random.chance(oneOff)) visitOnce(person);
    else {
      const habit = freshHabit(weights, seen, random);
      seen |= 1 << habit;
      visitHabit(person, hash(userKey, 2, habit));
    }
  }
  payBills(person, userKey);
  return person;
}

export function honestDay(request: BuyRequest): void {
  const person = buy(request);
  if (person.random.chance(REFUND_A_DAY)) refund(person);
}
