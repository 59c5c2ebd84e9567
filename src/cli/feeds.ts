/** What puts payments into the log of an engine on this machine: the simulator, or raw files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { Log } from '../core/log.ts';
import { PackedRecords } from '../core/records.ts';
import { type LoadCounts, loadCsv } from '../ingest/load.ts';
import type { ProgressLine } from '../ingest/progress.ts';
import { RejectsFile } from '../ingest/rejects.ts';
import { positionAfter, type SeenPayment, type StreamPosition } from '../simulator/payments.ts';
import { createWorld, DAY_MINUTES, type World } from '../simulator/people.ts';
import { readZipPlaces } from '../simulator/places.ts';
import { appendProfiles, runProducer } from '../simulator/producer.ts';
import { recordsOf } from './log-records.ts';
import type { Source } from './source-marker.ts';

const ZIPS = new URL('../../operators/data/zip_centroids.csv', import.meta.url);

export function simulatedWorld(source: Extract<Source, { kind: 'simulate' }>): World {
  const places = readZipPlaces(readFileSync(ZIPS, 'utf8'));
  const { seed, users, fraudRate } = source;
  return createWorld({ seed, users, fraudRate, places });
}

/** What the simulator needs of a log. */
export type FeedLog = Pick<Log, 'offsets' | 'read' | 'append'>;

export interface SimulateFeed {
  readonly log: FeedLog;
  readonly config: Config;
  readonly world: World;
  readonly ratePerSecond: number | 'max';
  readonly payments?: number;
  /**
   * A new log begins with so many days of payments, as fast as they go: a card without a past tells
   * little.
   */
  readonly historyDays: number;
  readonly signal: AbortSignal;
}

/** Profiles and history, into a log that has none yet. @returns where payments go on */
export async function prepareSimulated(feed: SimulateFeed): Promise<StreamPosition | undefined> {
  const { world, historyDays } = feed;
  const { partitions, users: usersTopic, cards: cardsTopic } = feed.config.input;
  const { append } = producing(feed);
  if ((await countOf(feed.log, cardsTopic, partitions)) === 0) {
    await appendProfiles({ append, world, partitions, usersTopic, cardsTopic, clock });
  }
  const position = await resume(feed);
  if (position !== undefined || historyDays === 0) return position;
  const until = { minute: world.startMinute + historyDays * DAY_MINUTES };
  return (await runProducer({ ...producing(feed), ratePerSecond: 'max', until })).position;
}

function producing({ log, world, config, signal }: SimulateFeed) {
  const { partitions, transactions: topic } = config.input;
  const append: FeedLog['append'] = (appends) => log.append(appends);
  return { append, world, partitions, topic, clock, signal };
}

/** What is missing first, then payments from where the log ends. @returns payments appended */
export async function feedSimulated(feed: SimulateFeed): Promise<number> {
  const { ratePerSecond, payments } = feed;
  const position = await prepareSimulated(feed);
  const report = await runProducer({
    ...producing(feed),
    ratePerSecond,
    ...(payments !== undefined && { until: { payments } }),
    ...(position !== undefined && { position }),
  });
  return report.payments;
}

async function resume({ log, config, world }: SimulateFeed): Promise<StreamPosition | undefined> {
  const { transactions: topic, partitions } = config.input;
  const seen: SeenPayment[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const last = await lastPayment(log, topic, partition);
    if (last !== undefined) seen.push(last);
  }
  const [newest, ...earlier] = seen.sort((a, b) => b.idx - a.idx);
  return newest && positionAfter(world, newest, earlier);
}

interface LoggedPayment {
  readonly idx: number;
  readonly user: number;
  readonly card: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly time: string;
  readonly amount: number;
  readonly merchant_name: string;
}

/** A payment that came by another way, or that is none, may stand behind the last simulated one. */
const LOOK_BACK_RECORDS = 1000;

