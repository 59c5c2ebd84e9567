/** How often and how much a user pays over all cards, and with how many of them. */
import type { Operator } from '../src/core/operator.ts';
import { numbersOf } from './encoded.ts';
import type { Payment } from './payment.ts';
import { DAY_MINUTES, HOUR_MINUTES } from './time.ts';
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

const NAME = 'user_velocity';
/** Queue: minute, amount, card. */
const STRIDE = 3;
const CARD = 2;
const HOUR = { minutes: HOUR_MINUTES, stride: STRIDE };
const DAY = { minutes: DAY_MINUTES, stride: STRIDE };

export interface UserVelocityState {
  readonly queue: number[];
  readonly hour: Window;
  readonly day: Window;
  /** Cards of the day's payments: card, number of payments, card, number… */
  readonly cards: number[];
}

export const userVelocity: Operator<Payment, UserVelocityState, 'user'> = {
  name: NAME,
  key: 'user',
  version: 1,
  features: ['user_count_1h', 'user_sum_24h', 'user_cards_24h'],

  create: () => ({ queue: [], hour: createWindow(), day: createWindow(), cards: [] }),

  step({ queue, hour, day, cards }, payment, time, out) {
    queue.push(time.now, payment.amount, payment.card);
    const { from } = day;
    slide(hour, queue, HOUR);
    slide(day, queue, DAY);
    addCard(cards, payment.card);
    for (let at = from; at < day.from; at += STRIDE) dropCard(cards, queue[at + CARD] as number);
    out.set(0, windowCount(hour, queue, HOUR));
    out.set(1, day.sum);
    out.set(2, cards.length / 2);
    if (!isHalfUnused(queue, day)) return;
    const unused = day.from;
    dropFront(queue, unused);
    hour.from -= unused;
    day.from = 0;
  },

  encode: ({ queue, day }) => encodeQueue(queue, day, STRIDE),

  decode(encoded) {
    const queue = decodeQueue(numbersOf(encoded, NAME, STRIDE), STRIDE);
    const cards: number[] = [];
    for (let at = CARD; at < queue.length; at += STRIDE) addCard(cards, queue[at] as number);
    return { queue, hour: windowOver(queue, HOUR), day: windowOver(queue, DAY), cards };
  },

  migrations: {},
};

function placeOf(cards: readonly number[], card: number): number {
  let at = 0;
  while (at < cards.length && cards[at] !== card) at += 2;
  return at;
}

function addCard(cards: number[], card: number): void {
  const at = placeOf(cards, card);
  if (at === cards.length) cards.push(card, 1);
  else cards[at + 1] = (cards[at + 1] as number) + 1;
}

function dropCard(cards: number[], card: number): void {
  const at = placeOf(cards, card);
  const count = (cards[at + 1] as number) - 1;
  if (count > 0) {
    cards[at + 1] = count;
    return;
  }
  // The last pair takes the place: their order means nothing.
  const last = cards.length - 2;
  cards[at] = cards[last] as number;
  cards[at + 1] = cards[last + 1] as number;
  cards.length = last;
}
