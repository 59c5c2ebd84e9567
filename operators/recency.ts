/** How long ago the card was last used. The key's clock knows it, so there is nothing to keep. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt } from './encoded.ts';
import type { Payment } from './payment.ts';

export const recency: Operator<Payment, null, 'card'> = {
  name: 'recency',
  key: 'card',
  version: 1,
  features: ['minutes_since_last'],

  create: () => null,

  step(_state, _payment, { now, last }, out) {
    out.set(0, last < 0 ? -1 : now - last);
  },

  encode: () => null,

  decode(encoded) {
    if (encoded !== null) throw corrupt('recency', 'not null');
    return null;
  },

  migrations: {},
};
