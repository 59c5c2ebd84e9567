import type { Command } from 'commander';
import { withCommonOptions } from '../options.ts';
import type { SettingsOptions } from '../settings.ts';

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
    .action(async (options: SettingsOptions) =>
      (await import('../settings.ts')).showSettings(options),
    );
}
