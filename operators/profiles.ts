/**
 * What the profile topics say of users and cards. No card number and no CVV is in them, or is read.
 */
import type { ParseBatch, Profiles, Reject } from '../src/core/flow.ts';
import type { Offset } from '../src/core/ids.ts';
import type { PackedRecords } from '../src/core/records.ts';
import { CARDS_MAX, fault, isDollars, isInteger, type Payment } from './payment.ts';
import {
  type CardFacts,
  CardTable,
  type PaymentProfile,
  type UserFacts,
  UserTable,
  unknownProfile,
} from './profile-tables.ts';

export type { PaymentProfile } from './profile-tables.ts';

export interface ProfileOptions {
  readonly parse: ParseBatch;
  /** Topics of the users and the cards. */
  readonly usersTopic: string;
  readonly cardsTopic: string;
}

/** Tables of fewer users lie in the caches anyway. */
const USERS_TO_PREFETCH_MIN = 50_000;

const DOLLARS = '0, or dollars of 0.01 to 1e15, positive or negative';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Users are keyed by their id, cards by `user:card`, in decimal; both lie in the partition of their
 * user's payments. A tombstone deletes. A record that cannot be used leaves what was known before.
 */
export class CardUserProfiles implements Profiles<Payment, PaymentProfile> {
  readonly topics: readonly string[];
  readonly #parse: ParseBatch;
  readonly #users = new UserTable();
  readonly #cards = new CardTable();
  readonly #profile = unknownProfile();
  #places = new Int32Array(0);

  constructor({ parse, usersTopic, cardsTopic }: ProfileOptions) {
    this.topics = [usersTopic, cardsTopic];
    this.#parse = parse;
  }

  apply(
    topic: string,
    records: PackedRecords,
    baseOffset: Offset,
    first: number,
  ): readonly Reject[] {
    const isUsers = topic === this.topics[0];
    const { values, rejects: unparsed } = this.#parse(records, first);
    const unparsedAt = new Map(unparsed.map((reject) => [reject.index, reject]));
    const rejects: Reject[] = [];
    for (let i = first; i < records.count; i++) {
      const value = values[i] as Fields | undefined;
      const offset = records.offset(baseOffset, i);
      let reason: string | undefined;
      if (value !== undefined) {
        reason = isUsers ? this.#putUser(value, offset) : this.#putCard(value, offset);
      } else if (records.value(i) === undefined) {
        const key = records.key(i);
        reason = isUsers ? this.#forgetUser(key) : this.#forgetCard(key);
      } else {
        rejects.push(unparsedAt.get(i) as Reject);
      }
      if (reason !== undefined) rejects.push({ index: i, code: 'RECORD_FIELD_INVALID', reason });
    }
    return rejects;
  }

  /** Three short loops, each over look-ups that do not wait for each other. */
  prefetch(events: readonly Payment[]): void {
    const users = this.#users;
    if (users.size < USERS_TO_PREFETCH_MIN) return;
    const { length } = events;
    if (this.#places.length < length) this.#places = new Int32Array(length);
    const places = this.#places;
    for (let i = 0; i < length; i++) places[i] = users.row((events[i] as Payment).user);
    for (let i = 0; i < length; i++) places[i] = users.firstCard(places[i] as number);
    const cards = this.#cards;
    for (let i = 0; i < length; i++) {
      places[i] = cards.row(places[i] as number, (events[i] as Payment).card);
    }
  }

  of({ user, card }: Payment): PaymentProfile {
    const row = this.#users.row(user);
    this.#users.read(row, this.#profile);
    this.#cards.read(this.#cards.row(this.#users.firstCard(row), card), this.#profile);
    return this.#profile;
  }

  versions({ user, card }: Payment): {
    readonly user: number | null;
    readonly card: number | null;
  } {
    const row = this.#users.row(user);
    const cardRow = this.#cards.row(this.#users.firstCard(row), card);
    return { user: this.#users.version(row), card: this.#cards.version(cardRow) };
  }

  #putUser(fields: Fields, version: Offset): string | undefined {
    const facts = readUser(fields);
    if (typeof facts === 'string') return facts;
    this.#users.set(this.#users.rowFor(fields.user as number), facts, version);
    return undefined;
  }

  #putCard(fields: Fields, version: Offset): string | undefined {
    const facts = readCard(fields);
    if (typeof facts === 'string') return facts;
    const card = fields.card as number;
    const userRow = this.#users.rowFor(fields.user as number);
    const first = this.#users.firstCard(userRow);
    let row = this.#cards.row(first, card);
    if (row < 0) {
      row = this.#cards.add(first, card);
      this.#users.setFirstCard(userRow, row);
    }
    this.#cards.set(row, facts, version);
    return undefined;
  }

