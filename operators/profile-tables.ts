/**
 * Users and cards as lines of typed arrays: 48 bytes a user and 32 a card, and 24 to 48 a user in
 * the index, where an object each would take 300. What a payment needs of one lies side by side: in
 * a large population each look is a look at memory that no cache holds.
 *
 * Cards hang on their user's row in a chain, so that they need no index of their own. Nothing is
 * ever moved: what a tombstone deletes keeps its row, for the case that it comes back.
 */
import { NumberIndex } from '../src/core/number-index.ts';
import { type Place, radians } from './zips.ts';

export interface UserFacts {
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
  readonly fico: number;
  readonly totalDebt: number;
  readonly yearlyIncome: number;
}

export interface CardFacts {
  readonly creditLimit: number;
  readonly isOnDarkWeb: boolean;
  readonly pinYear: number;
}

/** What is known for one payment; -1, NaN or 0 as the features need it where nothing is. */
export interface PaymentProfile {
  /** Radians; NaN when the user is unknown. */
  readonly home: Place;
  fico: number;
  /** -1 when the user is unknown or without income. */
  debtToIncome: number;
  /** 0 when the card is unknown. */
  creditLimit: number;
  /** 1, 0, or -1 when the card is unknown. */
  cardOnDarkWeb: number;
  /** NaN when the card is unknown. */
  pinYear: number;
}

export function unknownProfile(): PaymentProfile {
  const home = { latitude: Number.NaN, longitude: Number.NaN };
  const card = { creditLimit: 0, cardOnDarkWeb: -1, pinYear: Number.NaN };
  return { home, fico: -1, debtToIncome: -1, ...card };
}

const NONE = -1;
const ROWS_AT_FIRST = 256;

/** Lines of `width` doubles; `words` is over the same memory. */
class Lines {
  readonly width: number;
  values: Float64Array;
  words: Int32Array;

  constructor(width: number) {
    this.width = width;
    this.values = new Float64Array(width * ROWS_AT_FIRST);
    this.words = new Int32Array(this.values.buffer);
  }

  makeRoom(row: number): void {
    if ((row + 1) * this.width <= this.values.length) return;
    // By a quarter: the slack is memory that nobody uses, and copying is cheap.
    const larger = new Float64Array(this.width * Math.ceil((row + 1) * 1.25));
    larger.set(this.values);
    this.values = larger;
    this.words = new Int32Array(larger.buffer);
  }
}

/** Of a user's line: doubles, but for the first card, which is a word. */
const USER = { version: 0, latitude: 1, longitude: 2, fico: 3, debtToIncome: 4, width: 6 } as const;
const USER_FIRST_CARD = 10;

export class UserTable {
  readonly #rows = new NumberIndex();
  readonly #lines = new Lines(USER.width);

  /** @returns the user's row, or NONE (-1) */
  row(user: number): number {
    return this.#rows.get(user);
  }

  rowFor(user: number): number {
    const known = this.#rows.get(user);
    if (known !== NONE) return known;
    const row = this.#rows.size;
    this.#lines.makeRoom(row);
    this.#lines.values[row * USER.width + USER.version] = NONE;
    this.setFirstCard(row, NONE);
    this.#rows.add(user, row);
    return row;
  }

  set(row: number, facts: UserFacts, version: number): void {
    const { totalDebt, yearlyIncome } = facts;
    const { values } = this.#lines;
    const at = row * USER.width;
    values[at + USER.version] = version;
    values[at + USER.latitude] = radians(facts.latitude);
    values[at + USER.longitude] = radians(facts.longitude);
    values[at + USER.fico] = facts.fico;
    values[at + USER.debtToIncome] = yearlyIncome === 0 ? -1 : totalDebt / yearlyIncome;
  }

  forget(row: number): void {
    this.#lines.values[row * USER.width + USER.version] = NONE;
  }

  version(row: number): number | null {
    return versionAt(this.#lines, row, USER.version);
  }

  read(row: number, out: PaymentProfile): void {
    const { values } = this.#lines;
    const at = row * USER.width;
    const isKnown = row !== NONE && values[at + USER.version] !== NONE;
    out.home.latitude = isKnown ? (values[at + USER.latitude] as number) : Number.NaN;
    out.home.longitude = isKnown ? (values[at + USER.longitude] as number) : Number.NaN;
    out.fico = isKnown ? (values[at + USER.fico] as number) : -1;
    out.debtToIncome = isKnown ? (values[at + USER.debtToIncome] as number) : -1;
  }

  get size(): number {
    return this.#rows.size;
  }

  firstCard(row: number): number {
    return row === NONE
      ? NONE
      : (this.#lines.words[2 * row * USER.width + USER_FIRST_CARD] as number);
  }

  setFirstCard(row: number, cardRow: number): void {
    this.#lines.words[2 * row * USER.width + USER_FIRST_CARD] = cardRow;
  }
}

/** Of a card's line: two doubles, then words. */
const CARD = { version: 0, creditLimit: 1, width: 4 } as const;
const CARD_NUMBER = 4;
const CARD_NEXT = 5;
const CARD_PIN_YEAR = 6;
const CARD_ON_DARK_WEB = 7;

export class CardTable {
  #count = 0;
  readonly #lines = new Lines(CARD.width);

  /** @param first of the user's chain @returns the card's row, or NONE (-1) */
  row(first: number, card: number): number {
    const { words } = this.#lines;
    let row = first;
    while (row !== NONE && words[2 * row * CARD.width + CARD_NUMBER] !== card) {
      row = words[2 * row * CARD.width + CARD_NEXT] as number;
    }
    return row;
  }

  /** A new row in front of the chain that starts at `first`. */
  add(first: number, card: number): number {
    const row = this.#count;
    this.#count += 1;
    this.#lines.makeRoom(row);
    const { words } = this.#lines;
    words[2 * row * CARD.width + CARD_NUMBER] = card;
    words[2 * row * CARD.width + CARD_NEXT] = first;
    return row;
  }

  set(row: number, facts: CardFacts, version: number): void {
    const { values, words } = this.#lines;
    const at = row * CARD.width;
    values[at + CARD.version] = version;
    values[at + CARD.creditLimit] = facts.creditLimit;
    words[2 * at + CARD_PIN_YEAR] = facts.pinYear;
    words[2 * at + CARD_ON_DARK_WEB] = facts.isOnDarkWeb ? 1 : 0;
  }

  forget(row: number): void {
    this.#lines.values[row * CARD.width + CARD.version] = NONE;
  }

  version(row: number): number | null {
    return versionAt(this.#lines, row, CARD.version);
  }

  read(row: number, out: PaymentProfile): void {
    const { values, words } = this.#lines;
    const at = row * CARD.width;
    const isKnown = row !== NONE && values[at + CARD.version] !== NONE;
    out.creditLimit = isKnown ? (values[at + CARD.creditLimit] as number) : 0;
    out.cardOnDarkWeb = isKnown ? (words[2 * at + CARD_ON_DARK_WEB] as number) : -1;
    out.pinYear = isKnown ? (words[2 * at + CARD_PIN_YEAR] as number) : Number.NaN;
  }
}

function versionAt({ values, width }: Lines, row: number, field: number): number | null {
  const version = row === NONE ? NONE : (values[row * width + field] as number);
  return version === NONE ? null : version;
}
