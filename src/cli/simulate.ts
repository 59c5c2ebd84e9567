/** `shrike simulate`: payments nobody made, as raw files or into the log. */
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import { ProgressLine } from '../ingest/progress.ts';
import { writeRawFiles } from '../simulator/raw-files.ts';
import { withAnyAccess } from './access.ts';
import { configOf, print, printJson } from './common.ts';
import { openFeed } from './feed-access.ts';
import { feedSimulated, simulatedWorld } from './feeds.ts';
import type { CommonOptions } from './options.ts';
import { fraudRateOf, rateOf } from './simulate-options.ts';
import { claimSource, type Source } from './source-marker.ts';

export interface SimulateOptions extends CommonOptions {
  readonly out?: string;
  readonly days: number;
  readonly population: number;
  readonly fraudRate: string;
  readonly seed: number;
  readonly rate?: string;
  readonly payments?: number;
  readonly historyDays: number;
  readonly json?: boolean;
}

type Simulated = Extract<Source, { kind: 'simulate' }>;

export async function simulate(options: SimulateOptions): Promise<void> {
  const { config } = configOf(options);
  const fraudRate = fraudRateOf(options.fraudRate);
  const { seed, population: users } = options;
  const source: Simulated = { kind: 'simulate', seed, users, fraudRate };
  if (options.out === undefined) return toLog(config, source, options);
  if (options.rate !== undefined || options.payments !== undefined) {
    throw new ShrikeError('USAGE', '--rate and --payments are for the log; --out goes with --days');
  }
  await toFiles(options.out, source, options);
}

async function toFiles(outDir: string, source: Simulated, options: SimulateOptions): Promise<void> {
  const line = new ProgressLine({ clock, stream: process.stderr });
  const { days } = options;
  const report = await writeRawFiles({
    world: simulatedWorld(source),
    days,
    outDir,
    progress: (done) =>
      line.update({ stage: 'simulating', rows: done.payments, done: done.days, total: days }),
  });
  line.finish();
  if (options.json === true) return printJson(report);
  const { payments, frauds, users, cards } = report;
  print(`${payments} payments (${frauds} frauds), ${users} users, ${cards} cards: ${outDir}`);
}

async function toLog(config: Config, source: Simulated, options: SimulateOptions): Promise<void> {
  const { rate = '500', payments } = options;
  const ratePerSecond = rateOf(rate);
  await withAnyAccess(config, async (access, signal) => {
    // On Kafka there may be no data folder, and others feed the topic as well.
    if (config.kafka.bootstrap === '') claimSource(config, source);
    const feed = await openFeed(access, config, signal);
    const made = await feedSimulated({
      ...feed,
      world: simulatedWorld(source),
      ratePerSecond,
      historyDays: options.historyDays,
      ...(payments !== undefined && { payments }),
      signal,
    });
    if (options.json === true) printJson({ payments: made });
    else print(`${made} payments in the log`);
  });
}