  #forgetUser(key: string | undefined): string | undefined {
    const [user] = /^(\d+)$/.exec(key ?? '')?.slice(1) ?? [];
    if (user === undefined) return fault('the key of a tombstone', key, 'a user id in decimal');
    const row = this.#users.row(Number(user));
    if (row >= 0) this.#users.forget(row);
    return undefined;
  }

  #forgetCard(key: string | undefined): string | undefined {
    const [user, card] = /^(\d+):(\d+)$/.exec(key ?? '')?.slice(1) ?? [];
    if (user === undefined) return fault('the key of a tombstone', key, 'user:card in decimal');
    const first = this.#users.firstCard(this.#users.row(Number(user)));
    const row = this.#cards.row(first, Number(card));
    if (row >= 0) this.#cards.forget(row);
    return undefined;
  }
}

function readUser(fields: Fields): UserFacts | string {
  const { user, latitude, longitude } = fields;
  const { fico_score: fico, total_debt: totalDebt, yearly_income: yearlyIncome } = fields;
  if (!isUser(user)) return fault('user', user, 'an integer from 0 to 2^53 - 1');
  if (!isWithin(latitude, 90)) return fault('latitude', latitude, 'degrees from -90 to 90');
  if (!isWithin(longitude, 180)) return fault('longitude', longitude, 'degrees from -180 to 180');
  if (!isWithin(fico, 1e6)) return fault('fico_score', fico, 'a number');
  if (!isMoney(totalDebt)) return fault('total_debt', totalDebt, DOLLARS);
  if (!isMoney(yearlyIncome)) return fault('yearly_income', yearlyIncome, DOLLARS);
  return { latitude, longitude, fico, totalDebt, yearlyIncome };
}

function readCard(fields: Fields): CardFacts | string {
  const { user, card, credit_limit: creditLimit, card_on_dark_web: isOnDarkWeb } = fields;
  const { year_pin_last_changed: pinYear } = fields;
  if (!isUser(user)) return fault('user', user, 'an integer from 0 to 2^53 - 1');
  if (!isInteger(card, 0, CARDS_MAX - 1)) {
    return fault('card', card, `an integer from 0 to ${CARDS_MAX - 1}`);
  }
  if (!isWithin(creditLimit, 1e15))
    return fault('credit_limit', creditLimit, 'a number of dollars');
  if (typeof isOnDarkWeb !== 'boolean') {
    return fault('card_on_dark_web', isOnDarkWeb, 'true or false');
  }
  if (!isInteger(pinYear, 0, 9999)) {
    return fault('year_pin_last_changed', pinYear, 'an integer from 0 to 9999');
  }
  return { creditLimit, isOnDarkWeb, pinYear };
}

function isUser(value: unknown): value is number {
  return isInteger(value, 0, Number.MAX_SAFE_INTEGER);
}

/** Never so small that dividing by it leaves float32. */
function isMoney(value: unknown): value is number {
  return isDollars(value, 0.01, 1e15);
}

function isWithin(value: unknown, max: number): value is number {
  return typeof value === 'number' && Math.abs(value) <= max;
}
