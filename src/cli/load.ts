/** `shrike load`: raw files into the log, for engines elsewhere to score. */
import { join } from 'node:path';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { makeFolder } from '../data-folder.ts';
import { checkHeaders } from '../ingest/load.ts';
import { ProgressLine } from '../ingest/progress.ts';
import { withAnyAccess } from './access.ts';
import { configOf, print, printJson } from './common.ts';
import { type Feedable, openFeed } from './feed-access.ts';
import { feedCsv, paymentCountOf } from './feeds.ts';
import type { CommonOptions } from './options.ts';
import { pacedAppend, pacedRecords } from './paced-append.ts';
import { rateOf } from './simulate-options.ts';
import { claimSource, csvSource } from './source-marker.ts';

export interface LoadOptions extends CommonOptions {
  readonly transactions: string;
  readonly users: string;
  readonly cards: string;
  readonly rate: string;
  readonly rejectsMax?: number;
  readonly json?: boolean;
}

export async function load(options: LoadOptions): Promise<void> {
  const { config } = configOf(options);
  const { transactions, users, cards } = options;
  const files = { transactions, users, cards };
  const source = csvSource([transactions, users, cards]);
  const rate = rateOf(options.rate);
  await checkHeaders(files);
  await withAnyAccess(config, async (access, signal) => {
    // What was loaded from here, what was left out, and the sort's temporary file.
    makeFolder(config.dataDir);
    const feed = await openFeed(access, config, signal);
    const isKnown = claimSource(config, source, await paymentCountOf(feed));
    const progress = new ProgressLine({ clock, stream: process.stderr });
    const { rejectsMax } = options;
    const loading = feedCsv({
      ...(rate === 'max' ? feed : paced(feed, rate, signal)),
      files,
      isKnown,
      rejectsFile: rejectsFileOf(config),
      ...(rejectsMax !== undefined && { rejectsMax }),
      progress,
      signal,
    });
    const fed = await unlessStopped(loading, signal).finally(() => progress.finish());
    if (fed === undefined) return print('stopped; the same command goes on from here');
    if (options.json === true) return printJson(fed);
    const left =
      fed.rejects === 0 ? '' : `, ${fed.rejects} rows left out: ${rejectsFileOf(config)}`;
    print(`${fed.transactions} payments, ${fed.users} users, ${fed.cards} cards in the log${left}`);
  });
}

/** Undefined when it was asked to stop before its end. */
async function unlessStopped<T>(loading: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await loading;
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function rejectsFileOf({ dataDir }: Config): string {
  return join(dataDir, 'rejects.csv');
}

function paced({ log, config }: Feedable, ratePerSecond: number, signal: AbortSignal) {
  const { transactions: topic } = config.input;
  const append = pacedAppend({
    append: (appends) => log.append(appends),
    ...{ topic, ratePerSecond, clock, signal },
  });
  return { config, log: { ...log, append }, appendRecordsMax: pacedRecords(ratePerSecond) };
}
