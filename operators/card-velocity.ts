/** How often and how much a card pays: counts and sums over an hour, a day and a week. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt, encodeAmount, numbersOf } from './encoded.ts';
import type { Payment } from './payment.ts';
import { DAY_MINUTES, HOUR_MINUTES, WEEK_MINUTES } from './time.ts';
import {
  createWindow,
  decodeQueue,
  dropFront,
  encodeQueue,
  isHalfUnused,
  slide,
  type Window,
  windowCount,
  windowOver,
} from './window.ts';

const NAME = 'card_velocity';
/** Queue: minute, amount. */
const STRIDE = 2;
const HOUR = { minutes: HOUR_MINUTES, stride: STRIDE };
const DAY = { minutes: DAY_MINUTES, stride: STRIDE };
const WEEK = { minutes: WEEK_MINUTES, stride: STRIDE };

export interface CardVelocityState {
  readonly queue: number[];
  readonly hour: Window;
  readonly day: Window;
  readonly week: Window;
}

export const cardVelocity: Operator<Payment, CardVelocityState, 'card'> = {
  name: NAME,
  key: 'card',
  version: 2,
  features: [
    'card_count_1h',
    'card_sum_1h',
    'card_count_24h',
    'card_sum_24h',
    'card_count_7d',
    'card_sum_7d',
  ],

  create: () => ({ queue: [], hour: createWindow(), day: createWindow(), week: createWindow() }),

  step({ queue, hour, day, week }, payment, time, out) {
    // This payment is a member of its own windows, so it goes in first.
    queue.push(time.now, payment.amount);
    slide(hour, queue, HOUR);
    slide(day, queue, DAY);
    slide(week, queue, WEEK);
    out.set(0, windowCount(hour, queue, HOUR));
    out.set(1, hour.sum);
    out.set(2, windowCount(day, queue, DAY));
    out.set(3, day.sum);
    out.set(4, windowCount(week, queue, WEEK));
    out.set(5, week.sum);
    if (!isHalfUnused(queue, week)) return;
    const unused = week.from;
    dropFront(queue, unused);
    hour.from -= unused;
    day.from -= unused;
    week.from = 0;
  },

  encode: ({ queue, week }) => encodeQueue(queue, week, STRIDE),

  decode(encoded) {
    const queue = decodeQueue(numbersOf(encoded, NAME, STRIDE), STRIDE);
    return {
      queue,
      hour: windowOver(queue, HOUR),
      day: windowOver(queue, DAY),
      week: windowOver(queue, WEEK),
    };
  },

  migrations: { 1: gapsAndCents },
};

/** Version 1 was [minutes, amounts]: absolute minutes, amounts as doubles; 14 bytes a payment instead of 5. */
function gapsAndCents(encoded: unknown): number[] {
  if (!Array.isArray(encoded) || encoded.length !== 2)
    throw corrupt(NAME, 'not [minutes, amounts]');
  const minutes = numbersOf(encoded[0], NAME);
  const amounts = numbersOf(encoded[1], NAME);
  if (minutes.length !== amounts.length) throw corrupt(NAME, 'minutes without amounts');
  return minutes.flatMap((minute, i) => [
    minute - (minutes[i - 1] ?? 0),
    encodeAmount(amounts[i] as number),
  ]);
}
