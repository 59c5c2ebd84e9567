/**
 * The tables of users and cards: all that the raw files hold, and the records of the profile
 * topics.
 */
import { hash, type Quantiles, quantile } from './arithmetic.ts';
import { cardFact, cardNumberOf, FACT, openedYear, userFact, type World } from './people.ts';

export interface UserProfile {
  readonly user: number;
  readonly person: string;
  readonly age: number;
  readonly retirementAge: number;
  readonly birthYear: number;
  readonly birthMonth: number;
  readonly gender: 'Female' | 'Male';
  readonly address: string;
  readonly apartment: string;
  readonly city: string;
  readonly state: string;
  readonly zip: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly incomePerCapita: number;
  readonly yearlyIncome: number;
  readonly totalDebt: number;
  readonly ficoScore: number;
  readonly cards: number;
}

export interface CardProfile {
  readonly user: number;
  readonly card: number;
  readonly brand: string;
  readonly type: 'Debit' | 'Credit' | 'Debit (Prepaid)';
  /** Valid in form (Luhn) and synthetic. It goes to the raw file only, never to a topic. */
  readonly number: string;
  /** MM/YYYY. */
  readonly expires: string;
  readonly cvv: string;
  readonly hasChip: boolean;
  readonly cardsIssued: number;
  /** Dollars. */
  readonly creditLimit: number;
  /** MM/YYYY. */
  readonly opened: string;
  readonly pinYear: number;
  readonly onDarkWeb: boolean;
}

/** The year to which ages and PINs refer: that of the real set. */
const FACTS_YEAR = 2020;

const AT = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];
const spread = (...values: number[]): Quantiles => ({ at: AT, values });
const AGES = spread(18, 18, 19, 22, 30, 44, 58, 71, 80, 90, 101);
const INCOMES = spread(0, 9795, 22844, 26696, 32817, 40744, 52680, 68765, 82974, 118862, 307018);
const INCOME_RATIOS = spread(0.6, 0.8, 1.45, 1.84, 2.04, 2.04, 2.04, 2.05, 2.1, 2.46, 3);
const DEBT_RATIOS = spread(0, 0, 0, 0.07, 0.69, 1.42, 1.96, 2.48, 2.87, 3.35, 4.2);
const FICO_SCORES = spread(480, 517, 589, 620, 681, 711, 753, 792, 815, 850, 850);
const PIN_DELAYS = spread(0, 0, 0, 0, 0, 0, 5, 9, 11, 16, 20);
const LIMITS = {
  Debit: spread(1, 441, 2284, 4976, 11002, 16454, 23475, 32165, 39598, 64059, 151223),
  Credit: spread(0, 0, 2800, 4600, 7200, 10100, 13900, 18800, 22000, 30900, 98000),
  'Debit (Prepaid)': spread(0, 4, 21, 29, 51, 65, 80, 95, 102, 119, 142),
} as const;

const WOMEN =
  'Ada Beatriz Chloe Dalia Edith Freya Gwen Hana Irene June Kamala Lucia Mina Noor'.split(' ');
const MEN = 'Abel Bruno Cyrus Dario Emil Finn Gideon Hector Ivo Jonas Kofi Luca Milan Niko'.split(
  ' ',
);
const SURNAMES = (
  'Abbott Baker Castillo Dumont Eriksen Fischer Garcia Haddad Ivanov Jansen Kowalski Larsen ' +
  'Mbeki Nakamura Okafor Petrov Quinn Ramos Schmidt Tanaka'
).split(' ');
const STREETS =
  'Chestnut Street|Second Avenue|Orchard Road|Harbor Drive|Summit Lane|Park Court'.split('|');
const BRANDS = [
  // Issuer ranges of the payment industry's test cards: no bank has given them to anybody.
  { share: 0.522, brand: 'Mastercard', issuer: '555555', digits: 16 },
  { share: 0.9, brand: 'Visa', issuer: '400000', digits: 16 },
  { share: 0.965, brand: 'Amex', issuer: '370000', digits: 15 },
  { share: 1, brand: 'Discover', issuer: '601100', digits: 16 },
] as const;

/** The last digit that makes a card number valid in form (ISO/IEC 7812, Luhn). */
function checkDigit(digits: string): number {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum += i % 2 === 1 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return (10 - (sum % 10)) % 10;
}

const twoDecimals = (degrees: number) => Math.round(degrees * 100) / 100;
const monthYear = (year: number) =>
  `${String(1 + Math.floor((year % 1) * 12)).padStart(2, '0')}/${Math.floor(year)}`;

