/**
 * The golden sample of the reference workload: raw Kaggle files, as the records that a loader makes
 * of them.
 */
import { readFileSync } from 'node:fs';
import type { NewRecord } from '../../src/core/records.ts';

export interface GoldenSet {
  readonly transactions: readonly NewRecord[];
  readonly users: readonly NewRecord[];
  readonly cards: readonly NewRecord[];
  /** zip,lat,lon of the sample. */
  readonly zipTable: string;
}

function read(name: string): string {
  return readFileSync(`test/golden/data/${name}`, 'utf8');
}

/** Rows by column name. Quoted fields occur only where errors hold a comma. */
function rows(name: string): Record<string, string>[] {
  const [header, ...lines] = read(name).trimEnd().split(/\r?\n/).map(split);
  return lines.map((line) => Object.fromEntries(line.map((text, i) => [header?.[i] ?? '', text])));
}

function split(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map((m) => m[1] ?? m[2] ?? '');
}

const money = (text: string | undefined) => Number(text?.replace('$', ''));

function field(row: Record<string, string>, name: string): string {
  const text = row[name];
  if (text === undefined) throw new Error(`golden file without column ${name}`);
  return text;
}

function transaction(row: Record<string, string>): { minute: number; value: object } {
  const time = field(row, 'Time').padStart(5, '0');
  const [year, month, day] = ['Year', 'Month', 'Day'].map((name) => Number(field(row, name)));
  const zip = field(row, 'Zip');
  const at = Date.UTC(year as number, (month as number) - 1, day) / 60_000;
  return {
    minute: at + Number(time.slice(0, 2)) * 60 + Number(time.slice(3)),
    value: {
      user: Number(field(row, 'User')),
      card: Number(field(row, 'Card')),
      year,
      month,
      day,
      time,
      amount: money(field(row, 'Amount')),
      use_chip: field(row, 'Use Chip'),
      merchant_name: field(row, 'Merchant Name'),
      merchant_city: field(row, 'Merchant City'),
      merchant_state: field(row, 'Merchant State'),
      zip: zip === '' ? '' : String(Number(zip)).padStart(5, '0'),
      mcc: Number(field(row, 'MCC')),
      errors: field(row, 'Errors?'),
      is_fraud: field(row, 'Is Fraud?') === 'Yes' ? 1 : 0,
    },
  };
}

function record(key: string, value: object): NewRecord {
  return { key, value: JSON.stringify(value), timestampMs: 0 };
}

function userRecords(): NewRecord[] {
  return rows('sd254_users.csv').map((row, user) =>
    record(String(user), {
      user,
      latitude: Number(field(row, 'Latitude')),
      longitude: Number(field(row, 'Longitude')),
      fico_score: Number(field(row, 'FICO Score')),
      total_debt: money(field(row, 'Total Debt')),
      yearly_income: money(field(row, 'Yearly Income - Person')),
    }),
  );
}

function cardRecords(): NewRecord[] {
  return rows('sd254_cards.csv').map((row) => {
    const user = Number(field(row, 'User'));
    const card = Number(field(row, 'CARD INDEX'));
    return record(`${user}:${card}`, {
      user,
      card,
      credit_limit: money(field(row, 'Credit Limit')),
      card_on_dark_web: field(row, 'Card on Dark Web') === 'Yes',
      year_pin_last_changed: Number(field(row, 'Year PIN last Changed')),
    });
  });
}

/** Transactions in global event-time order: by minute, ties in file order. */
function transactionRecords(): NewRecord[] {
  return rows('credit_card_transactions.csv')
    .map(transaction)
    .sort((a, b) => a.minute - b.minute)
    .map(({ value }, idx) => record(String((value as { user: number }).user), { idx, ...value }));
}

export function goldenSet(): GoldenSet {
  return {
    transactions: transactionRecords(),
    users: userRecords(),
    cards: cardRecords(),
    zipTable: read('zip_centroids.csv'),
  };
}
