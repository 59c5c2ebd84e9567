/**
 * The real files, where they are: SHRIKE_REAL_DATA names their folder. Elsewhere the same
 * assertions run on the golden sample, and the test's name says so.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { loadCsv } from '../../src/ingest/load.ts';
import { REAL_FOLDER } from '../support/real-files.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { RejectList } from '../support/reject-list.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const PARTITIONS = 8;
const golden = fileURLToPath(new URL('../golden/data', import.meta.url));
const real = existsSync(join(REAL_FOLDER, 'transactions_16_users.csv.gz'));

interface Expected {
  readonly transactions: number;
  readonly users: number;
  readonly cards: number;
  readonly frauds: number;
  readonly unlabelled: number;
  readonly online: number;
}

const PROFILES = { users: 2000, cards: 6146 };
const FILES: Record<string, Expected> = real
  ? {
      'transactions_16_users.csv.gz': {
        ...PROFILES,
        transactions: 161_077,
        frauds: 173,
        unlabelled: 53_203,
        online: 16_370,
      },
      'User0_credit_card_transactions.csv': {
        ...PROFILES,
        transactions: 19_963,
        frauds: 27,
        unlabelled: 0,
        online: 1317,
      },
      'transactions_random_10k.csv': {
        ...PROFILES,
        transactions: 9912,
        frauds: 14,
        unlabelled: 0,
        online: 1114,
      },
    }
  : {
      'credit_card_transactions.csv': {
        users: 19,
        cards: 49,
        transactions: 2026,
        frauds: 41,
        unlabelled: 0,
        online: 281,
      },
    };

test.each(Object.entries(FILES))(
  `${real ? 'real data' : 'golden sample, for want of the real data'}: every row of %s is loaded`,
  async (name, expected) => {
    const from = real ? REAL_FOLDER : golden;
    const log = new RecordingLog();
    const rejects = new RejectList();
    const counts = await loadCsv({
      log,
      files: {
        transactions: join(from, name),
        users: join(from, 'sd254_users.csv'),
        cards: join(from, 'sd254_cards.csv'),
      },
      partitions: PARTITIONS,
      topics: { transactions: 'transactions', users: 'users', cards: 'cards' },
      spillDir: await scratchFolder(),
      sortBytesMax: 4 << 20,
      clock: systemClock,
      rejects,
    });
    expect(rejects.rejects).toEqual([]);
    const values = log.records('transactions', PARTITIONS).map(({ value }) => value);
    const having = (text: string) => values.filter((value) => value.includes(text)).length;
    expect({
      ...counts,
      frauds: having('"is_fraud":1'),
      unlabelled: having('"is_fraud":null'),
      online: having('"merchant_city":"ONLINE"'),
    }).toEqual(expected);
    expect(isEventTimeOrder(values)).toBe(true);
  },
);

/** By idx, the event time never goes back. */
function isEventTimeOrder(values: readonly string[]): boolean {
  const times: string[] = [];
  for (const value of values) {
    const { idx, year, month, day, time } = JSON.parse(value) as Record<string, number>;
    const two = (n: number | undefined) => String(n).padStart(2, '0');
    times[idx as number] = `${year}-${two(month)}-${two(day)} ${time}`;
  }
  return (
    times.length === values.length && times.every((t, i) => i === 0 || (times[i - 1] ?? '') <= t)
  );
}
