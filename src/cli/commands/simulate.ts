import type { Command } from 'commander';
import { wholeNumber, withCommonOptions } from '../options.ts';
import type { SimulateOptions } from '../simulate.ts';
import { DEMO } from '../simulate-options.ts';

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
    .option('--population <n>', 'how many users', count('--population', 1), DEMO.users)
    .option('--fraud-rate <share>', 'share of fraudulent payments', `${DEMO.fraudRate}`)
    .option('--seed <n>', 'the same seed makes the same payments', count('--seed', 0), 1)
    .option('--json', 'counts as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: SimulateOptions) => (await import('../simulate.ts')).simulate(options));
}
