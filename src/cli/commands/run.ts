import { type Command, Option } from 'commander';
import { wholeNumber, withCommonOptions } from '../options.ts';
import type { RunOptions } from '../run.ts';
import { DEMO } from '../simulate-options.ts';

const EXAMPLES = `
Examples:
  shrike run --source simulate                      live simulated payments, page on the printed address
  shrike run --source simulate --rate 5000          five thousand payments a second
  shrike run --source csv --transactions t.csv --users u.csv --cards c.csv \\
             --until-end --out results --features parquet
  shrike run                                        no source: score what others put into the log
`;

export function addRun(program: Command): void {
  withCommonOptions(program.command('run'))
    .description('run the engine: score payments, publish alerts, keep checkpoints')
    .addOption(
      new Option('--source <kind>', 'where payments come from')
        .choices(['simulate', 'csv', 'log'])
        .default('log'),
    )
    .option('--rate <n|max>', 'simulate: payments a second', '500')
    .option(
      '--population <n>',
      'simulate: how many users',
      wholeNumber('--population', 1),
      DEMO.users,
    )
    .option('--fraud-rate <share>', 'simulate: share of fraudulent payments', `${DEMO.fraudRate}`)
    .option(
      '--seed <n>',
      'simulate: the same seed makes the same payments',
      wholeNumber('--seed', 0),
      1,
    )
    .option(
      '--history-days <n>',
      'simulate: days of payments that a new log begins with, as fast as they go',
      wholeNumber('--history-days', 0),
      0,
    )
    .option(
      '--payments <n>',
      'simulate: stop producing after so many',
      wholeNumber('--payments', 1),
    )
    .option('--transactions <file>', 'csv: payments in the raw Kaggle format (.csv or .csv.gz)')
    .option('--users <file>', 'csv: users')
    .option('--cards <file>', 'csv: cards')
    .option('--rejects-max <n>', 'csv: rows that may be left out', wholeNumber('--rejects-max', 0))
    .option('--until-end', 'stop when everything that the source gave is scored')
    .option('--out <dir>', 'with --until-end: write scored.jsonl and fraud_alerts.jsonl there')
    .option('--features [csv|parquet]', "with --out: write every payment's features too")
    .option('--model <dir>', 'model bundle (default: the one that comes with Shrike)')
    .option('--port <n>', 'port of the page and the API; 0 picks a free one')
    .option('--no-listen', 'no page, no API')
    .option('--json', 'log lines as JSON, no status line')
    .addHelpText('after', EXAMPLES)
    .action(async (options: RunOptions) => (await import('../run.ts')).runEngine(options));
}
