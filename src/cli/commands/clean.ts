import type { Command } from 'commander';
import type { CleanOptions } from '../clean.ts';
import { wholeNumber, withCommonOptions } from '../options.ts';

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
    .action(async (options: CleanOptions) => (await import('../clean.ts')).clean(options));
}
