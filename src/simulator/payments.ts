/**
 * The stream of payments, in the order of event time.
 *
 * M1  The same world and position give the same payments, bytes and all, on every machine.
 * M2  `minute` never goes back.
 * M3  A stream resumed at a position goes on exactly as the stream that was there; it makes one
 *     day again, not the days before.
 * M4  Memory: two days' rows (44 bytes a payment) and a few bytes a person.
 */
import { assert } from '../core/assert.ts';
import { fraudDay } from './bursts.ts';
import { ERROR_TEXTS } from './categories.ts';
import { type CalendarDay, CHANNEL, calendarDay, DayRows, emptyRow, type Row } from './day.ts';
import { honestDay } from './habits.ts';
import { merchantName } from './merchants.ts';
import { DAY_MINUTES, type World } from './people.ts';

export type UseChip = 'Swipe Transaction' | 'Chip Transaction' | 'Online Transaction';

const USE_CHIP: readonly UseChip[] = [
  'Swipe Transaction',
  'Chip Transaction',
  'Online Transaction',
];
assert(USE_CHIP[CHANNEL.online] === 'Online Transaction', 'texts of channels are in their order');

export interface Payment {
  /** Position in the stream, from 0. */
  readonly idx: number;
  readonly user: number;
  readonly card: number;
  /** Minutes since 1970, no time zone. */
  readonly minute: number;
  readonly year: number;
  readonly month: number;
  readonly dayOfMonth: number;
  readonly cents: number;
  readonly useChip: UseChip;
  /** A signed 64-bit number in decimal. */
  readonly merchantName: string;
  readonly city: string;
  readonly state: string;
  /** Five digits, or empty. */
  readonly zip: string;
  readonly mcc: number;
  readonly errors: string;
  readonly fraud: boolean;
}

/** Where a stream goes on. Plain numbers: keep it, and hand it back after a restart. */
export interface StreamPosition {
  /** Days since 1970. */
  readonly day: number;
  /** Payments of that day already delivered. */
  readonly index: number;
  /** The `idx` of the next payment. */
  readonly idx: number;
}

export interface StreamOptions {
  /** Default: the world's start. */
  readonly fromMinute?: number;
  /** The first minute that is left out. Default: the stream never ends. */
  readonly untilMinute?: number;
  /** Goes on from here; `fromMinute` then has no say. */
  readonly position?: StreamPosition;
}

const ENDED = { done: true, value: undefined } as const;

export class PaymentStream implements IterableIterator<Payment> {
  readonly #world: World;
  readonly #untilMinute: number;
  readonly #row: Row = emptyRow();
  #today: Day;
  #tomorrow: Day;
  #index: number;
  #idx: number;

  constructor(world: World, options: StreamOptions = {}) {
    const { fromMinute = world.startMinute, untilMinute = Infinity, position } = options;
    const day = position?.day ?? Math.floor(fromMinute / DAY_MINUTES);
    this.#world = world;
    this.#untilMinute = untilMinute;
    this.#today = new Day(world, day);
    this.#today.finish();
    this.#tomorrow = new Day(world, day + 1);
    this.#idx = position?.idx ?? 0;
    this.#index = position?.index ?? this.#today.rows.before(fromMinute % DAY_MINUTES);
  }

