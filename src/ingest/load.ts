/**
 * Loads the raw files into the log: profiles first, then the payments in event-time order.
 *
 * I4  One append holds the same stretch of the order for all partitions, and an append is atomic: a
 *     load that was cut off has left exactly the first n payments, so a second one skips n.
 */
import type { Clock } from '../core/clock.ts';
import type { Append, Log } from '../core/log.ts';
import { PackedRecordsBuilder } from '../core/records.ts';
import { CARD_COLUMNS, cleanCard, cleanUser, PAYMENT_COLUMNS, USER_COLUMNS } from './clean.ts';
import { cleanRows } from './clean-rows.ts';
import { checkHeader } from './csv-reader.ts';
import { cardJson, paymentJson, userJson } from './json-records.ts';
import type { OnProgress } from './progress.ts';
import type { RejectSink } from './rejects.ts';
import { sortedPayments } from './sorted-payments.ts';

export interface InputFiles {
  readonly transactions: string;
  readonly users: string;
  readonly cards: string;
}

export interface LoadOptions {
  /** Its topics exist, each with `partitions` partitions. */
  readonly log: Pick<Log, 'append'>;
  readonly files: InputFiles;
  readonly partitions: number;
  readonly topics: {
    readonly transactions: string;
    readonly users: string;
    readonly cards: string;
  };
  /** Folder for the sort's temporary file. */
  readonly spillDir: string;
  readonly clock: Clock;
  readonly rejects: RejectSink;
  readonly rejectsMax?: number | undefined;
  readonly progress?: OnProgress | undefined;
  readonly sortBytesMax?: number | undefined;
  /** Payments of one append: fewer for a load at the pace of live traffic. Default 16,000. */
  readonly appendRecordsMax?: number | undefined;
  /** Records of each topic that an earlier load has left there (sum of its high watermarks). */
  readonly skip?: Partial<LoadCounts> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface LoadCounts {
  readonly users: number;
  readonly cards: number;
  readonly transactions: number;
}

/**
 * Records of one partition, and of all of them, that make an append due: at most 4 MB of payments.
 */
const PARTITION_RECORDS_MAX = 1000;
const APPEND_RECORDS_MAX = 16_000;

/**
 * @returns records of each topic, with those that were there before
 * @throws CSV_*, DISK_FULL, DATA_DIR_UNWRITABLE, and what `Log.append` throws
 */
export async function loadCsv(options: LoadOptions): Promise<LoadCounts> {
  const profiles = await loadProfiles(options);
  const transactions = await loadPayments(options);
  return { ...profiles, transactions };
}

/** The users and the cards alone; as `loadCsv`. */
export async function loadProfiles(
  options: LoadOptions,
): Promise<Pick<LoadCounts, 'users' | 'cards'>> {
  const users = await loadUsers(options);
  const cards = await loadCards(options);
  return { users, cards };
}

/**
 * Reads the three headers: before an engine starts, not after the profiles are loaded.
 * @throws CSV_MISSING, CSV_UNREADABLE, CSV_EMPTY, CSV_HEADER
 */
export async function checkHeaders({ users, cards, transactions }: InputFiles): Promise<void> {
  await checkHeader(users, USER_COLUMNS);
  await checkHeader(cards, CARD_COLUMNS);
  await checkHeader(transactions, PAYMENT_COLUMNS);
}

async function loadUsers(options: LoadOptions): Promise<number> {
  const loader = new Loader(options, options.topics.users, options.skip?.users);
  for await (const rows of cleanRows({
    ...options,
    file: options.files.users,
    columns: USER_COLUMNS,
    clean: cleanUser,
    stage: 'loading users',
  })) {
    for (const row of rows) {
      if (loader.skips()) continue;
      loader.add(row.user, String(row.user), userJson(row));
      if (loader.appendDue) await loader.append();
    }
  }
  return loader.finish();
}

async function loadCards(options: LoadOptions): Promise<number> {
  const loader = new Loader(options, options.topics.cards, options.skip?.cards);
  for await (const rows of cleanRows({
    ...options,
    file: options.files.cards,
    columns: CARD_COLUMNS,
    clean: cleanCard,
    stage: 'loading cards',
  })) {
    for (const row of rows) {
      if (loader.skips()) continue;
      loader.add(row.user, `${row.user}:${row.cardIndex}`, cardJson(row));
      if (loader.appendDue) await loader.append();
    }
  }
  return loader.finish();
}

async function loadPayments(options: LoadOptions): Promise<number> {
  const { files, topics, progress, signal, skip } = options;
  const loader = new Loader(options, topics.transactions, skip?.transactions);
  let total = 0;
  const reading: OnProgress = (read) => {
    total = read.rows;
    progress?.(read);
  };
  const file = files.transactions;
  for await (const payments of sortedPayments({ ...options, file, progress: reading })) {
    signal?.throwIfAborted();
    for (const payment of payments) {
      if (loader.skips()) continue;
      loader.add(payment.user, String(payment.user), paymentJson(loader.count, payment));
      if (loader.appendDue) await loader.append();
    }
    const rows = loader.count;
    progress?.({ stage: 'loading transactions', rows, done: rows, total });
  }
  return loader.finish();
}

/** Collects one stretch of records for all partitions and appends it at once (I4). */
class Loader {
  readonly #log: Pick<Log, 'append'>;
  readonly #clock: Clock;
  readonly #topic: string;
  readonly #skip: number;
  readonly #recordsMax: number;
  readonly #builders: readonly PackedRecordsBuilder[];
  #pending = 0;
  #timestampMs = 0;
  /** True when `append` should be called. */
  appendDue = false;
  /** Records seen, skipped ones with them. */
  count = 0;

  constructor(options: LoadOptions, topic: string, skip = 0) {
    const { log, clock, partitions, topics, appendRecordsMax = APPEND_RECORDS_MAX } = options;
    this.#log = log;
    this.#clock = clock;
    this.#topic = topic;
    this.#skip = skip;
    // Profiles are read to their end before the first payment: nobody waits for them one by one.
    this.#recordsMax = topic === topics.transactions ? appendRecordsMax : APPEND_RECORDS_MAX;
    this.#builders = Array.from({ length: partitions }, () => new PackedRecordsBuilder());
  }

  /** True, and the record counted, while the log holds it from an earlier load. */
  skips(): boolean {
    if (this.count >= this.#skip) return false;
    this.count++;
    return true;
  }

  add(user: number, key: string, value: string): void {
    if (this.#pending === 0) this.#timestampMs = this.#clock.nowMs();
    const builder = this.#builders[user % this.#builders.length] as PackedRecordsBuilder;
    builder.add({ key, value, timestampMs: this.#timestampMs });
    this.#pending++;
    this.count++;
    this.appendDue = builder.count >= PARTITION_RECORDS_MAX || this.#pending >= this.#recordsMax;
  }

  async append(): Promise<void> {
    const appends: Append[] = [];
    this.#builders.forEach((builder, partition) => {
      if (builder.count === 0) return;
      appends.push({ topic: this.#topic, partition, records: builder.finish() });
    });
    this.#pending = 0;
    this.appendDue = false;
    if (appends.length > 0) await this.#log.append(appends);
  }

  /** Appends the rest. @returns all records of the topic */
  async finish(): Promise<number> {
    await this.append();
    return this.count;
  }
}