async function lastPayment(
  log: FeedLog,
  topic: string,
  partition: number,
): Promise<SeenPayment | undefined> {
  const { earliest, highWatermark } = await log.offsets({ topic, partition });
  const until = Math.max(earliest, highWatermark - LOOK_BACK_RECORDS);
  for (let from = highWatermark - 1; from >= until; from--) {
    const { batches } = await log.read({ topic, partition, from, bytesMax: 1, waitMs: 0 });
    const [batch] = batches;
    if (batch === undefined) continue;
    const records = PackedRecords.of(batch.bytes);
    if (records.count === 0) continue; // where a commit of Kafka's ends
    let i = 0;
    while (i < records.count - 1 && records.offset(batch.baseOffset, i) < from) i++;
    const seen = seenPayment(records.value(i)?.toString('utf8') ?? '');
    if (seen !== undefined) return seen;
  }
  return undefined;
}

function seenPayment(text: string): SeenPayment | undefined {
  let p: LoggedPayment;
  try {
    p = JSON.parse(text) as LoggedPayment;
  } catch {
    return undefined;
  }
  if (!Number.isInteger(p?.idx)) return undefined;
  const [hours, minutes] = p.time.split(':').map(Number) as [number, number];
  return {
    idx: p.idx,
    user: p.user,
    card: p.card,
    minute: Date.UTC(p.year, p.month - 1, p.day, hours, minutes) / 60_000,
    cents: Math.round(p.amount * 100),
    merchantName: p.merchant_name,
  };
}

/** Payments in the log, those with it that retention has removed. */
export async function paymentCountOf({
  log,
  config,
}: Pick<CsvFeed, 'log' | 'config'>): Promise<number> {
  return countOf(log, config.input.transactions, config.input.partitions);
}

async function countOf(log: FeedLog, topic: string, partitions: number): Promise<number> {
  let count = 0;
  for (let partition = 0; partition < partitions; partition++) {
    count += (await log.offsets({ topic, partition })).highWatermark;
  }
  return count;
}

export interface CsvFeed {
  readonly log: FeedLog;
  readonly config: Config;
  readonly files: {
    readonly transactions: string;
    readonly users: string;
    readonly cards: string;
  };
  /** The log goes on with what these files have begun; else the profiles in there are replaced. */
  readonly isKnown: boolean;
  readonly rejectsFile: string;
  readonly rejectsMax?: number;
  readonly progress: ProgressLine;
  /** Payments of one append; see `LoadOptions`. */
  readonly appendRecordsMax?: number;
  readonly signal: AbortSignal;
}

/** What the log holds already. */
async function loaded({ log, config, isKnown }: CsvFeed) {
  const { partitions, transactions, users, cards } = config.input;
  if (!isKnown) return { transactions: 0, users: 0, cards: 0 };
  const isKafka = config.kafka.bootstrap !== '';
  // On Kafka offsets have gaps where a commit ends, so that records have to be counted; those of
  // compacted topics tell nothing, and a profile that comes twice changes nothing.
  const payments = isKafka ? recordCountOf : countOf;
  const profiles = isKafka ? () => 0 : countOf;
  return {
    transactions: await payments(log, transactions, partitions),
    users: await profiles(log, users, partitions),
    cards: await profiles(log, cards, partitions),
  };
}

async function recordCountOf(log: FeedLog, topic: string, partitions: number): Promise<number> {
  let count = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const { earliest, highWatermark: to } = await log.offsets({ topic, partition });
    const span = { topic, partition, from: earliest, to };
    for await (const _record of recordsOf(log, span)) count += 1;
  }
  return count;
}

export interface CsvFed extends LoadCounts {
  readonly rejects: number;
}

/** Loads what the log does not hold yet; a load that was cut off goes on where it stopped. */
export async function feedCsv(feed: CsvFeed): Promise<CsvFed> {
  const { log, config, files, rejectsMax, progress, appendRecordsMax, signal } = feed;
  const { partitions, transactions, users, cards } = config.input;
  const skip = await loaded(feed);
  const rejects = await RejectsFile.create(feed.rejectsFile);
  try {
    const counts = await loadCsv({
      log,
      files,
      partitions,
      topics: { transactions, users, cards },
      spillDir: join(config.dataDir, 'sort'),
      clock,
      rejects,
      rejectsMax,
      progress: progress.update,
      appendRecordsMax,
      skip,
      signal,
    });
    return { ...counts, rejects: rejects.count };
  } finally {
    await rejects.close();
  }
}
