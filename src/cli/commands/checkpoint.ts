import type { Command } from 'commander';
import type { CheckpointOptions, CreateOptions } from '../checkpoint.ts';
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
Retention keeps a savepoint until somebody deletes its manifest. Needs a running engine.

Examples:
  shrike checkpoint create --name before-upgrade
`;

export function addCheckpoint(program: Command): void {
  const group = program
    .command('checkpoint')
    .description('list, verify and create checkpoints')
    .addHelpText('after', LIST_EXAMPLES + VERIFY_EXAMPLES + CREATE_EXAMPLES);
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
}