  get position(): StreamPosition {
    return { day: this.#today.date.day, index: this.#index, idx: this.#idx };
  }

  next(): IteratorResult<Payment, undefined> {
    while (this.#index >= this.#today.rows.count) {
      if (this.#tomorrow.date.day * DAY_MINUTES >= this.#untilMinute) return ENDED;
      this.#turn();
    }
    const { rows, date } = this.#today;
    rows.read(this.#index, this.#row);
    if (date.day * DAY_MINUTES + this.#row.minute >= this.#untilMinute) return ENDED;
    // A share of tomorrow with each payment of today, so that midnight is no long pause.
    this.#tomorrow.makeSome(rows.count - this.#index);
    this.#index++;
    return { done: false, value: this.#payment(this.#idx++) };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #turn(): void {
    this.#tomorrow.finish();
    const used = this.#today.rows;
    this.#today = this.#tomorrow;
    this.#tomorrow = new Day(this.#world, this.#today.date.day + 1, used);
    this.#index = 0;
  }

  #payment(idx: number): Payment {
    const { places } = this.#world;
    const { date } = this.#today;
    const row = this.#row;
    return {
      idx,
      user: row.user,
      card: row.card,
      minute: date.day * DAY_MINUTES + row.minute,
      year: date.year,
      month: date.month,
      dayOfMonth: date.dayOfMonth,
      cents: row.cents,
      useChip: USE_CHIP[row.channel] as UseChip,
      merchantName: merchantName(row.merchant),
      city: places.city(row.place),
      state: places.state(row.place),
      zip: places.zip(row.place),
      mcc: row.mcc,
      errors: ERROR_TEXTS[row.error] as string,
      fraud: row.fraud === 1,
    };
  }
}

export function payments(world: World, options?: StreamOptions): PaymentStream {
  return new PaymentStream(world, options);
}

/** What a payment of the log tells about its place in the stream. */
export interface SeenPayment {
  readonly idx: number;
  readonly user: number;
  readonly card: number;
  readonly minute: number;
  readonly cents: number;
  readonly merchantName: string;
}

/**
 * The position after a payment that is known to be of this stream; undefined when the world has
 * none such.
 * @param earlier payments of the stream with a smaller idx: they tell apart twins, as a payment
 * that was declined and tried again in the same minute
 */
export function positionAfter(
  world: World,
  seen: SeenPayment,
  earlier: readonly SeenPayment[] = [],
): StreamPosition | undefined {
  const day = Math.floor(seen.minute / DAY_MINUTES);
  const stream = new PaymentStream(world, { position: { day, index: 0, idx: 0 } });
  const found: StreamPosition[] = [];
  /** How many of the earlier ones say that the day begins with this idx. */
  const votes = new Map<number, number>();
  for (const payment of stream) {
    if (payment.minute > seen.minute) break;
    for (const other of earlier) {
      if (!isSame(payment, other)) continue;
      const firstIdx = other.idx - payment.idx;
      votes.set(firstIdx, (votes.get(firstIdx) ?? 0) + 1);
    }
    if (isSame(payment, seen)) found.push(stream.position);
  }
  const votesFor = ({ idx }: StreamPosition) => votes.get(seen.idx + 1 - idx) ?? 0;
  const best = found.reduce<StreamPosition | undefined>(
    (a, b) => (a !== undefined && votesFor(a) > votesFor(b) ? a : b),
    undefined,
  );
  return best && { ...best, idx: seen.idx + 1 };
}

function isSame(payment: Payment, seen: SeenPayment): boolean {
  return (
    payment.minute === seen.minute &&
    payment.user === seen.user &&
    payment.card === seen.card &&
    payment.cents === seen.cents &&
    payment.merchantName === seen.merchantName
  );
}

/** A day under way: made person by person, sorted when all are done. */
class Day {
  readonly date: CalendarDay;
  readonly rows: DayRows;
  readonly #world: World;
  readonly #row = emptyRow();
  #user = 0;

  constructor(world: World, day: number, rows = new DayRows()) {
    this.#world = world;
    this.date = calendarDay(day);
    this.rows = rows;
    rows.clear();
  }

  /** Makes one part of `parts` of what is left. */
  makeSome(parts: number): void {
    const { users } = this.#world;
    const until = this.#user + Math.ceil((users - this.#user) / parts);
    while (this.#user < until) {
      const request = {
        world: this.#world,
        date: this.date,
        user: this.#user++,
        sink: this.rows,
        row: this.#row,
      };
      honestDay(request);
      fraudDay(request);
    }
  }

  finish(): void {
    this.makeSome(1);
    this.rows.sort();
  }
}