export function userProfile(world: World, user: number): UserProfile {
  const { places, homes, cardCounts } = world;
  const home = homes[user] as number;
  const fact = (of: number) => userFact(world, user, of);
  const bits = hash(world.salt, user, FACT.name);
  const gender = bits % 2 === 0 ? 'Female' : 'Male';
  const names = gender === 'Female' ? WOMEN : MEN;
  const age = Math.floor(quantile(AGES, fact(FACT.age)));
  const yearlyIncome = Math.floor(quantile(INCOMES, fact(FACT.income)));
  const street = hash(world.salt, user, FACT.street);
  return {
    ...{ user, age, gender, yearlyIncome },
    person: `${names[(bits >>> 1) % names.length]} ${SURNAMES[(bits >>> 8) % SURNAMES.length]}`,
    retirementAge: 60 + ((bits >>> 13) % 12),
    birthYear: FACTS_YEAR - age,
    birthMonth: 1 + ((bits >>> 17) % 12),
    address: `${1 + (street % 9999)} ${STREETS[(street >>> 14) % STREETS.length]}`,
    apartment: (street >>> 18) % 4 === 0 ? String(1 + ((street >>> 20) % 40)) : '',
    city: places.city(home),
    state: places.state(home),
    zip: places.zip(home),
    latitude: twoDecimals((places.lats[home] as number) + (fact(FACT.latitude) - 0.5) * 0.04),
    longitude: twoDecimals((places.lons[home] as number) + (fact(FACT.longitude) - 0.5) * 0.04),
    incomePerCapita: Math.floor(yearlyIncome / quantile(INCOME_RATIOS, fact(FACT.localIncome))),
    totalDebt: Math.floor(yearlyIncome * quantile(DEBT_RATIOS, fact(FACT.debt))),
    ficoScore: Math.floor(quantile(FICO_SCORES, fact(FACT.fico))),
    cards: cardCounts[user] as number,
  };
}

export function cardType(world: World, user: number, card: number): CardProfile['type'] {
  const draw = cardFact(world, cardNumberOf(user, card), FACT.type);
  return draw < 0.571 ? 'Debit' : draw < 0.906 ? 'Credit' : 'Debit (Prepaid)';
}

export function hasChip(world: World, user: number, card: number): boolean {
  return cardFact(world, cardNumberOf(user, card), FACT.chip) < 0.895;
}

/** None in the real set; a few here, so that the column says something. */
export function onDarkWeb(world: World, user: number, card: number): boolean {
  return cardFact(world, cardNumberOf(user, card), FACT.darkWeb) < 0.005;
}

export function cardProfile(world: World, user: number, card: number): CardProfile {
  const fact = (of: number) => cardFact(world, cardNumberOf(user, card), of);
  const type = cardType(world, user, card);
  const year = openedYear(world, user, card);
  const draw = fact(FACT.brand);
  const range = BRANDS.find((b) => draw < b.share) ?? BRANDS[0];
  const account = String(cardNumberOf(user, card)).padStart(range.digits - 7, '0');
  return {
    ...{ user, card, type },
    brand: range.brand,
    number: `${range.issuer}${account}${checkDigit(range.issuer + account)}`,
    expires: monthYear(2020 + fact(FACT.expires) * 5),
    cvv: String(Math.floor(fact(FACT.cvv) * 1000)).padStart(3, '0'),
    hasChip: hasChip(world, user, card),
    cardsIssued: fact(FACT.issued) < 0.51 ? 1 : 2,
    creditLimit: Math.floor(quantile(LIMITS[type], fact(FACT.limit))),
    opened: monthYear(year),
    pinYear: Math.min(FACTS_YEAR, Math.floor(year + quantile(PIN_DELAYS, fact(FACT.pin)))),
    onDarkWeb: onDarkWeb(world, user, card),
  };
}

/** The record of the topic `users`; its key is the user id. */
export function userJson(profile: UserProfile): string {
  const { user, latitude, longitude, ficoScore, totalDebt, yearlyIncome } = profile;
  return (
    `{"user":${user},"latitude":${latitude},"longitude":${longitude},` +
    `"fico_score":${ficoScore},"total_debt":${totalDebt},"yearly_income":${yearlyIncome}}`
  );
}

/** The record of the topic `cards`; its key is `user:card`. */
export function cardJson(profile: CardProfile): string {
  const { user, card, creditLimit, onDarkWeb, pinYear } = profile;
  return (
    `{"user":${user},"card":${card},"credit_limit":${creditLimit},` +
    `"card_on_dark_web":${onDarkWeb},"year_pin_last_changed":${pinYear}}`
  );
}
