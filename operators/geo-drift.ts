/** How far, and how fast, a card has moved since its last payment at a known place. */
import type { Operator } from '../src/core/operator.ts';
import { corrupt, numbersOf } from './encoded.ts';
import type { Payment } from './payment.ts';
import { HOUR_MINUTES } from './time.ts';
import type { ZipTable } from './zips.ts';

const NAME = 'geo_drift';

export interface GeoDriftState {
  /**
   * Zip code of the last located payment, and its minute by the card's clock; -1 before the first.
   */
  zip: number;
  minute: number;
}

export function geoDrift(zips: ZipTable): Operator<Payment, GeoDriftState, 'card'> {
  return {
    name: NAME,
    key: 'card',
    version: 1,
    features: ['geo_km_from_last', 'geo_kmh'],

    create: () => ({ zip: -1, minute: -1 }),

    step(state, { zip }, { now }, out) {
      const km = zips.kmBetween(state.zip, zip);
      const isKnown = !Number.isNaN(km);
      out.set(0, isKnown ? km : -1);
      out.set(1, isKnown ? (km / Math.max(1, now - state.minute)) * HOUR_MINUTES : -1);
      if (!zips.has(zip)) return;
      state.zip = zip;
      state.minute = now;
    },

    encode: ({ zip, minute }) => (zip < 0 ? [] : [zip, minute]),

    decode(encoded) {
      const [zip = -1, minute = -1] = numbersOf(encoded, NAME, 2);
      if (!Number.isInteger(zip) || zip > 99_999 || (zip < 0 && minute >= 0))
        throw corrupt(NAME, `${zip} is no zip code`);
      return { zip, minute };
    },

    migrations: {},
  };
}
