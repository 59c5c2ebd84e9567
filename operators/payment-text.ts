/**
 * Payments straight from the bytes of JSON that looks as the specification writes it: the fields in
 * its order, no white space, plain ASCII, no escapes. Anything else is left to the codec, so this
 * decides nothing that the codec would decide otherwise: a record is read here as `readPayment`
 * would read it, or not at all (a property test holds the two together).
 *
 * Why: half of a payment's cost was an object of 16 fields with eight strings that lived for a
 * microsecond. Measured (CPU µs for 262 bytes): JSON.parse and checks 1.5, this 0.5.
 */
import type { PackedRecords } from '../src/core/records.ts';
import { type MerchantId, readMerchantId } from './merchant.ts';
import {
  CARDS_MAX,
  CHIP,
  DOLLARS_MAX,
  DOLLARS_MIN,
  isDollars,
  ONLINE,
  type Payment,
  SWIPE,
  type UseChip,
} from './payment.ts';
import { DAY_MINUTES, dayOfWeek, daysSince1970, HOUR_MINUTES } from './time.ts';

const codes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

const IDX = codes('{"idx":');
const USER = codes(',"user":');
const CARD = codes(',"card":');
const YEAR = codes(',"year":');
const MONTH = codes(',"month":');
const DAY = codes(',"day":');
const TIME = codes(',"time":"');
const AMOUNT = codes('","amount":');
const USE_CHIP = codes(',"use_chip":"');
const MERCHANT_NAME = codes('","merchant_name":"');
const MERCHANT_CITY = codes('","merchant_city":"');
const MERCHANT_STATE = codes('","merchant_state":"');
const ZIP = codes('","zip":"');
const MCC = codes('","mcc":');
const ERRORS = codes(',"errors":"');
const IS_FRAUD = codes('","is_fraud":');

const CHIP_CODES = codes(CHIP);
const SWIPE_CODES = codes(SWIPE);
const ONLINE_CODES = codes(ONLINE);

const QUOTE = 34;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const COLON = 58;
const BACKSLASH = 92;
const CLOSE = 125;
const DIGITS_MAX = 15; // below 2^53, so that every step is exact
const POWERS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

/** Reads forward through one record; once something is not as expected, `at` stays at -1. */
class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;

  literal(expected: Uint8Array): void {
    const { bytes, at } = this;
    if (at < 0) return;
    for (let i = 0; i < expected.length; i++) {
      if (bytes[at + i] !== expected[i]) {
        this.at = -1;
        return;
      }
    }
    this.at = at + expected.length;
  }

  /** A JSON integer that is not negative, of at most `digitsMax` digits. */
  integer(digitsMax: number): number {
    const { bytes } = this;
    let { at } = this;
    if (at < 0) return 0;
    const start = at;
    let value = 0;
    for (;;) {
      const digit = (bytes[at] as number) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      at++;
    }
    const digits = at - start;
    const isJson = digits > 0 && (digits === 1 || bytes[start] !== ZERO);
    this.at = isJson && digits <= digitsMax ? at : -1;
    return value;
  }

  /** Exactly `count` digits, leading zeros and all. */
  digits(count: number): number {
    const { bytes, at } = this;
    if (at < 0) return 0;
    let value = 0;
    for (let i = 0; i < count; i++) {
      const digit = (bytes[at + i] as number) - ZERO;
      if (!(digit >= 0 && digit <= 9)) {
        this.at = -1;
        return 0;
      }
      value = value * 10 + digit;
    }
    this.at = at + count;
    return value;
  }

  /**
   * A JSON number without an exponent, to the last bit as JSON.parse has it: a quotient of two
   * integers that are exact is rounded once.
   */
  decimal(): number {
    if (this.at < 0) return 0;
    const isNegative = this.bytes[this.at] === MINUS;
    if (isNegative) this.at++;
    let value = this.integer(DIGITS_MAX);
    if (this.at >= 0 && this.bytes[this.at] === DOT) {
      const start = ++this.at;
      let scaled = value;
      while (this.at - start < POWERS.length) {
        const digit = (this.bytes[this.at] as number) - ZERO;
        if (!(digit >= 0 && digit <= 9)) break;
        scaled = scaled * 10 + digit;
        this.at++;
      }
      const places = this.at - start;
      const isExact = scaled <= Number.MAX_SAFE_INTEGER;
      if (places === 0 || places >= POWERS.length || !isExact) this.at = -1;
      value = scaled / (POWERS[places] as number);
    }
    return isNegative ? -value : value;
  }

  /** Moves to the closing quote of a plain text. @returns its length */
  text(lengthMax: number): number {
    const { bytes, at } = this;
    if (at < 0) return 0;
    let end = at;
    for (;;) {
      const code = bytes[end] as number;
      if (code === QUOTE) break;
      // A control character is no JSON, an escape and what is not ASCII are not plain.
      if (!(code >= 32 && code < 127) || code === BACKSLASH) {
        this.at = -1;
        return 0;
      }
      end++;
    }
    this.at = end - at <= lengthMax ? end : -1;
    return end - at;
  }
}

