/**
 * The real payments of 2016 to 2019, where their files are (`SHRIKE_REAL_DATA`); none elsewhere.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { MarginalRow } from './card-marginals.ts';

const [FROM_YEAR, TO_YEAR] = [2016, 2019];

export interface RealPayments {
  /** Random rows of all users. */
  readonly random: readonly MarginalRow[];
  /** Every payment of 17 users. */
  readonly people: readonly MarginalRow[];
  /** The same users with the years before: frauds are few. */
  readonly allYears: readonly MarginalRow[];
}

/** Fields of a line; a field in quotation marks may hold commas. */
function fieldsOf(line: string): string[] {
  return Array.from(line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,"]*))/g), (m) => m[1] ?? m[2] ?? '');
}

function parse(text: string): MarginalRow[] {
  return text
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => {
      const f = fieldsOf(line) as [string, string, ...string[]];
      const [hour, minute] = (f[5] as string).split(':').map(Number) as [number, number];
      const midnight = Date.UTC(Number(f[2]), Number(f[3]) - 1, Number(f[4])) / 60_000;
      return {
        user: Number(f[0]),
        card: Number(f[1]),
        minute: midnight + hour * 60 + minute,
        dollars: Number((f[6] as string).replace('$', '')),
        channel: f[7] as string,
        merchant: f[8] as string,
        state: f[10] as string,
        zip: f[11] as string,
        errors: f[13] as string,
        fraud: f[14] === '' ? undefined : f[14] === 'Yes',
      };
    });
}

function inYears(row: MarginalRow): boolean {
  const year = new Date(row.minute * 60_000).getUTCFullYear();
  return year >= FROM_YEAR && year <= TO_YEAR;
}

export function realPayments(folder: string): RealPayments | undefined {
  if (!existsSync(join(folder, 'transactions_random_10k.csv'))) return undefined;
  const random = parse(readFileSync(join(folder, 'transactions_random_10k.csv'), 'utf8'));
  const allYears = [
    ...parse(readFileSync(join(folder, 'User0_credit_card_transactions.csv'), 'utf8')),
    ...parse(gunzipSync(readFileSync(join(folder, 'transactions_16_users.csv.gz'))).toString()),
  ];
  return { random: random.filter(inYears), people: allYears.filter(inYears), allYears };
}
