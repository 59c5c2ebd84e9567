/** Whether the card knows the merchant: its last one, or one of its 32 most recently used. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt } from './encoded.ts';
import type { Payment } from './payment.ts';

const NAME = 'last_merchant';
const MERCHANTS_MAX = 32;
const LOWS = 1;
// Pairs that an array has room for: most cards of a large population are seldom used. V8 gives an
// array that is made longer half of its length and 16 more; these waste nothing.
const ROOMS = [2, 11, MERCHANTS_MAX] as const;

/**
 * Number of merchants, then the low halves and the high halves of their pairs (merchant.ts), each
 * the most recently used first. One array, halves apart: a search reads the lows alone.
 */
export type LastMerchantState = (number | string)[];

export const lastMerchant: Operator<Payment, LastMerchantState, 'card'> = {
  name: NAME,
  key: 'card',
  version: 1,
  features: ['same_merchant_as_last', 'merchant_seen'],

  create: () => withRoom(ROOMS[0]),

  step(state, { merchantHigh, merchantLow }, _time, out) {
    const count = state[0] as number;
    let highs = highsOf(state);
    let rank = 0;
    while (
      rank < count &&
      !(state[LOWS + rank] === merchantLow && state[highs + rank] === merchantHigh)
    ) {
      rank += 1;
    }
    out.set(0, rank === 0 && count > 0 ? 1 : 0);
    out.set(1, rank < count ? 1 : 0);
    if (rank === count) {
      // New: the list grows, or the least recently used drops out.
      if (count < MERCHANTS_MAX) state[0] = count + 1;
      else rank -= 1;
      if (LOWS + rank === highs) highs = grow(state);
    }
    for (let i = LOWS + rank; i > LOWS; i--) state[i] = state[i - 1] as number | string;
    for (let i = highs + rank; i > highs; i--) state[i] = state[i - 1] as number | string;
    state[LOWS] = merchantLow;
    state[highs] = merchantHigh;
  },

  /** Pairs, the most recently used first: high, low, high, low… */
  encode(state) {
    const pairs: (number | string)[] = [];
    const highs = highsOf(state);
    for (let rank = 0; rank < (state[0] as number); rank++) {
      pairs.push(state[highs + rank] as number, state[LOWS + rank] as number | string);
    }
    return pairs;
  },

  decode(encoded) {
    if (!Array.isArray(encoded) || encoded.length % 2 !== 0 || encoded.length > 2 * MERCHANTS_MAX) {
      throw corrupt(NAME, `not up to ${MERCHANTS_MAX} pairs`);
    }
    const count = encoded.length / 2;
    // Room for one more: the step that it is read for may bring it.
    const state = withRoom(ROOMS.find((room) => room > count) ?? MERCHANTS_MAX);
    const highs = highsOf(state);
    state[0] = count;
    for (const [i, half] of encoded.entries()) {
      const isLow = i % 2 === 1;
      const isHalf = Number.isInteger(half) || (isLow && typeof half === 'string');
      if (!isHalf) throw corrupt(NAME, `a half is ${String(half)}`);
      state[(isLow ? LOWS : highs) + (i >> 1)] = half as number | string;
    }
    return state;
  },

  migrations: {},
};

function withRoom(pairs: number): LastMerchantState {
  return new Array<number>(LOWS + 2 * pairs).fill(0);
}

function highsOf(state: LastMerchantState): number {
  return LOWS + ((state.length - LOWS) >> 1);
}

/** @returns where the high halves lie now */
function grow(state: LastMerchantState): number {
  const from = highsOf(state);
  const pairs = from - LOWS;
  const room = ROOMS.find((pairsMax) => pairsMax > pairs) as number;
  const to = LOWS + room;
  state.length = LOWS + 2 * room;
  for (let i = pairs - 1; i >= 0; i--) state[to + i] = state[from + i] as number;
  for (let i = from; i < to; i++) state[i] = 0;
  for (let i = to + pairs; i < state.length; i++) state[i] = 0;
  return to;
}
