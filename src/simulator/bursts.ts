/**
 * Fraud comes in bursts: a stolen card (sometimes two of one person) is used online, in a distant
 * town, abroad, or near home, within hours to days. A person has at most one burst in a window of
 * days; a burst is derived from its window, so that each of its days finds it again.
 */
import type { Random } from '../core/random.ts';
import { drawn, hash, type Quantiles, quantile, randomOf, unit } from './arithmetic.ts';
import {
  FRAUD_KINDS,
  FRAUD_ONLINE_ERRORS,
  FRAUD_PRESENT_ERRORS,
  FRAUD_SUMS,
  type Kind,
} from './categories.ts';
import { type CalendarDay, CHANNEL, calendarDay, type Row, type RowSink } from './day.ts';
import { FOREIGN } from './geography.ts';
import { cardsInUse } from './habits.ts';
import { goOnline, goTo, nearHome, payPresent } from './merchants.ts';
import { DAY_MINUTES, type World } from './people.ts';
import { onDarkWeb } from './profiles.ts';

const WINDOW_DAYS = 16;
const WINDOW_MINUTES = WINDOW_DAYS * DAY_MINUTES;
const SIZES: Quantiles = {
  at: [0, 0.25, 0.5, 0.75, 0.9, 0.97, 1],
  values: [1, 2.4, 4.4, 7.5, 12, 16, 26],
};
const SIZE_MEAN = 5.2;
/** Minutes between two payments of a burst. It ends before the window after the next begins. */
const GAPS: Quantiles = { at: [0, 0.25, 0.5, 0.75, 0.92, 1], values: [0, 8, 35, 300, 1400, 2600] };
const SPAN_MINUTES_MAX = 10 * DAY_MINUTES;
const PAYMENTS_A_DAY = 2.35;
/** A card sold on the dark web is stolen that many times as often. */
const DARK_WEB_FACTOR = 6;
const TWO_CARDS_SHARE = 0.15;
const ERROR_SHARE = 0.05;
/** Copied magnetic stripes: swiped, whatever card and terminal could do. */
const SKIMMED_SHARE = 0.12;
const PROBE_SHARE = 0.1;

type Scene = 'online' | 'distant' | 'abroad' | 'home';

function sceneOf(draw: number): Scene {
  if (draw < 0.63) return 'online';
  if (draw < 0.78) return 'distant';
  return draw < 0.92 ? 'abroad' : 'home';
}

export interface BurstRequest {
  readonly world: World;
  readonly date: CalendarDay;
  readonly user: number;
  readonly sink: RowSink;
  readonly row: Row;
}

/** Adds the day's share of the bursts that began in this window or the one before. */
export function fraudDay(request: BurstRequest): void {
  const { world, date, user } = request;
  const window = Math.floor(date.day / WINDOW_DAYS);
  const usual = (world.fraudRate * PAYMENTS_A_DAY * WINDOW_DAYS) / SIZE_MEAN;
  for (let w = window - 1; w <= window; w++) {
    const u = unit(hash(hash(world.salt, user, 61), w));
    if (u >= usual * DARK_WEB_FACTOR) continue;
    // As of the window's first day, so that all days of a burst agree.
    const cards = cardsInUse(world, user, calendarDay(w * WINDOW_DAYS).years);
    const sold = cards.filter((card) => onDarkWeb(world, user, card));
    if (u < usual * (sold.length > 0 ? DARK_WEB_FACTOR : 1)) {
      burst(request, { window: w, cards, stolen: sold[0] });
    }
  }
}

interface Theft {
  readonly window: number;
  readonly cards: readonly number[];
  readonly stolen: number | undefined;
}

function burst({ world, date, user, sink, row }: BurstRequest, theft: Theft): void {
  const random = randomOf(world.salt ^ 0x27d4eb2f, user, theft.window);
  const card = theft.stolen ?? random.pick(theft.cards);
  const second = random.chance(TWO_CARDS_SHARE) ? random.pick(theft.cards) : card;
  const scene = sceneOf(random.next());
  const draw = random.next();
  const base =
    scene === 'abroad'
      ? world.places.foreign(Math.floor(draw * draw * draw * FOREIGN.length))
      : scene === 'home'
        ? nearHome(world, user, { u: draw, reach: 30 })
        : world.places.drawn(draw);
  row.user = user;
  row.fraud = 1;
  const first = theft.window * WINDOW_MINUTES + random.int(WINDOW_MINUTES);
  let minute = first;
  for (let left = Math.floor(quantile(SIZES, random.next())); left > 0; left--) {
    if (minute - first > SPAN_MINUTES_MAX) break;
    row.card = random.chance(0.5) ? second : card;
    steal({ world, date, random, row, scene, base });
    // Thieves sleep too: the hours before four are all but empty in the real set.
    const awake = minute % DAY_MINUTES < 240 ? minute + 300 : minute;
    row.minute = awake % DAY_MINUTES;
    if (Math.floor(awake / DAY_MINUTES) === date.day) sink.add(row);
    minute += Math.floor(quantile(GAPS, random.next()));
  }
}

interface Stealing {
  readonly world: World;
  readonly date: CalendarDay;
  readonly random: Random;
  readonly row: Row;
  readonly scene: Scene;
  readonly base: number;
}

/** One payment of a thief: what, where, how much. Draws the same numbers whatever the day. */
function steal({ world, date, random, row, scene, base }: Stealing): void {
  const kind = FRAUD_KINDS[drawn(FRAUD_SUMS, random.next())] as Kind;
  const online = scene === 'online' || random.chance(0.12);
  const [shop, step] = [random.next(), random.int(7) - 3];
  const skimmed = random.chance(SKIMMED_SHARE);
  if (online) {
    goOnline(kind, shop, row);
  } else {
    const place = scene === 'abroad' ? base : world.places.near(base, step);
    goTo(world, { kind, place, slot: Math.floor(shop * 12) }, row);
    payPresent(world, date, row);
    if (skimmed) row.channel = CHANNEL.swipe;
  }
  const probe = random.chance(PROBE_SHARE);
  const dollars = quantile(kind.dollars, random.next());
  const tag = random.next();
  row.cents = probe ? 50 + Math.floor(tag * 850) : Math.round(dollars * (0.85 + 0.3 * tag) * 100);
  const [failed, why] = [random.chance(ERROR_SHARE), random.next()];
  const errors = row.channel === CHANNEL.online ? FRAUD_ONLINE_ERRORS : FRAUD_PRESENT_ERRORS;
  row.error = failed ? drawn(errors, why) : 0;
}
