import type { Command } from 'commander';
import type { AlertsOptions } from '../alerts.ts';
import { wholeNumber, withCommonOptions } from '../options.ts';

const EXAMPLES = `
A running engine hands out its newest 200 alerts; without one, and on Kafka, the topic is read.

Examples:
  shrike alerts                       the newest ten, with what stands out in each
  shrike alerts --follow              and each new one as it is committed, until Ctrl-C
  shrike alerts --count 100 --json | jq .score
`;

export function addAlerts(program: Command): void {
  withCommonOptions(program.command('alerts'))
    .description('print alerts in full, oldest first')
    .option('--count <n>', 'how many of the newest', wholeNumber('--count', 0), 10)
    .option('--follow', 'go on with each new alert; needs Kafka or a running engine')
    .option('--json', "the alert's JSON value, one a line")
    .addHelpText('after', EXAMPLES)
    .action(async (options: AlertsOptions) => (await import('../alerts.ts')).showAlerts(options));
}
