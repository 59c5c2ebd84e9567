/** Alerts and minutes of traffic that look like the real ones, the same ones each time. */
import { seeded } from '../../src/core/random.ts';
import type { AlertRecord, EngineStatus } from '../../src/core/status.ts';
import { engineStatus, partition, START_MS, shown } from './scripted-view.ts';

const PLACES = [
  ['Rome', 'Italy', 5311, 7241],
  ['Strasburg', 'OH', 5912, 214],
  ['Port au Prince', 'Haiti', 5094, 2210],
  ['ONLINE', '', 4829, -1],
  ['La Verne', 'CA', 5300, 3],
  ['Mira Loma', 'CA', 5411, 41],
  ['Cairo', 'Egypt', 5722, 9120],
  ['ONLINE', '', 5816, -1],
] as const;

/** Newest first when called with descending numbers. */
export function scriptedAlert(index: number): AlertRecord {
  const random = seeded(index + 1);
  const [city, state, mcc, km] = PLACES[index % PLACES.length] ?? PLACES[0];
  const amount = Math.round(random.next() ** 3 * 90_000 + 900) / 100;
  const user = random.int(2000);
  const card = random.int(4);
  const kmh = km < 0 ? -1 : km * (0.3 + random.next());
  const minute = 28_493_280 + 13 * 60 + index + random.int(2); // the afternoon of 2024-03-05
  const isBadAuth = index % 5 === 0 ? 1 : 0;
  const value = {
    idx: 1_204_000 + index,
    user,
    card,
    t: minute,
    amount,
    merchant_name: String(-4_282_466_774_399_734_331n + BigInt(index) * 7_919_000_000_007n),
    score: Math.round((0.5 + random.next() ** 0.5 * 0.499) * 1e4) / 1e4,
    model: 'r1-7c2f90ab',
    id: `a-${user}-${card}-${1_204_000 + index}`,
    threshold: 0.5,
    feature_set: 'r1.1',
    features: {
      ...featuresOf({ amount, km, kmh, hour: Math.floor(minute / 60) % 24, mcc }),
      card_count_1h: 1 + (index % 6),
      has_error: isBadAuth,
      bad_auth: isBadAuth,
    },
    profiles: { user: 1, card: 1 },
    event_time: new Date(minute * 60_000).toISOString().slice(0, 16),
    merchant_city: city,
    merchant_state: state,
    mcc,
    use_chip: km < 0 ? 'Online Transaction' : 'Swipe Transaction',
    errors: isBadAuth === 1 ? 'Bad PIN,' : '',
  };
  return { partition: user % 8, offset: 150_500 + index, timestampMs: START_MS + index, value };
}

interface Told {
  readonly amount: number;
  readonly km: number;
  readonly kmh: number;
  readonly hour: number;
  readonly mcc: number;
}

function featuresOf({ amount, km, kmh, hour, mcc }: Told): Record<string, number> {
  const mean = 48.2;
  return {
    amount,
    log_amount: Math.log1p(amount),
    hour,
    day_of_week: 1,
    is_chip: 0,
    is_swipe: km < 0 ? 0 : 1,
    is_online: km < 0 ? 1 : 0,
    has_error: 0,
    bad_auth: 0,
    card_count_1h: 1,
    card_sum_1h: amount,
    card_count_24h: 6,
    card_sum_24h: amount + 211.4,
    card_count_7d: 31,
    card_sum_7d: amount + 1406.75,
    card_amount_mean: mean,
    card_amount_z: (amount - mean) / 61.5,
    minutes_since_last: 47,
    same_merchant_as_last: 0,
    merchant_seen: 0,
    geo_km_from_last: km,
    geo_kmh: kmh,
    km_from_home: km < 0 ? -1 : km + 12,
    user_count_1h: 2,
    user_sum_24h: amount + 340.1,
    user_cards_24h: 2,
    amount_to_limit: amount / 12_400,
    fico: 711,
    debt_to_income: 1.84,
    card_on_dark_web: 0,
    years_since_pin_change: 6,
    mcc,
  };
}

/** Second by second, at about 5,000 payments/s over eight partitions. */
export function scriptedSecond(second: number): EngineStatus {
  const random = seeded(second + 7);
  const atMs = START_MS + second * 1000;
  const wave = Math.sin(second / 23) * 260 + Math.sin(second / 7) * 90;
  const spike = second % 97 === 40 ? 31 : 0;
  const partitions = Array.from({ length: 8 }, (_, i) => {
    const next = 150_560 + i * 311 + second * 625;
    const sealedAtMs = atMs - (1000 + ((second + 3 * i) % 10) * 1000);
    const base = partition(i);
    return shown(
      {
        ...base,
        nextOffset: next,
        committedOffset: next - 5 - i,
        highWatermark: next + random.int(9),
        recoveries: i === 5 ? 1 : 0,
        checkpoint: { ...base.checkpoint, offset: next - 3120 - i * 90, sealedAtMs },
        cache: { ...base.cache, misses: 130 + i * 41 },
      },
      i % 2,
    );
  });
  return engineStatus({
    atMs,
    paymentsPerSecond: 4985 + wave + random.next() * 120,
    latencyMs: {
      p50: 3.1 + random.next() * 0.5,
      p99: 11.5 + random.next() * 3 + spike,
    },
    totals: {
      records: 1_204_551 + second * 4990,
      alerts: 812 + second,
      deadLetters: 3,
      checkpoints: 2880 + second,
    },
    partitions,
  });
}
