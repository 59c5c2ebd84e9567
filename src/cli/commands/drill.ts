import type { Command } from 'commander';
import type { DrillFailoverOptions } from '../drill-failover.ts';
import type { DrillListOptions } from '../drill-list.ts';
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

const FAILOVER_EXAMPLES = `
Starts one more member of the running group, waits until it owns partitions and commits, kills it
with SIGKILL, and measures the time until other members have published new outputs of those
partitions, and until they have caught up. Needs Kafka, a bucket, another member and payments that
come. With --replace a new process of the same name takes over, as a supervisor would start it.

Examples:
  shrike drill failover                           others take over, after the session's timeout
  shrike drill failover --replace                 a restart of the same member, on an empty disk
`;

const LIST_EXAMPLES = `
Reports lie in the object store beside the checkpoints; checkpoints.keepDrills of them are kept.

Examples:
  shrike drill list --count 10
  shrike drill list --json | jq -r '.[] | select(.verdict == "different") | .key'
`;

export function addDrill(program: Command): void {
  const group = program
    .command('drill')
    .description('rehearse a restore or a failover, and report how long it took and how it went')
    .addHelpText('after', RESTORE_EXAMPLES + FAILOVER_EXAMPLES + LIST_EXAMPLES);
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
  withCommonOptions(group.command('failover'))
    .description('kill a member of the group that was started for it, and see others take over')
    .option('--replace', 'start a new process with the name of the killed one')
    .option(
      '--wait-seconds <n>',
      'how long each step may take',
      wholeNumber('--wait-seconds', 1),
      120,
    )
    .option('--scratch <dir>', 'for its member (default: drill/ of the data folder)')
    .option('--json', 'the report as JSON')
    .addHelpText('after', FAILOVER_EXAMPLES)
    .action(async (options: DrillFailoverOptions) =>
      (await import('../drill-failover.ts')).drillFailover(options),
    );
  withCommonOptions(group.command('list'))
    .description('list reports of drills, newest first')
    .option('--count <n>', 'only the newest', wholeNumber('--count', 1))
    .option('--json', 'as JSON')
    .addHelpText('after', LIST_EXAMPLES)
    .action(async (options: DrillListOptions) =>
      (await import('../drill-list.ts')).drillList(options),
    );
}
