import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CARD_COLUMNS, PAYMENT_COLUMNS, USER_COLUMNS } from '../../src/ingest/clean.ts';
import {
  type CleanFilesOptions,
  cleanFiles,
  maskCardNumber,
} from '../../src/ingest/clean-files.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const TRANSACTIONS = [
  '0,1,2020,1,2,10:00,$5.00,Online Transaction,-7,"ONLINE, ""X""",,,5300,"Bad PIN,",',
  '0,0,2020,1,1,9:30,($1.50),Chip Transaction,42, La Verne,CA,91750.0,5411,,Yes',
  '0,0,2020,2,30,9:30,$1.50,Chip Transaction,42,La Verne,CA,91750.0,5411,,No',
];
const CARDS = [
  '0,0,Visa,Debit,4344676511955944,12/2022,623,YES,2,$24295,09/2002,2008,No',
  '0,1,Amex,Credit,344676511955944,12/2022,23,NO,1,$100.50,09/2002,2008,Yes',
  '0,2,Visa,Debit,4344676511955944,12/2022,4344676511955944,YES,2,$24295,09/2002,2008,No',
];
/** Emptied by whoever gave the file. */
const NO_NUMBER = '0,3,Visa,Debit,,12/2022,,YES,2,$24295,09/2002,2008,No';
const USERS = [
  'Hazel Robinson,53,66,1966,11,Female,462 Rose Lane,,La Verne,CA,1750,34.15,-117.70,$29278,$59696,$127613,787,5',
];

async function clean(changes: Partial<CleanFilesOptions> = {}) {
  const folder = await scratchFolder();
  const write = async (name: string, columns: readonly string[], rows: readonly string[]) => {
    await writeFile(join(folder, name), `${[columns.join(','), ...rows].join('\r\n')}\r\n`);
    return join(folder, name);
  };
  const outDir = join(folder, 'out');
  const files = {
    transactions: await write('t.csv', PAYMENT_COLUMNS, TRANSACTIONS),
    cards: await write('c.csv', CARD_COLUMNS, [...CARDS, NO_NUMBER]),
    users: await write('u.csv', USER_COLUMNS, USERS),
  };
  const panKey = Buffer.from('key');
  const cleaning = cleanFiles({ files, outDir, keepPan: false, panKey, ...changes });
  const lines = async (name: string) => (await readFile(join(outDir, name), 'utf8')).split('\n');
  return { cleaning, lines, outDir, files };
}

test('transactions come out clean and in event-time order, with the columns of the cleaned form', async () => {
  const { cleaning, lines } = await clean();
  expect(await cleaning).toEqual({ users: 1, cards: 3, transactions: 2, rejects: 2 });
  expect(await lines('transactions.csv')).toEqual([
    'idx,user,card,year,month,day,time,amount,use_chip,merchant_name,merchant_city,merchant_state,zip,mcc,errors,is_fraud',
    '0,0,0,2020,1,1,09:30,-1.50,Chip Transaction,42,La Verne,CA,91750,5411,,1',
    '1,0,1,2020,1,2,10:00,5.00,Online Transaction,-7,"ONLINE, ""X""",,,5300,"Bad PIN,",',
    '',
  ]);
});

test('cards come out masked, with a keyed hash and without CVV, or empty as they were', async () => {
  const { cleaning, lines } = await clean();
  await cleaning;
  expect(await lines('cards.csv')).toEqual([
    'idx,user,card_index,card_brand,card_type,card_number,expires,cvv,has_chip,cards_issued,credit_limit,acct_open_date,year_pin_last_changed,card_on_dark_web',
    '0,0,0,Visa,Debit,************5944#d52946d8e9de92ca,12/2022,,1,2,24295,09/2002,2008,0',
    '1,0,1,Amex,Credit,***********5944#fa2aaf4244f88208,12/2022,,0,1,100.50,09/2002,2008,1',
    '2,0,3,Visa,Debit,,12/2022,,1,2,24295,09/2002,2008,0',
    '',
  ]);
});

test('card number and CVV stay when that is asked for', async () => {
  const { cleaning, lines } = await clean({ keepPan: true });
  await cleaning;
  expect((await lines('cards.csv'))[1]).toBe(
    '0,0,0,Visa,Debit,4344676511955944,12/2022,623,1,2,24295,09/2002,2008,0',
  );
});

test('users come out with their row number as id and five-digit zip codes', async () => {
  const { cleaning, lines } = await clean();
  await cleaning;
  expect(await lines('users.csv')).toEqual([
    'idx,user,person,current_age,retirement_age,birth_year,birth_month,gender,address,apartment,city,state,zipcode,latitude,longitude,per_capita_income__zipcode,yearly_income__person,total_debt,fico_score,num_credit_cards',
    '0,0,Hazel Robinson,53,66,1966,11,Female,462 Rose Lane,,La Verne,CA,01750,34.15,-117.70,29278,59696,127613,787,5',
    '',
  ]);
});

test('rejects have file, line, code and reason, and no card number', async () => {
  const { cleaning, lines, files } = await clean();
  await cleaning;
  expect(await lines('rejects.csv')).toEqual([
    'file,line,code,reason',
    `${files.cards},4,RECORD_FIELD_INVALID,"CVV is a text with 16 digits (not shown), not empty or up to 4 digits"`,
    `${files.transactions},4,RECORD_FIELD_INVALID,"Day is ""30"", not a day of 2020-02"`,
    '',
  ]);
});

test('a failed cleaning leaves the rejects and nothing half written', async () => {
  const { cleaning, outDir } = await clean({ rejectsMax: 0 });
  await expect(cleaning).rejects.toMatchObject({ code: 'CSV_TOO_MANY_REJECTS' });
  expect(await readdir(outDir)).toEqual(['rejects.csv']);
});

test('a full disk is DISK_FULL, and leaves no clean file', async () => {
  const outDir = join(await scratchFolder(), 'out');
  await mkdir(outDir);
  await symlink('/dev/full', join(outDir, 'cards.csv.partial'));
  const { cleaning } = await clean({ outDir });
  await expect(cleaning).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect(await readdir(outDir)).toEqual(['rejects.csv']);
});

test('a folder that cannot be written is refused by code', async () => {
  const { cleaning } = await clean({ outDir: '/dev/null/out' });
  await expect(cleaning).rejects.toMatchObject({ code: 'DATA_DIR_UNWRITABLE' });
});

test('another key gives another hash of the same card number', () => {
  expect(maskCardNumber('4344676511955944', Buffer.from('key'))).toBe(
    '************5944#d52946d8e9de92ca',
  );
  expect(maskCardNumber('4344676511955944', Buffer.from('other'))).toBe(
    '************5944#dc05c777909b20fa',
  );
});
