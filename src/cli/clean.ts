/** `shrike clean`: raw files in, clean files out, card numbers masked. */
import type { Command } from 'commander';
import { systemClock as clock } from '../core/clock.ts';
import { cleanFiles } from '../ingest/clean-files.ts';
import { ProgressLine } from '../ingest/progress.ts';
import { untilSignal } from './access.ts';
import {
  type CommonOptions,
  configOf,
  print,
  printJson,
  wholeNumber,
  withCommonOptions,
} from './common.ts';
import { panKey } from './pan-key.ts';

interface Options extends CommonOptions {
  readonly transactions: string;
  readonly users: string;
  readonly cards: string;
  readonly out: string;
  readonly unsafeKeepPan?: boolean;
  readonly rejectsMax?: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Card numbers come out as their last four digits and a keyed hash, CVVs not at all. The key is
SHRIKE_PAN_KEY, or pan.key of the data folder, which is made at the first use.

Examples:
  shrike clean --transactions t.csv.gz --users u.csv --cards c.csv --out clean
  SHRIKE_PAN_KEY=$(cat key) shrike clean --transactions t.csv --users u.csv --cards c.csv --out clean
`;

export function addClean(program: Command): void {
  withCommonOptions(program.command('clean'))
    .description('clean raw files: payments in event-time order, users, cards, rejects')
    .requiredOption('--transactions <file>', 'payments in the raw Kaggle format (.csv or .csv.gz)')
    .requiredOption('--users <file>', 'users')
    .requiredOption('--cards <file>', 'cards')
    .requiredOption('--out <dir>', 'gets transactions.csv, users.csv, cards.csv and rejects.csv')
    .option('--rejects-max <n>', 'rows that may be left out', wholeNumber('--rejects-max', 0))
    .option('--unsafe-keep-pan', 'leave card numbers and CVVs as they are: synthetic data only')
    .option('--json', 'counts as JSON')
    .addHelpText('after', EXAMPLES)
    .action(clean);
}

async function clean(options: Options): Promise<void> {
  const { config } = configOf(options);
  const { transactions, users, cards, out } = options;
  const keepPan = options.unsafeKeepPan === true;
  const progress = new ProgressLine({ clock, stream: process.stderr });
  const counts = await cleanFiles({
    files: { transactions, users, cards },
    outDir: out,
    keepPan,
    panKey: keepPan ? Buffer.alloc(0) : panKey(config.dataDir, process.env),
    rejectsMax: options.rejectsMax,
    progress: progress.update,
    signal: untilSignal(),
  });
  progress.finish();
  if (options.json === true) return printJson(counts);
  print(
    `${counts.transactions} payments, ${counts.users} users, ${counts.cards} cards, ` +
      `${counts.rejects} rows left out: ${out}`,
  );
}