const cursor = new Cursor();
const merchant: MerchantId = { high: 0, low: 0 };

/** Reads the records of one batch; `of` may be asked for any of them. */
export class PaymentTexts {
  readonly #records: PackedRecords;
  readonly #bytes: Uint8Array;
  #text: string | undefined;

  constructor(records: PackedRecords) {
    this.#records = records;
    this.#bytes = records.values;
  }

  /** @returns undefined when the record is not plain: the codec is to say what it is */
  of(i: number): Payment | undefined {
    const start = this.#records.valueStart(i);
    const end = this.#records.valueEnds[i] as number;
    cursor.bytes = this.#bytes;
    cursor.at = start;
    const payment = this.#read();
    // A record that runs into the next one is not plain, whatever it seems to be.
    return cursor.at === end ? payment : undefined;
  }

  #read(): Payment | undefined {
    cursor.literal(IDX);
    const idx = cursor.integer(DIGITS_MAX);
    cursor.literal(USER);
    const user = cursor.integer(DIGITS_MAX);
    cursor.literal(CARD);
    const card = cursor.integer(7);
    cursor.literal(YEAR);
    const year = cursor.integer(4);
    cursor.literal(MONTH);
    const month = cursor.integer(2);
    cursor.literal(DAY);
    const day = cursor.integer(2);
    cursor.literal(TIME);
    const hour = cursor.digits(2);
    if (this.#bytes[cursor.at] !== COLON) return undefined;
    cursor.at++;
    const minuteOfHour = cursor.digits(2);
    cursor.literal(AMOUNT);
    const amount = cursor.decimal();
    cursor.literal(USE_CHIP);
    const useChip = this.#useChip();
    if (cursor.at < 0 || useChip === undefined || card >= CARDS_MAX) return undefined;
    if (hour > 23 || minuteOfHour > 59 || year < 1970 || month < 1 || month > 12) return undefined;
    const days = daysSince1970(year, month, day);
    if (days < 0 || !isDollars(amount, DOLLARS_MIN, DOLLARS_MAX)) return undefined;
    const minute = hour * HOUR_MINUTES + minuteOfHour;
    const merchantName = this.#textAfter(MERCHANT_NAME, 64);
    const merchantCity = this.#textAfter(MERCHANT_CITY, 100);
    const merchantState = this.#textAfter(MERCHANT_STATE, 100);
    cursor.literal(ZIP);
    const zip = this.#bytes[cursor.at] === QUOTE ? -1 : cursor.digits(5);
    cursor.literal(MCC);
    const mcc = cursor.integer(4);
    const errors = this.#textAfter(ERRORS, 200);
    cursor.literal(IS_FRAUD);
    const fraud = cursor.integer(1);
    if (cursor.at < 0 || fraud > 1 || this.#bytes[cursor.at] !== CLOSE) return undefined;
    cursor.at++;
    readMerchantId(merchantName, merchant);
    // A name that is kept as text would hold on to the whole batch, of which it is a slice.
    if (typeof merchant.low === 'string') return undefined;
    return {
      idx,
      user,
      card,
      minute: days * DAY_MINUTES + minute,
      year,
      hour,
      dayOfWeek: dayOfWeek(days),
      amount: amount + 0,
      useChip,
      merchantName,
      merchantHigh: merchant.high,
      merchantLow: merchant.low,
      merchantCity,
      merchantState,
      zip,
      mcc,
      errors,
    };
  }

  #textAfter(key: Uint8Array, lengthMax: number): string {
    cursor.literal(key);
    const start = cursor.at;
    if (cursor.text(lengthMax) === 0) return '';
    // One string for the whole batch, of which each text is a slice: bytes and characters are the
    // same here.
    this.#text ??= this.#records.values.toString('latin1');
    return this.#text.slice(start, cursor.at);
  }

  #useChip(): UseChip | undefined {
    const code = this.#bytes[cursor.at];
    if (code === CHIP_CODES[0]) cursor.literal(CHIP_CODES);
    else if (code === SWIPE_CODES[0]) cursor.literal(SWIPE_CODES);
    else cursor.literal(ONLINE_CODES);
    if (cursor.at < 0) return undefined;
    return code === CHIP_CODES[0] ? CHIP : code === SWIPE_CODES[0] ? SWIPE : ONLINE;
  }
}
