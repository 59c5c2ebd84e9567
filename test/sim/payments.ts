/**
 * Seeded payments for the simulated world: few users, so that actors are shared by many batches.
 */
import type { Random } from '../../src/core/random.ts';
import { type KeyedValue, PARTITIONS } from './world.ts';

export interface SimRecord extends KeyedValue {
  readonly partition: number;
}

const ZIP_TEXTS = ['91750', '10001', '60601', '00000', ''];
const CHIP = ['Chip Transaction', 'Swipe Transaction', 'Online Transaction'];
const BROKEN = ['not json', '{"idx":1}', '[1,2]', '{"idx":7,"user":-1,"card":0}', ''];

/** Every so often a record that is none, and time that goes back. */
export function simPayments(random: Random, count: number, users: number): SimRecord[] {
  let minute = 0;
  return Array.from({ length: count }, (_, idx) => {
    minute += random.int(90);
    const user = random.int(users);
    const at = { user, key: String(user), partition: user % PARTITIONS };
    if (random.chance(0.03)) return { ...at, value: random.pick(BROKEN) };
    const back = random.chance(0.05) ? random.int(3000) : 0;
    const time = new Date(Date.UTC(2019, 0, 3) + (minute - back) * 60_000);
    const value = JSON.stringify({
      idx,
      user,
      card: random.int(3),
      year: time.getUTCFullYear(),
      month: time.getUTCMonth() + 1,
      day: time.getUTCDate(),
      time: time.toISOString().slice(11, 16),
      amount: random.int(50_000) / 100 - 20,
      use_chip: random.pick(CHIP),
      merchant_name: String(random.int(40) - 20),
      merchant_city: 'La Verne',
      merchant_state: 'CA',
      zip: random.pick(ZIP_TEXTS),
      mcc: 5411,
      errors: random.chance(0.1) ? 'Bad PIN,' : '',
      is_fraud: 0,
    });
    return { ...at, value };
  });
}

export function simProfileRecords(users: number): {
  users: SimRecord[];
  cards: SimRecord[];
} {
  const known = Array.from({ length: users }, (_, user) => user).filter((user) => user % 5 !== 4);
  return {
    users: known.map((user) => ({
      key: String(user),
      partition: user % PARTITIONS,
      value: JSON.stringify({
        user,
        latitude: 34 + user,
        longitude: -117 + user,
        fico_score: 700 + user,
        total_debt: 1000 * user,
        yearly_income: 50_000,
      }),
    })),
    cards: known.map((user) => ({
      key: `${user}:0`,
      partition: user % PARTITIONS,
      value: JSON.stringify({
        user,
        card: 0,
        credit_limit: 9000,
        card_on_dark_web: false,
        year_pin_last_changed: 2010,
      }),
    })),
  };
}
