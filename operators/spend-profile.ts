/** What a card usually spends: mean of its earlier amounts, and how far this one lies from it. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt, numbersOf } from './encoded.ts';
import type { Payment } from './payment.ts';

const NAME = 'spend_profile';

export interface SpendProfileState {
  count: number;
  mean: number;
  /** Sum of squared deviations from the mean. */
  m2: number;
}

export const spendProfile: Operator<Payment, SpendProfileState, 'card'> = {
  name: NAME,
  key: 'card',
  version: 1,
  features: ['card_amount_mean', 'card_amount_z'],

  create: () => ({ count: 0, mean: 0, m2: 0 }),

  step(state, { amount }, _time, out) {
    const { count, mean, m2 } = state;
    const delta = amount - mean;
    out.set(0, mean);
    out.set(1, count >= 2 && m2 > 0 ? delta / Math.sqrt(m2 / (count - 1)) : 0);
    // Welford's recurrence, in the order of the specification: its rounding is part of the feature.
    state.count = count + 1;
    state.mean = mean + delta / state.count;
    state.m2 = m2 + delta * (amount - state.mean);
  },

  encode: ({ count, mean, m2 }) => [count, mean, m2],

  decode(encoded) {
    const [count, mean, m2] = numbersOf(encoded, NAME);
    if (count === undefined || mean === undefined || m2 === undefined) {
      throw corrupt(NAME, 'not [count, mean, m2]');
    }
    return { count, mean, m2 };
  },

  migrations: {},
};
