/** One day of the world: its date, and the payments of all people on it, in columns. */
import { DAY_MINUTES } from './people.ts';

export interface CalendarDay {
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly year: number;
  readonly month: number;
  readonly dayOfMonth: number;
  /** 0 = Monday. */
  readonly weekday: number;
  /** 2011.5: the middle of 2011. */
  readonly years: number;
}

export function calendarDay(day: number): CalendarDay {
  const date = new Date(day * DAY_MINUTES * 60_000);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + 1];
  return {
    ...{ day, year, month },
    dayOfMonth: date.getUTCDate(),
    weekday: (day + 3) % 7, // 1970-01-01 was a Thursday.
    years: year + (month - 1) / 12,
  };
}

export const CHANNEL = { swipe: 0, chip: 1, online: 2 } as const;

/** A payment before it has its texts. Reused from one `add` to the next. */
export interface Row {
  user: number;
  card: number;
  /** Minute of the day; what lies outside the day is moved to its edge. */
  minute: number;
  cents: number;
  channel: number;
  /** Number of the merchant; its name is derived from it. */
  merchant: number;
  place: number;
  mcc: number;
  /** Index of ERROR_TEXTS. */
  error: number;
  fraud: number;
}

export interface RowSink {
  add(row: Row): void;
}

export function emptyRow(): Row {
  return {
    ...{ user: 0, card: 0, minute: 0, cents: 0, channel: 0 },
    ...{ merchant: 0, place: 0, mcc: 0, error: 0, fraud: 0 },
  };
}

const COLUMNS = 10;
/**
 * Rows in a chunk: a day grows by chunks, so that nothing is copied. 10 columns of 4 bytes each.
 */
const CHUNK_ROWS = 1 << 13;

/**
 * Collects a day's rows, then gives them out by minute, in the order of arrival within a minute.
 */
export class DayRows implements RowSink {
  #chunks: Int32Array[] = [];
  #count = 0;
  #order = new Uint32Array(0);
  readonly #ends = new Uint32Array(DAY_MINUTES + 1);

  get count(): number {
    return this.#count;
  }

  add(row: Row): void {
    const at = this.#count % CHUNK_ROWS;
    const index = (this.#count - at) / CHUNK_ROWS;
    const chunk = (this.#chunks[index] ??= new Int32Array(COLUMNS * CHUNK_ROWS));
    const minute = row.minute < 0 ? 0 : row.minute >= DAY_MINUTES ? DAY_MINUTES - 1 : row.minute;
    const from = at * COLUMNS;
    chunk[from] = minute;
    chunk[from + 1] = row.user;
    chunk[from + 2] = row.card;
    chunk[from + 3] = row.cents;
    chunk[from + 4] = row.channel;
    chunk[from + 5] = row.merchant;
    chunk[from + 6] = row.place;
    chunk[from + 7] = row.mcc;
    chunk[from + 8] = row.error;
    chunk[from + 9] = row.fraud;
    this.#ends[minute + 1] = (this.#ends[minute + 1] as number) + 1;
    this.#count++;
  }

  /** Counting sort by minute: stable, so the same rows always come in the same order. */
  sort(): void {
    const ends = this.#ends;
    for (let m = 1; m <= DAY_MINUTES; m++) {
      ends[m] = (ends[m] as number) + (ends[m - 1] as number);
    }
    this.#order = new Uint32Array(this.#count);
    for (let i = 0; i < this.#count; i++) {
      const at = i % CHUNK_ROWS;
      const minute = this.#chunks[(i - at) / CHUNK_ROWS]?.[at * COLUMNS] as number;
      const place = ends[minute] as number;
      this.#order[place] = i;
      ends[minute] = place + 1;
    }
  }

  /** Row i in the order of time, written to `row`. */
  read(i: number, row: Row): void {
    const index = this.#order[i] as number;
    const at = index % CHUNK_ROWS;
    const chunk = this.#chunks[(index - at) / CHUNK_ROWS] as Int32Array;
    const from = at * COLUMNS;
    row.minute = chunk[from] as number;
    row.user = chunk[from + 1] as number;
    row.card = chunk[from + 2] as number;
    row.cents = chunk[from + 3] as number;
    row.channel = chunk[from + 4] as number;
    row.merchant = (chunk[from + 5] as number) >>> 0;
    row.place = chunk[from + 6] as number;
    row.mcc = chunk[from + 7] as number;
    row.error = chunk[from + 8] as number;
    row.fraud = chunk[from + 9] as number;
  }

  /** How many rows lie before a minute of the day. Call `sort` first. */
  before(minute: number): number {
    return minute === 0 ? 0 : (this.#ends[minute - 1] as number);
  }

  /** Empty again; the memory is kept for the next day. */
  clear(): void {
    this.#count = 0;
    this.#ends.fill(0);
  }
}
