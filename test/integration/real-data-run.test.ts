/**
 * The main job on the real files, where they are: `real-files.ts` says where. Elsewhere
 * the same assertions run on the golden sample, and the test's name says so.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FEATURE_ORDER } from '../../operators/index.ts';
import { shrike } from '../support/command-line.ts';
import { oracleRow } from '../support/oracle.ts';
import { rawPayments, rawProfiles, rawZips } from '../support/raw-files.ts';
import { REAL_FOLDER } from '../support/real-files.ts';

const isReal = existsSync(join(REAL_FOLDER, 'transactions_16_users.csv.gz'));
const from = isReal ? REAL_FOLDER : resolve('test/golden/data');
const FILES: readonly (readonly [string, number])[] = isReal
  ? [
      ['transactions_16_users.csv.gz', 161_077],
      ['User0_credit_card_transactions.csv', 19_963],
    ]
  : [['credit_card_transactions.csv', 2026]];
/** As the specification compares them: math libraries differ in the last place. */
const TOLERANT = new Set(['log_amount', 'geo_km_from_last', 'geo_kmh', 'km_from_home']);
const THRESHOLD = 0.5;
/** Rows whose features are computed once more: enough to meet every channel, card and year. */
const CHECKED_ROWS = 40;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shrike-real-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

test.each(FILES)(
  `${isReal ? 'real data' : 'golden sample, for want of the real data'}: every payment of %s is scored once, in event-time order, from the right features`,
  async (name, count) => {
    const out = join(folder, name);
    const [users, cards] = [join(from, 'sd254_users.csv'), join(from, 'sd254_cards.csv')];
    const transactions = join(from, name);
    const { code, stdout, stderr } = await shrike(
      ...[
        'run',
        '--source',
        'csv',
        '--until-end',
        '--no-listen',
        '--data',
        join(folder, 'data', name),
      ],
      ...['--transactions', transactions, '--users', users, '--cards', cards],
      ...['--out', out, '--features', 'csv'],
    );
    expect(stderr).not.toMatch(/\[[A-Z_]+\]/);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^${count} payments, \\d+ users, \\d+ cards in the log$`, 'm'),
    );
    expect(linesOf(join(out, 'rejects.csv'))).toHaveLength(1);

    const scored = linesOf(join(out, 'scored.jsonl')).map(
      (line) => JSON.parse(line) as { idx: number; score: number },
    );
    expect(scored).toHaveLength(count);
    expect(scored.every(({ idx }, i) => idx === i)).toBe(true);
    const alerts = linesOf(join(out, 'fraud_alerts.jsonl')).map(
      (line) => (JSON.parse(line) as { idx: number }).idx,
    );
    const alarming = scored.filter(({ score }) => score >= THRESHOLD).map(({ idx }) => idx);
    expect(alerts.sort((a, b) => a - b)).toEqual(alarming);

    const payments = rawPayments(transactions);
    const [profiles, zips] = [rawProfiles(users, cards), rawZips()];
    const [header = '', ...features] = linesOf(join(out, 'features.csv'));
    expect(header).toBe(['idx', ...FEATURE_ORDER].join(','));
    expect(features).toHaveLength(count);
    for (let check = 0; check < CHECKED_ROWS; check++) {
      const idx = Math.floor(((check + 1) * count) / CHECKED_ROWS) - 1;
      const user = payments[idx]?.user;
      const before = payments.slice(0, idx + 1).filter((payment) => payment.user === user);
      const expected = oracleRow(before, profiles, zips);
      const found = features[idx]?.split(',').map(Number) ?? [];
      expect(found[0]).toBe(idx);
      for (const [i, feature] of FEATURE_ORDER.entries()) {
        const [is, should] = [found[i + 1] as number, expected[i] as number];
        const allowed = TOLERANT.has(feature) ? 1e-6 * Math.abs(should) : 0;
        const isRight = Math.abs(Math.fround(is) - should) <= allowed;
        expect(isRight ? 'right' : `${feature} of ${idx}: ${is}, not ${should}`).toBe('right');
      }
    }
  },
);
