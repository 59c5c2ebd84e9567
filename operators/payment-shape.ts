/** What a payment tells by itself, without any memory. */
import type { Enricher } from '../src/core/operator.ts';
import { CHIP, ONLINE, type Payment, SWIPE } from './payment.ts';

const BAD_AUTH = ['Bad PIN', 'Bad CVV', 'Bad Expiration', 'Bad Card Number'];

export const paymentShape: Enricher<Payment> = {
  name: 'payment_shape',
  features: [
    'amount',
    'log_amount',
    'hour',
    'day_of_week',
    'is_chip',
    'is_swipe',
    'is_online',
    'has_error',
    'bad_auth',
    'mcc',
  ],

  enrich({ amount, hour, dayOfWeek, useChip, errors, mcc }, _profile, out) {
    out.set(0, amount);
    out.set(1, Math.sign(amount) * Math.log(1 + Math.abs(amount)));
    out.set(2, hour);
    out.set(3, dayOfWeek);
    out.set(4, useChip === CHIP ? 1 : 0);
    out.set(5, useChip === SWIPE ? 1 : 0);
    out.set(6, useChip === ONLINE ? 1 : 0);
    out.set(7, errors === '' ? 0 : 1);
    out.set(8, errors !== '' && BAD_AUTH.some((bad) => errors.includes(bad)) ? 1 : 0);
    out.set(9, mcc);
  },
};
