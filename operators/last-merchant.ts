/** Whether the card knows the merchant: its last one, or one of its 32 most recently used. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt } from './encoded.ts';
import type { Payment } from './payment.ts';

const NAME = 'last_merchant';
const MERCHANTS_MAX = 32;
const LOWS = 1;
const HIGHS = LOWS + MERCHANTS_MAX;

/**
 * Number of merchants, then the low halves and the high halves of their pairs (merchant.ts), each
 * the most recently used first. One array of fixed size, halves apart: a search reads the lows
 * alone.
 */
export type LastMerchantState = (number | string)[];

export const lastMerchant: Operator<Payment, LastMerchantState, 'card'> = {
  name: NAME,
  key: 'card',
  version: 1,
  features: ['same_merchant_as_last', 'merchant_seen'],

  create: () => new Array<number>(HIGHS + MERCHANTS_MAX).fill(0),

  step(state, { merchantHigh, merchantLow }, _time, out) {
    const count = state[0] as number;
    let rank = 0;
    while (
      rank < count &&
      !(state[LOWS + rank] === merchantLow && state[HIGHS + rank] === merchantHigh)
    ) {
      rank += 1;
    }
    out.set(0, rank === 0 && count > 0 ? 1 : 0);
    out.set(1, rank < count ? 1 : 0);
    if (rank === count) {
      // New: the list grows, or the least recently used drops out.
      if (count < MERCHANTS_MAX) state[0] = count + 1;
      else rank -= 1;
    }
    for (let i = LOWS + rank; i > LOWS; i--) state[i] = state[i - 1] as number | string;
    for (let i = HIGHS + rank; i > HIGHS; i--) state[i] = state[i - 1] as number | string;
    state[LOWS] = merchantLow;
    state[HIGHS] = merchantHigh;
  },

  /** Pairs, the most recently used first: high, low, high, low… */
  encode(state) {
    const pairs: (number | string)[] = [];
    for (let rank = 0; rank < (state[0] as number); rank++) {
      pairs.push(state[HIGHS + rank] as number, state[LOWS + rank] as number | string);
    }
    return pairs;
  },

  decode(encoded) {
    if (!Array.isArray(encoded) || encoded.length % 2 !== 0 || encoded.length > 2 * MERCHANTS_MAX) {
      throw corrupt(NAME, `not up to ${MERCHANTS_MAX} pairs`);
    }
    const state = lastMerchant.create();
    state[0] = encoded.length / 2;
    for (const [i, half] of encoded.entries()) {
      const isLow = i % 2 === 1;
      const isHalf = Number.isInteger(half) || (isLow && typeof half === 'string');
      if (!isHalf) throw corrupt(NAME, `a half is ${String(half)}`);
      state[(isLow ? LOWS : HIGHS) + (i >> 1)] = half as number | string;
    }
    return state;
  },

  migrations: {},
};
