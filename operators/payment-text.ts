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
import { type MerchantId, readMerchantDigits } from './merchant.ts';
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

/** A text to be compared four bytes at a time. */
interface Literal {
  readonly length: number;
  readonly words: Int32Array;
  readonly tail: Uint8Array;
}

function codes(text: string): Literal {
  const bytes = Buffer.from(text, 'latin1');
  const wordCount = bytes.length >> 2;
  return {
    length: bytes.length,
    words: Int32Array.from({ length: wordCount }, (_, i) => bytes.readInt32LE(4 * i)),
    tail: Uint8Array.from(bytes.subarray(4 * wordCount)),
  };
}

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

const USE_CHIP_VALUES = { [CHIP]: codes(CHIP), [SWIPE]: codes(SWIPE), [ONLINE]: codes(ONLINE) };
const CHIP_CODE = CHIP.charCodeAt(0);
const SWIPE_CODE = SWIPE.charCodeAt(0);

const QUOTE = 34;
const COMMA = 44;
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
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  at = 0;

  literal({ length, words, tail }: Literal): void {
    const { at } = this;
    this.at = -1;
    if (at < 0 || at + length > this.bytes.length) return;
    let next = at;
    for (let i = 0; i < words.length; i++, next += 4) {
      if (this.view.getInt32(next, true) !== words[i]) return;
    }
    for (let i = 0; i < tail.length; i++, next++) {
      if (this.bytes[next] !== tail[i]) return;
    }
    this.at = next;
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

const NO_BYTES = Buffer.alloc(0);
const cursor = new Cursor();
const merchant: MerchantId = { high: 0, low: 0 };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Texts that only an alert needs are made when they are asked for. */
class PaymentInPlace implements Mutable<Payment> {
  idx = 0;
  user = 0;
  card = 0;
  minute = 0;
  year = 0;
  hour = 0;
  dayOfWeek = 0;
  amount = 0;
  useChip: UseChip = ONLINE;
  merchantHigh = 0;
  merchantLow = 0;
  zip = 0;
  mcc = 0;
  errors = '';
  #bytes: Buffer = NO_BYTES;
  #nameStart = 0;
  #nameEnd = 0;
  #cityStart = 0;
  #cityEnd = 0;
  #stateStart = 0;
  #stateEnd = 0;

  get merchantName(): string {
    return this.#bytes.toString('latin1', this.#nameStart, this.#nameEnd);
  }

  get merchantCity(): string {
    return this.#bytes.toString('latin1', this.#cityStart, this.#cityEnd);
  }

  get merchantState(): string {
    return this.#bytes.toString('latin1', this.#stateStart, this.#stateEnd);
  }

  /** Reads from the cursor on. @returns false when the record is not plain */
  read(): boolean {
    this.#bytes = cursor.bytes;
    this.errors = '';
    return this.#readWho() && this.#readWhen() && this.#readWhat() && this.#readWhere();
  }

  /** Its record's bytes may go, however long it waits for another record. */
  letGo(): void {
    this.#bytes = NO_BYTES;
  }

  #readWho(): boolean {
    cursor.literal(IDX);
    this.idx = cursor.integer(DIGITS_MAX);
    cursor.literal(USER);
    this.user = cursor.integer(DIGITS_MAX);
    cursor.literal(CARD);
    this.card = cursor.integer(7);
    return cursor.at >= 0 && this.card < CARDS_MAX;
  }

  #readWhen(): boolean {
    cursor.literal(YEAR);
    const year = cursor.integer(4);
    cursor.literal(MONTH);
    const month = cursor.integer(2);
    cursor.literal(DAY);
    const day = cursor.integer(2);
    cursor.literal(TIME);
    const hour = cursor.digits(2);
    if (cursor.at < 0 || this.#bytes[cursor.at] !== COLON) return false;
    cursor.at++;
    const minuteOfHour = cursor.digits(2);
    if (cursor.at < 0 || hour > 23 || minuteOfHour > 59) return false;
    if (year < 1970 || month < 1 || month > 12) return false;
    const days = daysSince1970(year, month, day);
    this.year = year;
    this.hour = hour;
    this.minute = days * DAY_MINUTES + hour * HOUR_MINUTES + minuteOfHour;
    this.dayOfWeek = dayOfWeek(days);
    return days >= 0;
  }

  #readWhat(): boolean {
    cursor.literal(AMOUNT);
    this.amount = cursor.decimal() + 0; // -0 becomes 0, as in readPayment
    cursor.literal(USE_CHIP);
    if (cursor.at < 0 || !isDollars(this.amount, DOLLARS_MIN, DOLLARS_MAX)) return false;
    const code = this.#bytes[cursor.at];
    this.useChip = code === CHIP_CODE ? CHIP : code === SWIPE_CODE ? SWIPE : ONLINE;
    cursor.literal(USE_CHIP_VALUES[this.useChip]);
    return cursor.at >= 0;
  }

  #readWhere(): boolean {
    cursor.literal(MERCHANT_NAME);
    this.#nameStart = cursor.at;
    cursor.text(64);
    this.#nameEnd = cursor.at;
    cursor.literal(MERCHANT_CITY);
    this.#cityStart = cursor.at;
    cursor.text(100);
    this.#cityEnd = cursor.at;
    cursor.literal(MERCHANT_STATE);
    this.#stateStart = cursor.at;
    cursor.text(100);
    this.#stateEnd = cursor.at;
    cursor.literal(ZIP);
    this.zip = this.#bytes[cursor.at] === QUOTE ? -1 : cursor.digits(5);
    cursor.literal(MCC);
    this.mcc = cursor.integer(4);
    cursor.literal(ERRORS);
    const errorsStart = cursor.at;
    if (cursor.text(200) > 0) this.errors = this.#bytes.toString('latin1', errorsStart, cursor.at);
    cursor.literal(IS_FRAUD);
    const fraud = cursor.integer(1);
    if (cursor.at < 0 || fraud > 1 || this.#bytes[cursor.at] !== CLOSE) return false;
    cursor.at++;
    const isNumber = readMerchantDigits(
      this.#bytes,
      { start: this.#nameStart, end: this.#nameEnd },
      merchant,
    );
    this.merchantHigh = merchant.high;
    this.merchantLow = merchant.low as number;
    return isNumber;
  }
}

