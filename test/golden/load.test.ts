import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { PackedRecords } from '../../src/core/records.ts';
import { type LoadOptions, loadCsv } from '../../src/ingest/load.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { RejectList } from '../support/reject-list.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const PARTITIONS = 4;
const golden = (name: string) => fileURLToPath(new URL(`data/${name}`, import.meta.url));
const FILES = {
  transactions: golden('credit_card_transactions.csv'),
  users: golden('sd254_users.csv'),
  cards: golden('sd254_cards.csv'),
};

/** SHA-256 of the reference loader's values in idx order, a newline after each. */
const REFERENCE_DIGEST = 'b139267e1a94dfb423eb2ae06bcde71c5986a1b38e6d3a836d5261ee44d651ec';

async function load(log: RecordingLog, changes: Partial<LoadOptions> = {}) {
  const sink = new RejectList();
  const counts = await loadCsv({
    log,
    files: FILES,
    partitions: PARTITIONS,
    topics: { transactions: 'transactions', users: 'users', cards: 'cards' },
    spillDir: await scratchFolder(),
    clock: systemClock,
    rejects: sink,
    ...changes,
  });
  return { counts, rejects: sink.rejects };
}

function paymentsOf(log: RecordingLog) {
  return log
    .records('transactions', PARTITIONS)
    .map((record) => ({ ...record, idx: (JSON.parse(record.value) as { idx: number }).idx }))
    .sort((a, b) => a.idx - b.idx);
}

