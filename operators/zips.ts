/** Where US zip code areas lie, and distances on the sphere. */
import { readFileSync } from 'node:fs';
import { ShrikeError } from '../src/core/errors.ts';

const EARTH_RADIUS_KM = 6371.0088;
const ZIPS = 100_000;
const RADIANS = Math.PI / 180;

/** A point in radians; NaN when unknown. */
export interface Place {
  latitude: number;
  longitude: number;
}

export function radians(degrees: number): number {
  return degrees * RADIANS;
}

/**
 * Centroids by zip code, 0 to 99,999. Latitude, its cosine and longitude lie side by side, so that
 * a look-up costs one cache line; 2.4 MB in all.
 */
export class ZipTable {
  readonly #columns = new Float64Array(3 * ZIPS).fill(Number.NaN);

  static #shipped: ZipTable | undefined;

  /** The table that comes with Shrike, read once in a thread. @throws ZIP_TABLE_INVALID */
  static shipped(): ZipTable {
    ZipTable.#shipped ??= ZipTable.load();
    return ZipTable.#shipped;
  }

  /** @throws ZIP_TABLE_INVALID */
  static load(url: URL = new URL('./data/zip_centroids.csv', import.meta.url)): ZipTable {
    let text: string;
    try {
      text = readFileSync(url, 'utf8');
    } catch (cause) {
      throw new ShrikeError('ZIP_TABLE_INVALID', `cannot read ${url.pathname}`, { cause });
    }
    return ZipTable.parse(text, url.pathname);
  }

  /** @param text lines of `zip,lat,lon` below that header. @throws ZIP_TABLE_INVALID */
  static parse(text: string, name = 'the zip table'): ZipTable {
    const table = new ZipTable();
    const header = /^zip,lat,lon\r?(?:\n|$)/.exec(text);
    if (header === null) {
      throw new ShrikeError('ZIP_TABLE_INVALID', `${name} does not start with zip,lat,lon`);
    }
    // One match after the other, and no list of lines: every start of a thread waits for this.
    const line = /(\d{5}),(-?[\d.]+),(-?[\d.]+)(?:\r?\n|\r?$)/y;
    const end = text.trimEnd().length;
    let at = header[0].length;
    while (at < end) {
      line.lastIndex = at;
      const [, zip, latitude, longitude] = line.exec(text) ?? [];
      if (!(Math.abs(Number(latitude)) <= 90) || !(Math.abs(Number(longitude)) <= 180)) {
        const number = text.slice(0, at).split('\n').length;
        const found = text.slice(at, at + 40).split('\n')[0];
        throw new ShrikeError('ZIP_TABLE_INVALID', `${name}, line ${number}: ${found}`);
      }
      table.#set(Number(zip), radians(Number(latitude)), radians(Number(longitude)));
      at = line.lastIndex;
    }
    return table;
  }

  #set(zip: number, latitude: number, longitude: number): void {
    this.#columns[3 * zip] = latitude;
    this.#columns[3 * zip + 1] = Math.cos(latitude);
    this.#columns[3 * zip + 2] = longitude;
  }

  /** @param zip -1 for none */
  has(zip: number): boolean {
    return zip >= 0 && !Number.isNaN(this.#columns[3 * zip]);
  }

  /** @returns kilometres between two centroids; NaN when a zip is not in the table. */
  kmBetween(a: number, b: number): number {
    if (!this.has(a) || !this.has(b)) return Number.NaN;
    const columns = this.#columns;
    return haversineKm(
      (columns[3 * b] as number) - (columns[3 * a] as number),
      (columns[3 * b + 2] as number) - (columns[3 * a + 2] as number),
      (columns[3 * a + 1] as number) * (columns[3 * b + 1] as number),
    );
  }

  /** @returns kilometres from a place; NaN when it, or the zip, is unknown. */
  kmFrom(place: Place, zip: number): number {
    if (!this.has(zip) || Number.isNaN(place.latitude)) return Number.NaN;
    const columns = this.#columns;
    return haversineKm(
      (columns[3 * zip] as number) - place.latitude,
      (columns[3 * zip + 2] as number) - place.longitude,
      Math.cos(place.latitude) * (columns[3 * zip + 1] as number),
    );
  }
}

/**
 * @param latitude difference in radians
 * @param longitude difference in radians
 * @param cosines product of the cosines of both latitudes
 * @returns kilometres, 0 <= d <= 20 015.2. Haversine, R = 6371.0088 km (IUGG mean radius).
 */
function haversineKm(latitude: number, longitude: number, cosines: number): number {
  const a = Math.sin(latitude / 2);
  const b = Math.sin(longitude / 2);
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(a * a + cosines * b * b)));
}
