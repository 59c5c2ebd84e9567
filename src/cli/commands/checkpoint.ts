import type { Command } from 'commander';
import type {
  CheckpointOptions,
  CopyOptions,
  CreateOptions,
  DeleteOptions,
} from '../checkpoint.ts';
import { wholeNumber, withCommonOptions } from '../options.ts';

const LIST_EXAMPLES = `
Examples:
  shrike checkpoint list
  shrike checkpoint list --partition 3 --json | jq '.[0].nextOffset'
`;
const VERIFY_EXAMPLES = `
Reads every object, compares its hash, and digests the state that a restore would give. Ends with
exit code 1 when one is damaged. An engine may run meanwhile.

Examples:
  shrike checkpoint verify
  shrike checkpoint verify --partition 3
`;
const CREATE_EXAMPLES = `
Retention keeps a savepoint until it is deleted by hand. Needs a running engine.

Examples:
  shrike checkpoint create --name before-upgrade
`;
const COPY_EXAMPLES = `
Another application then begins with the savepoint, beside this one. Its group's offsets are set to
those that are printed, by Kafka's own tool: docs/operations.md, "Upgrade and rollback".

Examples:
  shrike checkpoint copy --name before-upgrade --to shrike-green
`;
const DELETE_EXAMPLES = `
Deletes the manifest, then the segments that no other checkpoint needs. The newest checkpoint of a
partition stays. An engine may run meanwhile.

Examples:
  shrike checkpoint delete --name before-upgrade
  shrike checkpoint delete --partition 3 --sequence 12
`;

export function addCheckpoint(program: Command): void {
  const group = program
    .command('checkpoint')
    .description('list, verify, create, copy and delete checkpoints')
    .addHelpText(
      'after',
      [LIST_EXAMPLES, VERIFY_EXAMPLES, CREATE_EXAMPLES, COPY_EXAMPLES, DELETE_EXAMPLES].join(''),
    );
  const command = (name: string) =>
    withCommonOptions(group.command(name)).option('--json', 'as JSON');
  const ofPartition = (one: Command) =>
    one.option('--partition <n>', 'only this partition', wholeNumber('--partition', 0));
  ofPartition(command('list'))
    .description('list checkpoints and savepoints, newest first')
    .addHelpText('after', LIST_EXAMPLES)
    .action(async (options: CheckpointOptions) => (await import('../checkpoint.ts')).list(options));
  ofPartition(command('verify'))
    .description('read every checkpoint and tell which ones could not be restored')
    .addHelpText('after', VERIFY_EXAMPLES)
    .action(async (options: CheckpointOptions) =>
      (await import('../checkpoint.ts')).verify(options),
    );
  command('create')
    .description('seal a savepoint: a checkpoint of every partition that retention keeps')
    .requiredOption('--name <name>', 'what the savepoint is for')
    .addHelpText('after', CREATE_EXAMPLES)
    .action(async (options: CreateOptions) => (await import('../checkpoint.ts')).create(options));
  command('copy')
    .description('begin another application with a savepoint')
    .requiredOption('--name <name>', 'the savepoint')
    .requiredOption('--to <application>', 'the other application')
    .addHelpText('after', COPY_EXAMPLES)
    .action(async (options: CopyOptions) => (await import('../checkpoint.ts')).copy(options));
  ofPartition(command('delete'))
    .description('delete one checkpoint, or a savepoint by its name')
    .option('--sequence <n>', 'its number in the partition', wholeNumber('--sequence', 1))
    .option('--name <name>', 'a savepoint, in every partition that has it')
    .addHelpText('after', DELETE_EXAMPLES)
    .action(async (options: DeleteOptions) => (await import('../checkpoint.ts')).remove(options));
}
