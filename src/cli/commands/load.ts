import type { Command } from 'commander';
import type { LoadOptions } from '../load.ts';
import { wholeNumber, withCommonOptions } from '../options.ts';

const EXAMPLES = `
Payments go into the log in event-time order; nothing is scored here. A load that was cut off goes
on where it stopped. The folder remembers what was loaded, and holds rejects.csv.

Examples:
  shrike load --transactions t.csv.gz --users u.csv --cards c.csv --config kafka.json
  shrike load --transactions t.csv --users u.csv --cards c.csv --rate 500   as if they came now
`;

export function addLoad(program: Command): void {
  withCommonOptions(program.command('load'))
    .description('load raw files into the log, for engines elsewhere to score')
    .requiredOption('--transactions <file>', 'payments in the raw Kaggle format (.csv or .csv.gz)')
    .requiredOption('--users <file>', 'users')
    .requiredOption('--cards <file>', 'cards')
    .option('--rate <n|max>', 'payments a second', 'max')
    .option('--rejects-max <n>', 'rows that may be left out', wholeNumber('--rejects-max', 0))
    .option('--json', 'counts as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: LoadOptions) => (await import('../load.ts')).load(options));
}
