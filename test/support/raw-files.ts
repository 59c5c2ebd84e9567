/** The raw Kaggle files, read as plainly as can be: what a run on them is compared with. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Payment } from '../../operators/index.ts';
import type { OracleProfiles, OracleZips } from './oracle.ts';

type Row = (column: string) => string;

/** Rows of a file; a field in quotation marks may hold commas. */
function rowsOf(file: string): Row[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const split = (line: string) =>
    Array.from(line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,"]*))/g), (m) => m[1] ?? m[2] ?? '');
  const [header = '', ...lines] = text.trimEnd().split(/\r?\n/);
  const places = new Map(split(header).map((column, i) => [column, i]));
  return lines.map((line) => {
    const fields = split(line);
    return (column) => fields[places.get(column) as number] as string;
  });
}

const money = (text: string) => Number(text.replace('$', ''));

export interface RawPayment extends Payment {
  /** Undefined: not labelled. */
  readonly isFraud: boolean | undefined;
}

/** In event-time order; within a minute in the order of the file. */
export function rawPayments(file: string): readonly RawPayment[] {
  const payments = rowsOf(file).map((row): RawPayment => {
    const date = ['Year', 'Month', 'Day'].map((column) => Number(row(column)));
    const [year, month, day] = date as [number, number, number];
    const [hour, minute] = row('Time').split(':').map(Number) as [number, number];
    const label = row('Is Fraud?');
    return {
      ...{ idx: 0, user: Number(row('User')), card: Number(row('Card')), year, hour },
      minute: Date.UTC(year, month - 1, day, hour, minute) / 60_000,
      dayOfWeek: (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7,
      amount: money(row('Amount')),
      useChip: row('Use Chip') as Payment['useChip'],
      ...{ merchantName: row('Merchant Name'), merchantHigh: 0, merchantLow: '' },
      ...{ merchantCity: row('Merchant City'), merchantState: row('Merchant State') },
      zip: row('Zip') === '' ? -1 : Number(row('Zip')),
      mcc: Number(row('MCC')),
      errors: row('Errors?'),
      isFraud: label === '' ? undefined : label === 'Yes',
    };
  });
  payments.sort((a, b) => a.minute - b.minute);
  return payments.map((payment, idx) => ({ ...payment, idx }));
}

export function rawProfiles(usersFile: string, cardsFile: string): OracleProfiles {
  const users = rowsOf(usersFile).map((row, user) => {
    const [latitude, longitude] = [Number(row('Latitude')), Number(row('Longitude'))];
    const [debt, income] = [money(row('Total Debt')), money(row('Yearly Income - Person'))];
    return [user, { latitude, longitude, fico: Number(row('FICO Score')), debt, income }] as const;
  });
  const cards = rowsOf(cardsFile).map((row) => {
    const facts = {
      limit: money(row('Credit Limit')),
      isOnDarkWeb: row('Card on Dark Web') === 'Yes',
      pinYear: Number(row('Year PIN last Changed')),
    };
    return [`${Number(row('User'))}:${Number(row('CARD INDEX'))}`, facts] as const;
  });
  return { users: new Map(users), cards: new Map(cards) };
}

/** The table that comes with the program. */
export function rawZips(): OracleZips {
  const [, ...lines] = readFileSync('operators/data/zip_centroids.csv', 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [zip, latitude, longitude] = line.split(',').map(Number) as [number, number, number];
      return [zip, [latitude, longitude] as const];
    }),
  );
}
