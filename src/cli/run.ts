/** `shrike run`: the engine, with a source of payments on this machine or just the log. */
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { withBudgets } from '../budgets.ts';
import { systemClock as clock } from '../core/clock.ts';
import { ShrikeError } from '../core/errors.ts';
import type { MemoryPlan } from '../core/memory-plan.ts';
import { makeFolder } from '../data-folder.ts';
import type { Engine } from '../engine.ts';
import { exportOutputs } from '../ingest/export.ts';
import { checkHeaders } from '../ingest/load.ts';
import { ProgressLine } from '../ingest/progress.ts';
import { writeError } from '../ingest/text-file.ts';
import { outputNames } from '../job.ts';
import { startEngine } from '../start-engine.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { TROUBLE_QUIET_MS, tellingTroublesOnce } from '../telemetry/troubles.ts';
import { configOf, print } from './common.ts';
import {
  type FeedLog,
  feedCsv,
  feedSimulated,
  paymentCountOf,
  prepareSimulated,
  type SimulateFeed,
  simulatedWorld,
} from './feeds.ts';
import type { CommonOptions } from './options.ts';
import { patientAppend } from './patient-append.ts';
import { RunSummary } from './run-summary.ts';
import { fraudRateOf, rateOf } from './simulate-options.ts';
import { claimSource, csvSource, type Source } from './source-marker.ts';
import { StatusWriter, statusLine } from './status-line.ts';

/** EX_SOFTWARE of sysexits.h: whatever restarts services restarts this. */
const EXIT_STUCK = 70;
/** 128 + SIGINT, as a shell has it. */
const EXIT_INTERRUPTED = 130;

export interface RunOptions extends CommonOptions {
  readonly source: 'simulate' | 'csv' | 'log';
  readonly rate: string;
  readonly population: number;
  readonly fraudRate: string;
  readonly seed: number;
  readonly payments?: number;
  readonly historyDays: number;
  readonly transactions?: string;
  readonly users?: string;
  readonly cards?: string;
  readonly rejectsMax?: number;
  readonly untilEnd?: boolean;
  readonly out?: string;
  readonly features?: 'csv' | 'parquet' | true;
  readonly port?: string;
  readonly model?: string;
  readonly listen: boolean;
  readonly json?: boolean;
}

export async function runEngine(options: RunOptions): Promise<void> {
  const features = featuresFormat(options);
  const loaded = configOf(options, {
    model: options.model,
    'api.port': options.port,
    ...(features !== undefined && { 'outputs.features': true }),
    ...(options.json !== true && { 'logging.pretty': true, 'logging.level': 'warn' }),
  });
  const { config, plan } = withBudgets(loaded);
  const startedMs = clock.nowMs() - performance.now();
  const source = sourceOf(options);
  if (source?.kind === 'csv') await checkHeaders(csvFiles(options));
  if (options.out !== undefined) makeOutFolder(options.out);
  const stop = new AbortController();
  const line = new StatusWriter(process.stderr);
  const logger = tellingTroublesOnce(
    createLogger({ ...config.logging, beforeLine: () => line.clear() }),
    { clock, quietMs: TROUBLE_QUIET_MS, signal: stop.signal },
  );
  onSignal(() => stop.abort());
  if (plan !== undefined) tellHeap(logger, plan);
  const engine = await startEngine({
    config,
    logger,
    listen: options.listen,
    onStuck: () => process.exit(EXIT_STUCK),
    prepare: (fed) => prepare(fed, { options, source, logger, stop: stop.signal }),
  });
  const summary = new RunSummary(startedMs);
  engine.onStatus(summary.sample);
  let failure: unknown;
  try {
    if (engine.address !== undefined && options.json !== true) {
      process.stderr.write(`Shrike is at ${engine.address}\n`);
    }
    if (options.json !== true) engine.onStatus((status) => line.show(statusLine(status)));
    const fed = feed(engine, { options, source, logger, stop: stop.signal });
    if (options.untilEnd === true) {
      await fed;
      await drained(engine, stop.signal);
      if (options.json === true) {
        print(JSON.stringify(summary.of(engine.status(), engine.scorerStats)));
      }
      line.end();
      // What was asked for is not there: a script must not take it for done.
      if (stop.signal.aborted) process.exitCode = EXIT_INTERRUPTED;
      else await writeOutputs(engine, options, features);
    } else {
      await Promise.race([Promise.all([fed, aborted(stop.signal)]), unreadable(engine)]);
    }
  } catch (error) {
    // Asked to stop, a load ends where it is; the next start goes on from there.
    if (!stop.signal.aborted) failure = error;
  }
  stop.abort();
  line.end();
  await engine.stop().catch((error: unknown) => {
    failure ??= error;
  });
  if (failure !== undefined) throw failure;
}

