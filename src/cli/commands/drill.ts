import type { Command } from 'commander';
import type { DrillRestoreOptions } from '../drill-restore.ts';
import { wholeNumber, withCommonOptions } from '../options.ts';

const RESTORE_EXAMPLES = `
Restores checkpoints into a scratch folder, replays the log to where the state of the running engine
is known, and compares the two. The engine goes on. Without one, the newest checkpoint is what it
compares with. The report goes to the object store, its figures to the metrics. Ends with exit code
0 only if every partition is equal.

Examples:
  shrike drill restore                            every partition, newest checkpoint
  shrike drill restore --checkpoint previous      as if the newest one were damaged
  shrike drill restore --partition 3 --checkpoint before-upgrade
`;

export function addDrill(program: Command): void {
  const group = program
    .command('drill')
    .description('rehearse a restore, and report how long it took and whether it was right')
    .addHelpText('after', RESTORE_EXAMPLES);
  withCommonOptions(group.command('restore'))
    .description('restore beside the running engine, and compare the state')
    .option('--partition <n>', 'only this partition', wholeNumber('--partition', 0))
    .option('--checkpoint <which>', 'newest, previous, its number, or a savepoint', 'newest')
    .option('--scratch <dir>', 'where to restore to (default: drill/ of the data folder)')
    .option('--json', 'the report as JSON')
    .addHelpText('after', RESTORE_EXAMPLES)
    .action(async (options: DrillRestoreOptions) =>
      (await import('../drill-restore.ts')).drillRestore(options),
    );
}
