/** Merchants are derived, not stored: from their place, kind and number in that place. */
import { hash, unit } from './arithmetic.ts';
import type { Kind } from './categories.ts';
import { type CalendarDay, CHANNEL, type Row } from './day.ts';
import type { World } from './people.ts';
import { ONLINE } from './places.ts';
import { hasChip } from './profiles.ts';

/** Share of outlets that belong to a chain: one name in many towns. */
const CHAIN_SHARE = 0.33;
const CHAINS_OF_KIND = 12;
const ONLINE_SHOPS_OF_KIND = 60;
/** Share of outlets whose zip code the table of centroids lacks. */
const UNLISTED_SHARE = 0.007;
/** Share of merchants with a terminal for chips, and the year in which they came (real set). */
const CHIP_SHARE = 0.885;
const CHIP_FROM_YEAR = 2015;

export interface OutletOf {
  readonly kind: Kind;
  readonly place: number;
  /** Which of the place's shops of this kind. */
  readonly slot: number;
}

/** Writes merchant, category and place of an outlet to the row. */
export function goTo(world: World, { kind, place, slot }: OutletOf, row: Row): void {
  const h = hash(place, slot, kind.mcc);
  row.mcc = kind.mcc;
  row.merchant =
    unit(hash(h, 1)) < CHAIN_SHARE ? hash(kind.mcc, hash(h, 2) % CHAINS_OF_KIND, 77) : hash(h, 3);
  const unlisted = place >= 0 && unit(hash(h, 4)) < UNLISTED_SHARE;
  row.place = unlisted ? world.places.unlistedTwin(place) : place;
}

/** An online shop of this kind; low draws are the popular ones. */
export function goOnline(kind: Kind, draw: number, row: Row): void {
  row.mcc = kind.mcc;
  row.merchant = hash(kind.mcc, Math.floor(draw * draw * ONLINE_SHOPS_OF_KIND), 78);
  row.place = ONLINE;
  row.channel = CHANNEL.online;
}

/** Chip where card and merchant have it, else swipe; `goOnline` sets its own channel. */
export function payPresent(world: World, date: CalendarDay, row: Row): void {
  const chip =
    date.year >= CHIP_FROM_YEAR &&
    unit(hash(row.merchant, 5)) < CHIP_SHARE &&
    hasChip(world, row.user, row.card);
  row.channel = chip ? CHANNEL.chip : CHANNEL.swipe;
}

/** A shop up to about `reach` numbers from home, mostly much nearer. */
export function nearHome(world: World, user: number, draw: { u: number; reach: number }): number {
  const v = draw.u * 2 - 1;
  return world.places.near(world.homes[user] as number, Math.round(v * v * v * draw.reach));
}

/** A signed 64-bit number in decimal, as the real set names merchants. */
export function merchantName(merchant: number): string {
  const high = Math.floor(unit(hash(merchant, 11)) * 9_223_372_036);
  const low = String(hash(merchant, 12) % 1_000_000_000);
  const digits = high === 0 ? low : high + '000000000'.slice(low.length) + low;
  return (hash(merchant, 13) & 1) === 0 ? digits : `-${digits}`;
}
