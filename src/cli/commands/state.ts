import type { Command } from 'commander';
import { wholeNumber, withCommonOptions } from '../options.ts';
import type { StateOptions } from '../state.ts';

const EXAMPLES = `
Minutes are event time, since 1970-01-01T00:00. operators/README.md explains each operator's state.

Examples:
  shrike state get --user 12
  shrike state get --user 12 --card 1 --json | jq .state
`;

export function addState(program: Command): void {
  const state = program
    .command('state')
    .description('look into the state of actors')
    .addHelpText('after', EXAMPLES);
  withCommonOptions(state.command('get'))
    .description("print a user's state, decoded")
    .requiredOption('--user <n>', 'user id', wholeNumber('--user', 0))
    .option('--card <n>', 'only this card of the user', wholeNumber('--card', 0))
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: StateOptions) => (await import('../state.ts')).getState(options));
}
