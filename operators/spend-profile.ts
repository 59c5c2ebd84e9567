/** What a card usually spends: mean of its earlier amounts, and how far this one lies from it. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt, numbersOf } from './encoded.ts';
import type { Payment } from './payment.ts';

const NAME = 'spend_profile';
const COUNT = 0;
const MEAN = 1;
/** Sum of squared deviations from the mean. */
const M2 = 2;

/** [count, mean, m2]: an array holds its doubles in place, where an object would point at each. */
export type SpendProfileState = number[];

export const spendProfile: Operator<Payment, SpendProfileState, 'card'> = {
  name: NAME,
  key: 'card',
  version: 1,
  features: ['card_amount_mean', 'card_amount_z'],

  create: () => doubles(0, 0, 0),

  step(state, { amount }, _time, out) {
    const count = state[COUNT] as number;
    const mean = state[MEAN] as number;
    const m2 = state[M2] as number;
    const delta = amount - mean;
    out.set(0, mean);
    out.set(1, count >= 2 && m2 > 0 ? delta / Math.sqrt(m2 / (count - 1)) : 0);
    // Welford's recurrence, in the order of the specification: its rounding is part of the feature.
    const next = mean + delta / (count + 1);
    state[COUNT] = count + 1;
    state[MEAN] = next;
    state[M2] = m2 + delta * (amount - next);
  },

  encode: (state) => state.slice(),

  decode(encoded) {
    const state = numbersOf(encoded, NAME);
    if (state.length !== 3) throw corrupt(NAME, 'not [count, mean, m2]');
    return doubles(state[COUNT] as number, state[MEAN] as number, state[M2] as number);
  },

  migrations: {},
};

/**
 * V8 keeps an array that once held a fraction as plain doubles. A copy of what was decoded would
 * point at each number instead, and every step would allocate three.
 */
function doubles(count: number, mean: number, m2: number): SpendProfileState {
  const state = [0.5, 0.5, 0.5];
  state[COUNT] = count;
  state[MEAN] = mean;
  state[M2] = m2;
  return state;
}
