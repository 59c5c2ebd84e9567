/**
 * Where payments happen. Listed zip codes are numbered along a Hilbert curve, so that places with
 * near numbers lie near each other and a neighbourhood needs no table.
 *
 * Place numbers: [0, n) listed zip codes; [n, 2n) their unlisted twins (the same town, a zip code
 * that the table lacks); ONLINE; FOREIGN_FROM - k: foreign city k.
 */
import { ShrikeError } from '../core/errors.ts';
import { cumulative, drawn } from './arithmetic.ts';
import { FOREIGN, stateOf, townOf } from './geography.ts';

/** Zip code areas and the points in their middle, in degrees. */
export interface ZipPlaces {
  readonly zips: Int32Array;
  readonly lats: Float64Array;
  readonly lons: Float64Array;
}

export const ONLINE = -1;
const FOREIGN_FROM = -2;

/** Reads `zip,lat,lon` with a header line. @throws ZIP_TABLE_INVALID */
export function readZipPlaces(csvText: string): ZipPlaces {
  const [header, ...rows] = csvText.trimEnd().split(/\r?\n/);
  if (header !== 'zip,lat,lon' || rows.length === 0) {
    throw new ShrikeError(
      'ZIP_TABLE_INVALID',
      `the table of zip codes has ${rows.length} rows below ${JSON.stringify(header ?? '')}; ` +
        'its header is zip,lat,lon',
    );
  }
  const columns = rows.map((row, i) => {
    const [zip, lat, lon] = row.split(',').map(Number) as [number, number, number];
    if (!(Number.isInteger(zip) && Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) {
      throw new ShrikeError('ZIP_TABLE_INVALID', `the table of zip codes, line ${i + 2}: ${row}`);
    }
    return [zip, lat, lon] as const;
  });
  return {
    zips: Int32Array.from(columns, (c) => c[0]),
    lats: Float64Array.from(columns, (c) => c[1]),
    lons: Float64Array.from(columns, (c) => c[2]),
  };
}

/**
 * Position of (x, y), each in [0, 2^bits), on the Hilbert curve (the usual xy-to-distance walk).
 */
function hilbert(bits: number, xAt: number, yAt: number): number {
  let [x, y, position] = [xAt, yAt, 0];
  for (let side = 2 ** (bits - 1); side >= 1; side /= 2) {
    const right = (x & side) !== 0;
    const upper = (y & side) !== 0;
    position = position * 4 + (right ? (upper ? 2 : 3) : upper ? 1 : 0);
    if (upper) continue;
    if (right) [x, y] = [2 ** bits - 1 - x, 2 ** bits - 1 - y];
    [x, y] = [y, x];
  }
  return position;
}

export class Places {
  readonly count: number;
  readonly zips: Int32Array;
  readonly lats: Float64Array;
  readonly lons: Float64Array;
  readonly #cities: string[];
  readonly #states: string[];
  readonly #zipTexts: string[];
  /** Running sums of how populous the surroundings are. */
  readonly #population: Float64Array;

  constructor(table: ZipPlaces) {
    const cell = (degrees: number, from: number) =>
      Math.max(0, Math.min(4095, Math.floor(((degrees + from) / 360) * 4096)));
    const along = Array.from(table.zips, (zip, i) => ({
      ...{ zip, i },
      position: hilbert(12, cell(table.lons[i] as number, 180), cell(table.lats[i] as number, 90)),
    })).sort((a, b) => a.position - b.position || a.zip - b.zip);
    this.count = along.length;
    this.zips = Int32Array.from(along, (p) => p.zip);
    this.lats = Float64Array.from(along, (p) => table.lats[p.i] as number);
    this.lons = Float64Array.from(along, (p) => table.lons[p.i] as number);
    const codes = [...this.zips, ...unlistedTwins(this.zips)];
    this.#zipTexts = codes.map((zip) => String(zip).padStart(5, '0'));
    this.#cities = Array.from(this.zips, townOf);
    this.#states = Array.from(this.zips, stateOf);
    this.#population = cumulative(this.#density());
  }

  /** A listed place, drawn by population. */
  drawn(u: number): number {
    return drawn(this.#population, u);
  }

  /** The listed place `step` numbers away from a listed one; within a few miles for small steps. */
  near(place: number, step: number): number {
    return (place + step + this.count) % this.count;
  }

  unlistedTwin(place: number): number {
    return place + this.count;
  }

  foreign(city: number): number {
    return FOREIGN_FROM - city;
  }

  city(place: number): string {
    if (place >= 0) return this.#cities[place % this.count] as string;
    return place === ONLINE ? 'ONLINE' : (FOREIGN[FOREIGN_FROM - place]?.[0] as string);
  }

  state(place: number): string {
    if (place >= 0) return this.#states[place % this.count] as string;
    return place === ONLINE ? '' : (FOREIGN[FOREIGN_FROM - place]?.[1] as string);
  }

  /** Five digits, or nothing online and abroad. */
  zip(place: number): string {
    return place >= 0 ? (this.#zipTexts[place] as string) : '';
  }

  /** Zip codes are dense where people are: how many lie in the same half degree. */
  #density(): number[] {
    const key = (i: number) =>
      Math.floor((this.lats[i] as number) * 2) * 1000 + Math.floor((this.lons[i] as number) * 2);
    const counts = new Map<number, number>();
    for (let i = 0; i < this.count; i++) counts.set(key(i), (counts.get(key(i)) ?? 0) + 1);
    return Array.from(this.zips, (_, i) => counts.get(key(i)) as number);
  }
}

/** For each zip code the next number that is no zip code of the table. */
function unlistedTwins(zips: Int32Array): number[] {
  const listed = new Set(zips);
  return Array.from(zips, (zip) => {
    let twin = zip + 1;
    while (listed.has(twin)) twin++;
    return twin;
  });
}
