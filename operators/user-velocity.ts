/** How often and how much a user pays over all cards, and with how many of them. */
import type { Operator } from '../src/core/operator.ts';
import { numbersOf } from './encoded.ts';
import type { Payment } from './payment.ts';
import { DAY_MINUTES, HOUR_MINUTES } from './time.ts';
import {
  decodeQueue,
  emptyQueue,
  encodeQueue,
  newQueue,
  slide,
  trim,
  windowCount,
  windowFrom,
  windowSum,
} from './window.ts';

const NAME = 'user_velocity';
/** Two windows of two numbers, then CARDS; an event is minute, amount, card. */
const SHAPE = { eventsAt: 5, stride: 3 };
const HOUR = { ...SHAPE, at: 0, minutes: HOUR_MINUTES };
const DAY = { ...SHAPE, at: 2, minutes: DAY_MINUTES };
const WINDOWS = [HOUR, DAY];
const EMPTY = emptyQueue(WINDOWS);
/** Where the number of distinct cards in the day lies. */
const CARDS = 4;
/** Where an event's card lies. */
const CARD = 2;

/** A queue of window.ts. */
export type UserVelocityState = number[];

export const userVelocity: Operator<Payment, UserVelocityState, 'user'> = {
  name: NAME,
  key: 'user',
  version: 1,
  features: ['user_count_1h', 'user_sum_24h', 'user_cards_24h'],

  create: () => newQueue(EMPTY, SHAPE),

  step(queue, { amount, card }, { now }, out) {
    queue.push(now, amount, card);
    slide(queue, HOUR);
    // As with sums: events leave only when the minute changes, so counting anew is rare where it is
    // dear.
    if (slide(queue, DAY)) queue[CARDS] = distinctCards(queue);
    else if (isNewCard(queue, card)) queue[CARDS] = (queue[CARDS] as number) + 1;
    out.set(0, windowCount(queue, HOUR));
    out.set(1, windowSum(queue, DAY));
    out.set(2, queue[CARDS] as number);
    trim(queue, WINDOWS);
  },

  encode: (queue) => encodeQueue(queue, DAY),

  decode(encoded) {
    const queue = decodeQueue(numbersOf(encoded, NAME, SHAPE.stride), WINDOWS);
    queue[CARDS] = distinctCards(queue);
    return queue;
  },

  migrations: {},
};

/**
 * True when no event of the day but the last has the card. The newest come first: most cards are
 * used again.
 */
function isNewCard(queue: readonly number[], card: number): boolean {
  const from = windowFrom(queue, DAY);
  let i = queue.length - 2 * SHAPE.stride;
  while (i >= from && queue[i + CARD] !== card) i -= SHAPE.stride;
  return i < from;
}

/** Up to here looking back at all earlier events is faster than a set. */
const LOOKED_AT_EVENTS_MAX = 24;
const seen = new Set<number>();

function distinctCards(queue: readonly number[]): number {
  if (windowCount(queue, DAY) <= LOOKED_AT_EVENTS_MAX) return distinctOfFew(queue);
  seen.clear();
  for (let i = windowFrom(queue, DAY); i < queue.length; i += SHAPE.stride) {
    seen.add(queue[i + CARD] as number);
  }
  return seen.size;
}

/** An event counts when no earlier one has its card. */
function distinctOfFew(queue: readonly number[]): number {
  const from = windowFrom(queue, DAY) + CARD;
  let count = 0;
  for (let i = from; i < queue.length; i += SHAPE.stride) {
    let earlier = from;
    while (queue[earlier] !== queue[i]) earlier += SHAPE.stride; // ends at i
    if (earlier === i) count += 1;
  }
  return count;
}