function digestOf(log: RecordingLog): string {
  // The reference has an amount's text as it stands; -0.00 does not occur.
  const lines = paymentsOf(log).map(({ value }) => `${value}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

test('the golden files become exactly the payments of the reference loader', async () => {
  const log = new RecordingLog();
  const { counts, rejects } = await load(log);
  expect(counts).toEqual({ users: 19, cards: 49, transactions: 2026 });
  expect(rejects).toEqual([]);
  const records = paymentsOf(log);
  expect(records.map(({ idx }) => idx)).toEqual(Array.from({ length: 2026 }, (_, i) => i));
  expect(records[0]).toMatchObject({
    partition: 3,
    key: '3',
    value:
      '{"idx":0,"user":3,"card":0,"year":2018,"month":1,"day":1,"time":"06:00","amount":35.90,"use_chip":"Chip Transaction","merchant_name":"-5077524806355859950","merchant_city":"Lakeview","merchant_state":"NY","zip":"11547","mcc":4784,"errors":"","is_fraud":0}',
  });
  expect(records[637]).toMatchObject({
    partition: 2,
    key: '10',
    value:
      '{"idx":637,"user":10,"card":1,"year":2018,"month":1,"day":15,"time":"07:02","amount":-18.44,"use_chip":"Chip Transaction","merchant_name":"-832531794301513077","merchant_city":"Green Grove","merchant_state":"PA","zip":"15483","mcc":5912,"errors":"Technical Glitch,","is_fraud":0}',
  });
  expect(digestOf(log)).toBe(REFERENCE_DIGEST);
});

test('E2: a sort that has to spill loads the same payments', async () => {
  const log = new RecordingLog();
  await load(log, { sortBytesMax: 8192 });
  expect(digestOf(log)).toBe(REFERENCE_DIGEST);
});

test('payments are keyed by user, and each partition ascends in idx', async () => {
  const log = new RecordingLog();
  await load(log);
  for (const { partition, key, value } of log.records('transactions', PARTITIONS)) {
    const { user } = JSON.parse(value) as { user: number };
    expect({ partition, key }).toEqual({ partition: user % PARTITIONS, key: String(user) });
  }
  const places = log
    .records('transactions', PARTITIONS)
    .map(({ partition, value }) => partition * 10_000 + (JSON.parse(value) as { idx: number }).idx);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

test('profiles come first, in the partition of their user, without card numbers', async () => {
  const log = new RecordingLog();
  await load(log);
  expect(log.appends.map(([first]) => first?.topic).slice(0, 3)).toEqual([
    'users',
    'cards',
    'transactions',
  ]);
  expect(log.records('users', PARTITIONS)[0]).toMatchObject({
    partition: 0,
    key: '0',
    value:
      '{"user":0,"latitude":39.83,"longitude":-86.2,"fico_score":612,"total_debt":26589,"yearly_income":47063}',
  });
  expect(log.records('cards', PARTITIONS)[1]).toMatchObject({
    partition: 0,
    key: '0:1',
    value:
      '{"user":0,"card":1,"credit_limit":15055,"card_on_dark_web":false,"year_pin_last_changed":2018}',
  });
  const all = log.appends.flat().map(({ records }) => Buffer.from(records).toString('latin1'));
  expect(all.filter((bytes) => bytes.includes('4129722033331194'))).toEqual([]);
});

test('I4: a load that was cut off goes on where it stopped, whatever was appended', async () => {
  const whole = new RecordingLog();
  await load(whole, { partitions: 1 });
  const appended = whole.appends.filter(([first]) => first?.topic === 'transactions');
  const sizes = appended.map(([first]) => PackedRecords.of(first?.records as Uint8Array).count);
  expect(sizes).toEqual([1000, 1000, 26]);

  const cut = new RecordingLog();
  for (const append of whole.appends.slice(0, -2)) await cut.append(append);
  const skip = { users: 19, cards: 49, transactions: 1000 };
  const { counts } = await load(cut, { partitions: 1, skip });
  expect(counts).toEqual({ users: 19, cards: 49, transactions: 2026 });
  expect(digestOf(cut)).toBe(REFERENCE_DIGEST);
});

test('a load into a log that holds everything appends nothing', async () => {
  const log = new RecordingLog();
  await load(log, { skip: { users: 19, cards: 49, transactions: 2026 } });
  expect(log.appends).toEqual([]);
});

test('bad rows are reported with file, line and column; a rejected user still takes its number', async () => {
  const folder = await scratchFolder();
  const users = join(folder, 'users.csv');
  const header =
    'Person,Current Age,Retirement Age,Birth Year,Birth Month,Gender,Address,Apartment,City,State,Zipcode,Latitude,Longitude,Per Capita Income - Zipcode,Yearly Income - Person,Total Debt,FICO Score,Num Credit Cards';
  const row = (latitude: string) =>
    `A B,53,66,1966,11,Female,462 Rose Lane,,La Verne,CA,91750,${latitude},-117.76,$1,$2,$3,787,5`;
  await writeFile(users, [header, row('34.15'), row('91'), row('12'), ''].join('\n'));
  const log = new RecordingLog();
  const { rejects } = await load(log, { files: { ...FILES, users } });
  expect(rejects).toEqual([
    {
      file: users,
      line: 3,
      column: 'Latitude',
      code: 'RECORD_FIELD_INVALID',
      reason: 'Latitude is "91", not degrees from -90 to 90',
    },
  ]);
  expect(log.records('users', PARTITIONS).map(({ key }) => key)).toEqual(['0', '2']);
});

test('more rejects than allowed stop the load', async () => {
  const folder = await scratchFolder();
  const transactions = join(folder, 'transactions.csv');
  const header =
    'User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,Merchant State,Zip,MCC,Errors?,Is Fraud?\n';
  const bad = '0,0,2002,9,31,06:21,$1.00,Chip Transaction,1,X,CA,,5300,,No\n';
  await writeFile(transactions, header + bad.repeat(101));
  const files = { ...FILES, transactions };
  await expect(load(new RecordingLog(), { files })).rejects.toMatchObject({
    code: 'CSV_TOO_MANY_REJECTS',
  });
  const { rejects } = await load(new RecordingLog(), { files, rejectsMax: 101 });
  expect(rejects).toHaveLength(101);
});

test('progress tells the stages in order and ends at all payments', async () => {
  const stages = new Map<string, string>();
  await load(new RecordingLog(), {
    progress: ({ stage, rows, done, total }) => stages.set(stage, `${rows}: ${done} of ${total}`),
  });
  expect([...stages]).toEqual([
    ['loading users', '19: 2286 of 2286'],
    ['loading cards', '49: 3913 of 3913'],
    ['reading transactions', '2026: 190933 of 190933'],
    ['loading transactions', '2026: 2026 of 2026'],
  ]);
});

test('a load that is called off stops', async () => {
  const signal = AbortSignal.abort(new Error('called off'));
  await expect(load(new RecordingLog(), { signal })).rejects.toThrow('called off');
});