/** As many as may be under way in one thread: 10 partitions with six batches of 1,024. */
const POOL_PAYMENTS_MAX = 1 << 16;

/**
 * Payments that nobody uses any more, to be filled anew. One lives from its step to its outputs,
 * which is long enough for the garbage collector to copy it twice: 8 MiB at each scavenge.
 */
export class PaymentPool {
  readonly #free: PaymentInPlace[] = [];

  take(): PaymentInPlace {
    return this.#free.pop() ?? new PaymentInPlace();
  }

  giveBack(payment: PaymentInPlace): void {
    payment.letGo();
    if (this.#free.length < POOL_PAYMENTS_MAX) this.#free.push(payment);
  }

  /** Those that were made another way are left to the garbage collector. */
  release(payments: readonly Payment[]): void {
    for (const payment of payments) {
      if (payment instanceof PaymentInPlace) this.giveBack(payment);
    }
  }
}

/** Payments of one batch, read where they lie. */
export class PaymentTexts {
  readonly #records: PackedRecords;
  readonly #pool: PaymentPool;
  readonly #view: DataView;

  constructor(records: PackedRecords, pool: PaymentPool = new PaymentPool()) {
    const { buffer, byteOffset, byteLength } = records.values;
    this.#records = records;
    this.#pool = pool;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  /** @returns undefined when the record is not plain: the codec is to say what it is */
  of(i: number): Payment | undefined {
    this.#start(i);
    const payment = this.#pool.take();
    // A record that runs into the next one is not plain, whatever it seems to be.
    if (payment.read() && cursor.at === this.#records.valueEnds[i]) return payment;
    this.#pool.giveBack(payment);
    return undefined;
  }

  /** Looks at the beginning only. @returns -1 when that is not plain */
  userOf(i: number): number {
    const { values, valueEnds } = this.#records;
    this.#start(i);
    cursor.literal(IDX);
    cursor.integer(DIGITS_MAX);
    cursor.literal(USER);
    const user = cursor.integer(DIGITS_MAX);
    const isWhole = cursor.at >= 0 && cursor.at < (valueEnds[i] as number);
    return isWhole && values[cursor.at] === COMMA ? user : -1;
  }

  #start(i: number): void {
    cursor.bytes = this.#records.values;
    cursor.view = this.#view;
    cursor.at = this.#records.valueStart(i);
  }
}
