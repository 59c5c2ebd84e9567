/**
 * Users and cards in columns: about 75 bytes a user, its index entry included, and 28 a card, where
 * an object each would take 300. A million users with 2.7 cards each take 155 MB, measured.
 *
 * Cards hang on their user's row in a chain, so that they need no index of their own. Nothing is
 * ever moved: what a tombstone deletes keeps its row, for the case that it comes back.
 */
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

type Column = Float64Array | Float32Array | Int32Array | Int16Array | Int8Array;

function room<C extends Column>(column: C, row: number): C {
  if (row < column.length) return column;
  // By a quarter: the slack is memory that nobody uses, and copying is cheap.
  const larger = new (column.constructor as new (length: number) => C)(Math.ceil(row * 1.25));
  larger.set(column);
  return larger;
}

export class UserTable {
  readonly #rows = new Map<number, number>();
  /**
   * Offset of the record behind the row; NONE when the user is unknown, which its cards need not
   * be.
   */
  #versions = new Float64Array(ROWS_AT_FIRST);
  #latitudes = new Float64Array(ROWS_AT_FIRST);
  #longitudes = new Float64Array(ROWS_AT_FIRST);
  // The features are float32, so float32 is all that anyone will see of these two.
  #ficos = new Float32Array(ROWS_AT_FIRST);
  #debtsToIncome = new Float32Array(ROWS_AT_FIRST);
  #firstCards = new Int32Array(ROWS_AT_FIRST);

  /** @returns the user's row; NONE (-1) when nothing is known of the user or its cards. */
  row(user: number): number {
    return this.#rows.get(user) ?? NONE;
  }

  rowFor(user: number): number {
    const known = this.#rows.get(user);
    if (known !== undefined) return known;
    const row = this.#rows.size;
    this.#versions = room(this.#versions, row);
    this.#latitudes = room(this.#latitudes, row);
    this.#longitudes = room(this.#longitudes, row);
    this.#ficos = room(this.#ficos, row);
    this.#debtsToIncome = room(this.#debtsToIncome, row);
    this.#firstCards = room(this.#firstCards, row);
    this.#versions[row] = NONE;
    this.#firstCards[row] = NONE;
    this.#rows.set(user, row);
    return row;
  }

  set(row: number, facts: UserFacts, version: number): void {
    const { totalDebt, yearlyIncome } = facts;
    this.#versions[row] = version;
    this.#latitudes[row] = radians(facts.latitude);
    this.#longitudes[row] = radians(facts.longitude);
    this.#ficos[row] = facts.fico;
    this.#debtsToIncome[row] = yearlyIncome === 0 ? -1 : totalDebt / yearlyIncome;
  }

  forget(row: number): void {
    this.#versions[row] = NONE;
  }

  version(row: number): number | null {
    const version = row === NONE ? NONE : (this.#versions[row] as number);
    return version === NONE ? null : version;
  }

  read(row: number, out: PaymentProfile): void {
    const isKnown = row !== NONE && this.#versions[row] !== NONE;
    out.home.latitude = isKnown ? (this.#latitudes[row] as number) : Number.NaN;
    out.home.longitude = isKnown ? (this.#longitudes[row] as number) : Number.NaN;
    out.fico = isKnown ? (this.#ficos[row] as number) : -1;
    out.debtToIncome = isKnown ? (this.#debtsToIncome[row] as number) : -1;
  }

  firstCard(row: number): number {
    return row === NONE ? NONE : (this.#firstCards[row] as number);
  }

  setFirstCard(row: number, cardRow: number): void {
    this.#firstCards[row] = cardRow;
  }
}

export class CardTable {
  #count = 0;
  #versions = new Float64Array(ROWS_AT_FIRST);
  #creditLimits = new Float64Array(ROWS_AT_FIRST);
  #cards = new Int32Array(ROWS_AT_FIRST);
  #nexts = new Int32Array(ROWS_AT_FIRST);
  #pinYears = new Int16Array(ROWS_AT_FIRST);
  #onDarkWeb = new Int8Array(ROWS_AT_FIRST);

  /** @param first of the user's chain @returns the card's row, or NONE (-1) */
  row(first: number, card: number): number {
    let row = first;
    while (row !== NONE && this.#cards[row] !== card) row = this.#nexts[row] as number;
    return row;
  }

  /** A new row in front of the chain that starts at `first`. */
  add(first: number, card: number): number {
    const row = this.#count;
    this.#count += 1;
    this.#versions = room(this.#versions, row);
    this.#creditLimits = room(this.#creditLimits, row);
    this.#cards = room(this.#cards, row);
    this.#nexts = room(this.#nexts, row);
    this.#pinYears = room(this.#pinYears, row);
    this.#onDarkWeb = room(this.#onDarkWeb, row);
    this.#cards[row] = card;
    this.#nexts[row] = first;
    return row;
  }

  set(row: number, facts: CardFacts, version: number): void {
    this.#versions[row] = version;
    this.#creditLimits[row] = facts.creditLimit;
    this.#pinYears[row] = facts.pinYear;
    this.#onDarkWeb[row] = facts.isOnDarkWeb ? 1 : 0;
  }

  forget(row: number): void {
    this.#versions[row] = NONE;
  }

  version(row: number): number | null {
    const version = row === NONE ? NONE : (this.#versions[row] as number);
    return version === NONE ? null : version;
  }

  read(row: number, out: PaymentProfile): void {
    const isKnown = row !== NONE && this.#versions[row] !== NONE;
    out.creditLimit = isKnown ? (this.#creditLimits[row] as number) : 0;
    out.cardOnDarkWeb = isKnown ? (this.#onDarkWeb[row] as number) : -1;
    out.pinYear = isKnown ? (this.#pinYears[row] as number) : Number.NaN;
  }
}
