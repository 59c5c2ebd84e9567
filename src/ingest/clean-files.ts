/**
 * The cleaning step on its own: three raw files become three clean ones and a list of what was left
 * out.
 */
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import {
  CARD_COLUMNS,
  type Card,
  cleanCard,
  cleanUser,
  type Payment,
  USE_CHIP,
  USER_COLUMNS,
  type User,
} from './clean.ts';
import { cleanRows } from './clean-rows.ts';
import { dateOfMinute, timeOfMinute } from './event-date.ts';
import { amountText } from './json-records.ts';
import type { InputFiles, LoadCounts } from './load.ts';
import type { OnProgress } from './progress.ts';
import { csvField, RejectsFile } from './rejects.ts';
import { sortedPayments } from './sorted-payments.ts';
import { type TextFile, writingFiles } from './text-file.ts';

export interface CleanFilesOptions {
  readonly files: InputFiles;
  /** Gets transactions.csv, cards.csv, users.csv and rejects.csv. */
  readonly outDir: string;
  /** Writes card numbers and CVVs as they are. Only for synthetic data. */
  readonly keepPan: boolean;
  /** Keys the hash that stands for a card number. */
  readonly panKey: Buffer;
  readonly rejectsMax?: number | undefined;
  readonly sortBytesMax?: number | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CleanCounts extends LoadCounts {
  readonly rejects: number;
}

const PAYMENT_HEADER =
  'idx,user,card,year,month,day,time,amount,use_chip,merchant_name,merchant_city,merchant_state,' +
  'zip,mcc,errors,is_fraud\n';
const CARD_HEADER =
  'idx,user,card_index,card_brand,card_type,card_number,expires,cvv,has_chip,cards_issued,' +
  'credit_limit,acct_open_date,year_pin_last_changed,card_on_dark_web\n';
const USER_HEADER =
  'idx,user,person,current_age,retirement_age,birth_year,birth_month,gender,address,apartment,' +
  'city,state,zipcode,latitude,longitude,per_capita_income__zipcode,yearly_income__person,' +
  'total_debt,fico_score,num_credit_cards\n';

/**
 * The clean files appear together, when all of it has worked; rejects.csv stays in any case.
 * @throws CSV_*, DISK_FULL, DATA_DIR_UNWRITABLE
 */
export async function cleanFiles(options: CleanFilesOptions): Promise<CleanCounts> {
  const { outDir } = options;
  const rejects = await RejectsFile.create(join(outDir, 'rejects.csv'));
  try {
    const paths = ['users.csv', 'cards.csv', 'transactions.csv'].map((name) => join(outDir, name));
    return await writingFiles(paths, async ([users, cards, transactions]) => ({
      users: await writeUsers(options, rejects, users as TextFile),
      cards: await writeCards(options, rejects, cards as TextFile),
      transactions: await writePayments(options, rejects, transactions as TextFile),
      rejects: rejects.count,
    }));
  } finally {
    await rejects.close();
  }
}

async function writeUsers(
  options: CleanFilesOptions,
  rejects: RejectsFile,
  out: TextFile,
): Promise<number> {
  const rows = cleanRows({
    ...options,
    file: options.files.users,
    columns: USER_COLUMNS,
    clean: cleanUser,
    rejects,
    stage: 'cleaning users',
  });
  return writeRows(rows, { out, header: USER_HEADER, line: userLine });
}

async function writeCards(
  options: CleanFilesOptions,
  rejects: RejectsFile,
  out: TextFile,
): Promise<number> {
  const rows = cleanRows({
    ...options,
    file: options.files.cards,
    columns: CARD_COLUMNS,
    clean: cleanCard,
    rejects,
    stage: 'cleaning cards',
  });
  const line = (idx: number, card: Card) => cardLine(idx, card, options);
  return writeRows(rows, { out, header: CARD_HEADER, line });
}

async function writePayments(
  options: CleanFilesOptions,
  rejects: RejectsFile,
  out: TextFile,
): Promise<number> {
  const { progress, files, outDir } = options;
  let total = 0;
  const rows = sortedPayments({
    ...options,
    file: files.transactions,
    spillDir: outDir,
    rejects,
    progress: (read) => {
      total = read.rows;
      progress?.(read);
    },
  });
  const written = (done: number) =>
    progress?.({ stage: 'writing transactions', rows: done, done, total });
  return writeRows(rows, { out, header: PAYMENT_HEADER, line: paymentLine, written });
}

interface Lines<T> {
  readonly out: TextFile;
  readonly header: string;
  readonly line: (idx: number, row: T) => string;
  readonly written?: (rows: number) => void;
}

async function writeRows<T>(rows: AsyncIterable<readonly T[]>, lines: Lines<T>): Promise<number> {
  const { out, header, line, written } = lines;
  let idx = 0;
  out.add(header);
  for await (const block of rows) {
    for (const row of block) out.add(line(idx++, row));
    await out.flushWhenLarge();
    written?.(idx);
  }
  return idx;
}

function paymentLine(idx: number, payment: Payment): string {
  const { year, month, day } = dateOfMinute(payment.eventMinute);
  return (
    `${idx},${payment.user},${payment.card},${year},${month},${day}` +
    `,${timeOfMinute(payment.eventMinute)},${amountText(payment.cents)}` +
    `,${USE_CHIP[payment.useChip]},${payment.merchantName},${csvField(payment.merchantCity)}` +
    `,${csvField(payment.merchantState)},${payment.zip},${payment.mcc}` +
    `,${csvField(payment.errors)},${payment.isFraud ?? ''}\n`
  );
}

function cardLine(idx: number, card: Card, { keepPan, panKey }: CleanFilesOptions): string {
  return (
    `${idx},${card.user},${card.cardIndex},${csvField(card.cardBrand)},${csvField(card.cardType)}` +
    `,${keepPan ? card.cardNumber : maskCardNumber(card.cardNumber, panKey)},${card.expires}` +
    `,${keepPan ? card.cvv : ''},${card.hasChip},${card.cardsIssued}` +
    `,${money(card.creditLimitCents)},${card.acctOpenDate},${card.yearPinLastChanged}` +
    `,${card.cardOnDarkWeb}\n`
  );
}

function userLine(idx: number, user: User): string {
  const texts = [user.gender, user.address, user.apartment, user.city, user.state].map(csvField);
  return (
    `${idx},${user.user},${csvField(user.person)},${user.currentAge},${user.retirementAge}` +
    `,${user.birthYear},${user.birthMonth},${texts.join(',')},${user.zipcode}` +
    `,${user.latitude},${user.longitude},${money(user.perCapitaIncomeCents)}` +
    `,${money(user.yearlyIncomeCents)},${money(user.totalDebtCents)},${user.ficoScore}` +
    `,${user.numCreditCards}\n`
  );
}

/** Whole dollars, as the raw profiles have them, where there are no cents. */
function money(cents: number): string {
  return cents % 100 === 0 ? String(cents / 100) : amountText(cents);
}

/**
 * `************5944#` and the first 16 hexadecimal digits of HMAC-SHA256(key, number): the last
 * four for people, the hash to tell cards apart. Without the key the few digits left cannot be
 * tried out.
 */
export function maskCardNumber(cardNumber: string, key: Buffer): string {
  // Whoever keeps no numbers empties the column.
  if (cardNumber === '') return '';
  const hash = createHmac('sha256', key).update(cardNumber).digest('hex').slice(0, 16);
  return `${'*'.repeat(cardNumber.length - 4)}${cardNumber.slice(-4)}#${hash}`;
}
