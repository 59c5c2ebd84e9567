/**
 * What the simulator is calibrated by: marginals of payments, computed in the same way from the
 * real files and from simulated payments.
 */

/** A payment, as far as the marginals look at it. */
export interface MarginalRow {
  readonly user: number;
  readonly card: number;
  /** Minutes since 1970. */
  readonly minute: number;
  readonly dollars: number;
  readonly channel: string;
  readonly merchant: string;
  readonly state: string;
  readonly zip: string;
  readonly errors: string;
  /** Undefined where the label is unknown. */
  readonly fraud: boolean | undefined;
}

export type Marginals = Record<string, number>;

const QUANTILES = [1, 10, 25, 50, 75, 90, 99];

function quantileOf(sorted: Float64Array, percent: number): number {
  return sorted[Math.round(((sorted.length - 1) * percent) / 100)] as number;
}

function addQuantiles(into: Marginals, name: string, values: Iterable<number>): void {
  const sorted = Float64Array.from(values).sort();
  for (const p of QUANTILES) into[`${name} p${p}`] = quantileOf(sorted, p);
}

function sharePercent<T>(rows: readonly T[], has: (row: T) => boolean): number {
  let count = 0;
  for (const row of rows) if (has(row)) count++;
  return (100 * count) / rows.length;
}

const ERROR_NAMES = ['Insufficient Balance', 'Bad PIN', 'Technical Glitch', 'Bad C|Bad Expiration'];

/** Marginals of single payments: they need a sample of all users, however thin. */
export function paymentMarginals(rows: readonly MarginalRow[]): Marginals {
  const of: Marginals = {};
  const share = (name: string, has: (row: MarginalRow) => boolean) => {
    of[`${name} %`] = sharePercent(rows, has);
  };
  addQuantiles(
    of,
    'amount $',
    rows.map((row) => row.dollars),
  );
  share('negative amount', (row) => row.dollars < 0);
  for (const channel of ['Online', 'Chip', 'Swipe']) {
    share(channel.toLowerCase(), (row) => row.channel.startsWith(channel));
  }
  share('state blank', (row) => row.state === '');
  share('zip blank', (row) => row.zip === '');
  share('abroad', (row) => row.state !== '' && row.zip === '');
  share('error', (row) => row.errors !== '');
  const failed = rows.filter((row) => row.errors !== '');
  for (const name of ERROR_NAMES) {
    of[`error: ${name} %`] = sharePercent(failed, (row) =>
      new RegExp(`^(${name})`).test(row.errors),
    );
  }
  for (let hour = 0; hour < 24; hour += 2) {
    share(`hour ${hour}-${hour + 1}`, (row) => Math.floor((row.minute % 1440) / 120) === hour / 2);
  }
  for (let day = 0; day < 7; day++) {
    share(`weekday ${day}`, (row) => (Math.floor(row.minute / 1440) + 3) % 7 === day);
  }
  return of;
}

/** Marginals of cards and their order in time: they need every payment of some users. */
export function cardMarginals(rows: readonly MarginalRow[]): Marginals {
  const cards = new Map<string, MarginalRow[]>();
  for (const row of rows) {
    const key = `${row.user}:${row.card}`;
    const card = cards.get(key);
    if (card === undefined) cards.set(key, [row]);
    else card.push(row);
  }
  const gaps: number[] = [];
  const counts = { distinct: [] as number[], top: [] as number[] };
  let again = 0;
  for (const card of cards.values()) {
    card.sort((a, b) => a.minute - b.minute);
    const visits = new Map<string, number>();
    for (const [i, row] of card.entries()) {
      visits.set(row.merchant, (visits.get(row.merchant) ?? 0) + 1);
      const last = card[i - 1];
      if (last === undefined) continue;
      gaps.push(row.minute - last.minute);
      if (last.merchant === row.merchant) again++;
    }
    // A card of a few payments has one merchant or two, and says nothing of habits.
    if (card.length < 100) continue;
    counts.distinct.push(visits.size);
    counts.top.push((100 * Math.max(...visits.values())) / card.length);
  }
  const of: Marginals = {};
  addQuantiles(of, 'minutes between payments', gaps);
  of['same merchant again %'] = (100 * again) / gaps.length;
  for (const p of [10, 50, 90]) {
    of[`merchants of a card p${p}`] = quantileOf(Float64Array.from(counts.distinct).sort(), p);
    of[`top merchant share % p${p}`] = quantileOf(Float64Array.from(counts.top).sort(), p);
  }
  return of;
}

/** A burst ends when its user has had no fraud for so long. */
const BURST_PAUSE_MINUTES = 3 * 1440;

export function fraudMarginals(rows: readonly MarginalRow[]): Marginals {
  const known = rows.filter((row) => row.fraud !== undefined);
  const frauds = known.filter((row) => row.fraud === true);
  frauds.sort((a, b) => a.user - b.user || a.minute - b.minute);
  const bursts: MarginalRow[][] = [];
  const gaps: number[] = [];
  for (const [i, row] of frauds.entries()) {
    const last = frauds[i - 1];
    const gap = last?.user === row.user ? row.minute - last.minute : Infinity;
    if (gap > BURST_PAUSE_MINUTES) bursts.push([]);
    else gaps.push(gap);
    bursts.at(-1)?.push(row);
  }
  const of: Marginals = { 'fraud %': (100 * frauds.length) / known.length };
  const sorted = Float64Array.from(frauds, (row) => row.dollars).sort();
  for (const p of [25, 50, 75, 90]) of[`fraud amount $ p${p}`] = quantileOf(sorted, p);
  for (const channel of ['Online', 'Chip', 'Swipe']) {
    of[`fraud ${channel.toLowerCase()} %`] = sharePercent(frauds, (row) =>
      row.channel.startsWith(channel),
    );
  }
  of['payments of a burst, mean'] = frauds.length / bursts.length;
  const lengths = Float64Array.from(bursts, (burst) => burst.length).sort();
  for (const p of [50, 90]) of[`payments of a burst p${p}`] = quantileOf(lengths, p);
  const sortedGaps = Float64Array.from(gaps).sort();
  for (const p of [25, 50, 75]) of[`minutes within a burst p${p}`] = quantileOf(sortedGaps, p);
  return of;
}
