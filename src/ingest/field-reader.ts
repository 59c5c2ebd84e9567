/**
 * Reads the fields of one raw row by position and remembers the first that is wrong, so that
 * cleaning a row is one plain expression. A value is quoted in the reason only where it cannot be a
 * card number.
 */
import type { CsvRow } from './csv-rows.ts';

export interface FieldFlaw {
  readonly column: string;
  readonly reason: string;
}

/**
 * `$134.09`, `$-99.00`, `-$99.00`, `($99.00)`, `$1,234.50`, `$59696`; at most 999,999,999,999.99.
 */
const MONEY = /^(\()?(-)?\$?(-)?(\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.(\d{1,2}))?(\))?$/;
const TIME = /^(\d{1,2}):(\d\d)$/;
const MONTH = /^(?:0[1-9]|1[0-2])\/\d{4}$/;
const ZIP = /^(\d{1,5})(?:\.0*)?$/;
const DECIMAL = /^-?\d{1,3}(?:\.\d{1,12})?$/;
const WHOLE = /^\d{1,16}$/;
const INT64 = /^(-?)0*(\d{1,19})$/;
const CONTROL = /\p{Cc}/u;

export class FieldReader {
  readonly #columns: readonly string[];
  #fields: readonly string[] = [];
  #flaw: FieldFlaw | undefined;

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  start(row: CsvRow): this {
    this.#fields = row.fields;
    this.#flaw = undefined;
    return this;
  }

  /** The first field of this row that is not what it should be. */
  get flaw(): FieldFlaw | undefined {
    return this.#flaw;
  }

  fail(at: number, expected: string): void {
    if (this.#flaw !== undefined) return;
    const column = this.#columns[at] as string;
    this.#flaw = { column, reason: `${column} is ${quoted(this.raw(at))}, not ${expected}` };
  }

  raw(at: number): string {
    return this.#fields[at] as string;
  }

  whole(at: number, min: number, max: number): number {
    const text = this.raw(at);
    const value = WHOLE.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.fail(at, `a whole number from ${min} to ${max}`);
    return 0;
  }

  /** Cents, an exact whole number. */
  cents(at: number): number {
    const match = MONEY.exec(this.raw(at));
    const signs = match === null ? 0 : signCount(match);
    const closed = match !== null && (match[1] === undefined) === (match[6] === undefined);
    if (match === null || signs > 1 || !closed) {
      this.fail(at, 'an amount like $134.09, $-99.00 or ($99.00)');
      return 0;
    }
    const dollars = Number((match[4] as string).replaceAll(',', ''));
    const cents = dollars * 100 + Number((match[5] ?? '').padEnd(2, '0'));
    return signs === 1 ? 0 - cents : cents;
  }

  /** Minute of the day. */
  time(at: number): number {
    const match = TIME.exec(this.raw(at));
    const hour = Number(match?.[1] ?? 24);
    const minute = Number(match?.[2] ?? 60);
    if (hour < 24 && minute < 60) return hour * 60 + minute;
    this.fail(at, 'a time from 00:00 to 23:59');
    return 0;
  }

  /** Five digits, or empty. */
  zip(at: number): string {
    const text = this.raw(at);
    if (text === '') return '';
    const match = ZIP.exec(text);
    if (match !== null) return (match[1] as string).padStart(5, '0');
    this.fail(at, 'empty or a zip code like 91750.0');
    return '';
  }

  /** The text of a signed 64-bit integer, in its shortest form. */
  int64(at: number): string {
    const text = this.raw(at);
    const match = INT64.exec(text);
    if (match !== null) {
      const [, sign, digits] = match as unknown as [string, string, string];
      // 18 digits always fit; at 19 it takes exact arithmetic.
      if (
        digits.length < 19 ||
        BigInt.asIntN(64, BigInt(sign + digits)) === BigInt(sign + digits)
      ) {
        return digits === '0' ? '0' : sign + digits;
      }
    }
    this.fail(at, 'a signed 64-bit integer');
    return '';
  }

  /** Verbatim. */
  text(at: number, lengthMax: number): string {
    const text = this.raw(at);
    if (text.length <= lengthMax && !CONTROL.test(text)) return text;
    this.fail(at, `a text of at most ${lengthMax} printable characters`);
    return '';
  }

  /** The place of the text among `choices`. */
  choice(at: number, choices: readonly string[]): number {
    const place = choices.indexOf(this.raw(at));
    if (place >= 0) return place;
    const names = choices.map((choice) => (choice === '' ? 'empty' : `"${choice}"`));
    this.fail(at, `one of ${names.join(', ')}`);
    return 0;
  }

  /** A decimal within [-limit, limit], as it is written. */
  degrees(at: number, limit: number): string {
    const text = this.raw(at);
    if (DECIMAL.test(text) && Math.abs(Number(text)) <= limit) return text;
    this.fail(at, `degrees from -${limit} to ${limit}`);
    return '0';
  }

  /** `MM/YYYY`, verbatim. */
  month(at: number): string {
    const text = this.raw(at);
    if (!MONTH.test(text)) this.fail(at, 'a month like 09/2002');
    return text;
  }
}

function signCount(match: RegExpExecArray): number {
  return [match[1], match[2], match[3]].filter((sign) => sign !== undefined).length;
}

/** Twelve digits and more may be a card number that has slipped into another column. */
function quoted(value: string): string {
  const digits = value.replace(/\D/g, '').length;
  if (digits >= 12) return `a text with ${digits} digits (not shown)`;
  const text = value.replace(/\p{Cc}/gu, '?');
  return text === '' ? 'empty' : `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}
