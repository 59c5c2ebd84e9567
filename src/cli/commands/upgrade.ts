import type { Command } from 'commander';
import { withCommonOptions } from '../options.ts';
import type { UpgradeOptions } from '../upgrade.ts';

const EXAMPLES = `
A new release writes state as the one before reads it, so that one can be put back. When it shall
not be any more, finalise, with the new release: processes write the new form from their next start
on, and older releases start no more. docs/operations.md has the whole way.

Examples:
  shrike upgrade status
  shrike upgrade finalise
`;

export function addUpgrade(program: Command): void {
  const group = program
    .command('upgrade')
    .description('the level that state is written at, and the next one')
    .addHelpText('after', EXAMPLES);
  const command = (name: string) =>
    withCommonOptions(group.command(name)).option('--json', 'as JSON');
  command('status')
    .description('tell the level in force, and that of this program')
    .addHelpText('after', EXAMPLES)
    .action(async (options: UpgradeOptions) => (await import('../upgrade.ts')).status(options));
  command('finalise')
    .description("bring the application to this program's level: there is no way back")
    .addHelpText('after', EXAMPLES)
    .action(async (options: UpgradeOptions) => (await import('../upgrade.ts')).finalise(options));
}
