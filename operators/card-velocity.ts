/** How often and how much a card pays: counts and sums over an hour, a day and a week. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt, encodeAmount, numbersOf } from './encoded.ts';
import type { Payment } from './payment.ts';
import { DAY_MINUTES, HOUR_MINUTES, WEEK_MINUTES } from './time.ts';
import {
  decodeQueue,
  emptyQueue,
  encodeQueue,
  newQueue,
  slide,
  trim,
  windowCount,
  windowSum,
} from './window.ts';

const NAME = 'card_velocity';
/** Three windows of two numbers; an event is minute, amount. */
const SHAPE = { eventsAt: 6, stride: 2 };
const HOUR = { ...SHAPE, at: 0, minutes: HOUR_MINUTES };
const DAY = { ...SHAPE, at: 2, minutes: DAY_MINUTES };
const WEEK = { ...SHAPE, at: 4, minutes: WEEK_MINUTES };
const WINDOWS = [HOUR, DAY, WEEK];
const EMPTY = emptyQueue(WINDOWS);

/** A queue of window.ts. */
export type CardVelocityState = number[];

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

  create: () => newQueue(EMPTY, SHAPE),

  step(queue, payment, { now }, out) {
    // This payment is a member of its own windows, so it goes in first.
    queue.push(now, payment.amount);
    slide(queue, HOUR);
    slide(queue, DAY);
    slide(queue, WEEK);
    out.set(0, windowCount(queue, HOUR));
    out.set(1, windowSum(queue, HOUR));
    out.set(2, windowCount(queue, DAY));
    out.set(3, windowSum(queue, DAY));
    out.set(4, windowCount(queue, WEEK));
    out.set(5, windowSum(queue, WEEK));
    trim(queue, WINDOWS);
  },

  encode: (queue) => encodeQueue(queue, WEEK),

  decode: (encoded) => decodeQueue(numbersOf(encoded, NAME, SHAPE.stride), WINDOWS),

  migrations: { 1: gapsAndCents },
};

/**
 * Version 1 was [minutes, amounts]: absolute minutes, amounts as doubles; 14 bytes a payment where
 * gaps and cents take 5.
 */
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
