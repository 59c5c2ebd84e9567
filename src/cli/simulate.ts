/** `shrike simulate`: payments nobody made, as raw files or into the log. */
import type { Command } from 'commander';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import { ProgressLine } from '../ingest/progress.ts';
import { topicsOf } from '../job.ts';
import { writeRawFiles } from '../simulator/raw-files.ts';
import { withAnyAccess } from './access.ts';
import type { Access } from './access-contract.ts';
import {
  type CommonOptions,
  configOf,
  print,
  printJson,
  wholeNumber,
  withCommonOptions,
} from './common.ts';
import { type FeedLog, feedSimulated, simulatedWorld } from './feeds.ts';
import { FolderAccess } from './folder-access.ts';
import { partitionsOf } from './log-records.ts';
import { fraudRateOf, rateOf } from './simulate-options.ts';
import { claimSource, type Source } from './source-marker.ts';

interface Options extends CommonOptions {
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

const EXAMPLES = `
With --out, files in the raw Kaggle format. Without, payments go into the log of the data folder,
through a running engine when there is one, from where the payments in there end. Not beside
\`shrike run --source simulate\`, which makes the same ones.

Examples:
  shrike simulate --out raw --days 30 --population 500 --seed 7
  shrike simulate --rate 1000                     into the log, until Ctrl-C
  shrike simulate --rate max --payments 100000    into the log, as fast as it takes them
`;

export function addSimulate(program: Command): void {
  const count = (name: string, min: number) => wholeNumber(name, min);
  withCommonOptions(program.command('simulate'))
    .description('make payments: raw files, or records of the log')
    .option('--out <dir>', 'write the three raw files there')
    .option('--days <n>', 'with --out: days of event time', count('--days', 1), 30)
    .option('--rate <n|max>', 'into the log: payments a second (default 500)')
    .option('--payments <n>', 'into the log: how many', count('--payments', 1))
    .option('--history-days <n>', 'a new log begins with so many', count('--history-days', 0), 0)
    .option('--population <n>', 'how many users', count('--population', 1), 2000)
    .option('--fraud-rate <share>', 'share of fraudulent payments', '0.004')
    .option('--seed <n>', 'the same seed makes the same payments', count('--seed', 0), 1)
    .option('--json', 'counts as JSON')
    .addHelpText('after', EXAMPLES)
    .action(simulate);
}

async function simulate(options: Options): Promise<void> {
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

async function toFiles(outDir: string, source: Simulated, options: Options): Promise<void> {
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

async function toLog(config: Config, source: Simulated, options: Options): Promise<void> {
  const { rate = '500', payments } = options;
  const ratePerSecond = rateOf(rate);
  await withAnyAccess(config, async (access, signal) => {
    claimSource(config.dataDir, source);
    const log = await feedLog(access, config);
    const partitions = await partitionsOf(log, config.input.transactions);
    const made = await feedSimulated({
      log,
      config: { ...config, input: { ...config.input, partitions } },
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

async function feedLog(
  access: Access,
  config: Config,
): Promise<FeedLog & { topics: Access['topics'] }> {
  if (access instanceof FolderAccess) await access.log.ensureTopics(topicsOf(config));
  const reader = await access.reader();
  return {
    topics: () => access.topics(),
    offsets: (of) => reader.offsets(of),
    read: (request) => reader.read(request),
    append: async (appends) => {
      await access.append(appends);
      return [];
    },
  };
}
