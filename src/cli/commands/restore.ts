import type { Command } from 'commander';
import { withCommonOptions } from '../options.ts';
import type { RestoreOptions } from '../restore.ts';

const EXAMPLES = `
An engine restores by itself when it starts; this tells from what, and how long the replay would be,
and touches nothing. The hashes of the checkpoint's objects are verified.

Examples:
  shrike restore --dry-run
  shrike restore --dry-run --without-local        as on a new machine: from checkpoints alone
`;

export function addRestore(program: Command): void {
  withCommonOptions(program.command('restore'))
    .description('tell what a restart would restore each partition from')
    .option('--dry-run', 'required: restoring itself is what `shrike run` does at its start')
    .option('--without-local', 'as if the local state were lost')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: RestoreOptions) => (await import('../restore.ts')).rehearse(options));
}