/** Nothing bounds the main thread's heap any more once the process runs. */
function tellHeap(logger: Logger, { budgets, nodeOptions, limitBytes }: MemoryPlan): void {
  const wanted = budgets['memory.mainHeapBytes'];
  const heapLimitBytes = getHeapStatistics().heap_size_limit;
  // What it takes beside the old generation is less than as much again.
  const isBound = heapLimitBytes <= 2 * wanted;
  const facts = { limitBytes, heapLimitBytes, nodeOptions: nodeOptions.join(' ') };
  const event = isBound
    ? 'memory is planned'
    : 'memory is planned, but not that of the main thread';
  logger.event(isBound ? 'info' : 'warn', event, facts);
}

/**
 * Rejects when a partition's state is another release's. As long as this process stayed, the group
 * would leave the partition with it.
 */
function unreadable(engine: Engine): Promise<never> {
  return new Promise((_resolve, reject) => {
    engine.onStatus(({ partitions }) => {
      for (const { failure } of partitions) {
        if (failure?.code !== 'STATE_SCHEMA_UNKNOWN') continue;
        reject(new ShrikeError(failure.code, failure.reason));
      }
    });
  });
}

/** Before hours of work, not after them. */
function makeOutFolder(out: string): void {
  try {
    makeFolder(out);
  } catch (cause) {
    throw writeError(out, cause);
  }
}

function featuresFormat({ features, out }: RunOptions): 'csv' | 'parquet' | undefined {
  if (features === undefined) return undefined;
  if (out === undefined) throw new ShrikeError('USAGE', '--features goes with --out DIR');
  if (features === true) return 'csv';
  if (features === 'csv' || features === 'parquet') return features;
  throw new ShrikeError('USAGE', `--features is csv or parquet, not ${JSON.stringify(features)}`);
}

function sourceOf(options: RunOptions): Source | undefined {
  if (options.out !== undefined && options.untilEnd !== true) {
    throw new ShrikeError('USAGE', '--out goes with --until-end');
  }
  switch (options.source) {
    case 'log':
      return undefined;
    case 'simulate': {
      rateOf(options.rate);
      const fraudRate = fraudRateOf(options.fraudRate);
      return { kind: 'simulate', seed: options.seed, users: options.population, fraudRate };
    }
    case 'csv': {
      const { transactions, users, cards } = csvFiles(options);
      return csvSource([transactions, users, cards]);
    }
  }
}

function csvFiles({ transactions, users, cards }: RunOptions) {
  if (transactions === undefined || users === undefined || cards === undefined) {
    throw new ShrikeError('USAGE', '--source csv wants --transactions, --users and --cards');
  }
  return { transactions, users, cards };
}

interface Feeding {
  readonly options: RunOptions;
  readonly source: Source | undefined;
  readonly logger: Logger;
  readonly stop: AbortSignal;
}

/** What a feed appends to: an engine, or what will be one. */
type Fed = Pick<Engine, 'log' | 'config'>;

/** A past, before the first payment: scoring it is a backlog, and no peak of live traffic. */
async function prepare(fed: Fed, feeding: Feeding): Promise<void> {
  const { source } = feeding;
  if (source?.kind !== 'simulate') return;
  claimSource(fed.config, source, await paymentCountOf(fed));
  await prepareSimulated(simulateFeed(fed, { ...feeding, source }));
}

