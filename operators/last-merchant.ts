/** Whether the card knows the merchant: its last one, or one of its 32 most recently used. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt } from './encoded.ts';
import type { Payment } from './payment.ts';

const NAME = 'last_merchant';
const MERCHANTS_MAX = 32;

/** Pairs (high, low) of merchant.ts, the most recently used first. */
export type LastMerchantState = (number | string)[];

export const lastMerchant: Operator<Payment, LastMerchantState, 'card'> = {
  name: NAME,
  key: 'card',
  version: 1,
  features: ['same_merchant_as_last', 'merchant_seen'],

  create: () => [],

  step(recent, { merchantHigh, merchantLow }, _time, out) {
    const { length } = recent;
    let at = 0;
    while (at < length && !(recent[at + 1] === merchantLow && recent[at] === merchantHigh)) at += 2;
    const isFirst = at === 0 && length > 0;
    out.set(0, isFirst ? 1 : 0);
    out.set(1, at < length ? 1 : 0);
    if (isFirst) return;
    if (at === length) {
      // New: the list grows, or the least recently used drops out.
      if (length < 2 * MERCHANTS_MAX) recent.push(0, 0);
      else at -= 2;
    }
    for (let to = at + 1; to >= 2; to--) recent[to] = recent[to - 2] as number | string;
    recent[0] = merchantHigh;
    recent[1] = merchantLow;
  },

  encode: (recent) => recent.slice(),

  decode(encoded) {
    if (!Array.isArray(encoded) || encoded.length % 2 !== 0 || encoded.length > 2 * MERCHANTS_MAX) {
      throw corrupt(NAME, `not up to ${MERCHANTS_MAX} pairs`);
    }
    for (const [i, half] of encoded.entries()) {
      const isText = i % 2 === 1 && typeof half === 'string';
      if (!isText && !Number.isInteger(half)) throw corrupt(NAME, `a half is ${String(half)}`);
    }
    return encoded.slice() as LastMerchantState;
  },

  migrations: {},
};
