/**
 * A small country for tests: 30 x 30 places, an eighth of a degree apart, with zip codes from
 * 46000.
 */
import type { ZipPlaces } from '../../src/simulator/places.ts';

const SIDE = 30;

export function zipGrid(): ZipPlaces {
  const count = { length: SIDE * SIDE };
  return {
    zips: Int32Array.from(count, (_, i) => 46_000 + i * 2),
    lats: Float64Array.from(count, (_, i) => 38 + Math.floor(i / SIDE) / 8),
    lons: Float64Array.from(count, (_, i) => -90 + (i % SIDE) / 8),
  };
}