type Simulating = Feeding & { readonly source: Extract<Source, { kind: 'simulate' }> };

function simulateFeed(fed: Fed, { options, source, logger, stop }: Simulating): SimulateFeed {
  const { payments } = options;
  return {
    log: feedLog(fed, { logger, stop }),
    config: fed.config,
    world: simulatedWorld(source),
    ratePerSecond: rateOf(options.rate),
    historyDays: options.historyDays,
    ...(payments !== undefined && { payments }),
    signal: stop,
  };
}

function feedLog({ log }: Fed, { logger, stop }: Pick<Feeding, 'logger' | 'stop'>): FeedLog {
  return {
    offsets: (of) => log.offsets(of),
    read: (request) => log.read(request),
    append: patientAppend({ log, logger, clock, signal: stop, leavesAtStop: true }),
  };
}

async function feed(engine: Engine, feeding: Feeding): Promise<void> {
  const { options, source, stop } = feeding;
  if (source === undefined) return;
  if (source.kind === 'simulate') {
    await feedSimulated(simulateFeed(engine, { ...feeding, source }));
    return;
  }
  const { config } = engine;
  const isKnown = claimSource(config, source, await paymentCountOf(engine));
  const progress = new ProgressLine({ clock, stream: process.stderr });
  const rejectsFile = join(options.out ?? config.dataDir, 'rejects.csv');
  const fed = await feedCsv({
    log: feedLog(engine, feeding),
    config,
    files: csvFiles(options),
    isKnown,
    rejectsFile,
    ...(options.rejectsMax !== undefined && { rejectsMax: options.rejectsMax }),
    progress,
    signal: stop,
  });
  progress.finish();
  const rows = fed.rejects === 1 ? '1 row' : `${fed.rejects} rows`;
  const left = fed.rejects > 0 ? `, ${rows} left out: ${rejectsFile}` : '';
  print(`${fed.transactions} payments, ${fed.users} users, ${fed.cards} cards in the log${left}`);
}

/**
 * Resolves when everything in the log is committed. Problems that stop no payment (checkpoints that
 * are late, a topic to look at) do not stop this either.
 */
async function drained(engine: Engine, stop: AbortSignal): Promise<void> {
  for (;;) {
    const { partitions, rekey } = await engine.measure();
    const failed = partitions.flatMap(({ failure }) => failure ?? []);
    if (failed[0] !== undefined) {
      const { code, reason } = failed[0];
      const others = failed.length > 1 ? ` (and ${failed.length - 1} more partitions)` : '';
      throw new ShrikeError(code, `${reason}${others}`);
    }
    const { live, problems } = engine.health();
    if (!live) throw new ShrikeError('PARTITION_STUCK', problems.join('; '));
    // The workers' own counts, which the summary is made of: they follow the log within a second.
    const isDone =
      (rekey?.lagRecords ?? 0) === 0 &&
      partitions.length === engine.config.input.partitions &&
      partitions.every(({ committedOffset, highWatermark }) => committedOffset >= highWatermark);
    if (isDone || stop.aborted) return;
    await clock.sleep(100, stop);
  }
}

async function writeOutputs(
  engine: Engine,
  { out }: RunOptions,
  features: 'csv' | 'parquet' | undefined,
): Promise<void> {
  if (out === undefined) return;
  const progress = new ProgressLine({ clock, stream: process.stderr });
  const files = await exportOutputs({
    log: engine.log,
    outDir: out,
    topics: outputNames(engine.config),
    features,
    featureNames: engine.featureNames,
    progress: progress.update,
  });
  progress.finish();
  for (const { file, records } of files) print(`${file}  ${records} records`);
}

/** The first signal asks for a clean end, the second one does not wait for it. */
function onSignal(stop: () => void): void {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(EXIT_INTERRUPTED);
      asked = true;
      stop();
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
