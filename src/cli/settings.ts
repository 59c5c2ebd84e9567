/** `shrike config`: what is in force, and from where. */
import type { Command } from 'commander';
import { describeConfig } from '../config/reference.ts';
import {
  type CommonOptions,
  configOf,
  print,
  printJson,
  table,
  withCommonOptions,
} from './common.ts';

interface Options extends CommonOptions {
  readonly json?: boolean;
}

const EXAMPLES = `
Flags win over SHRIKE_… variables, these over the file, that over defaults; docs/configuration.md
lists all keys.

Examples:
  shrike config
  SHRIKE_WORKERS=2 shrike config --set checkpoints.intervalMs=5000
  shrike config --json | jq '.[] | select(.source != "default")'
`;

export function addConfig(program: Command): void {
  withCommonOptions(program.command('config'))
    .description('print the configuration in force, and where each value comes from')
    .option('--json', 'as JSON, with descriptions')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => {
      const { config, sources } = configOf(options);
      const settings = describeConfig(config, sources);
      if (options.json === true) return printJson(settings);
      const rows = settings.map(({ key, value, source }) => [key, JSON.stringify(value), source]);
      print(table([['key', 'value', 'from'], ...rows]));
    });
}
