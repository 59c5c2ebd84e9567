import type { Command } from 'commander';
import { wholeNumber, withCommonOptions } from '../options.ts';
import type { PlanOptions } from '../plan.ts';

const EXAMPLES = `
What the configuration sets is taken as it is; everything else shares what is left of the limit.

Examples:
  shrike plan --memory 2Gi --cores 2              where two GiB go
  shrike plan --memory 2Gi --users 1000000        how much of a million users stays in memory
  shrike plan --memory 1Gi --set kafka.bootstrap=broker:9092 --json
  node $(shrike plan --node-options) …            the main thread's heap, as the image's entry has it
`;

export function addPlan(program: Command): void {
  withCommonOptions(program.command('plan'))
    .description('show how a process shares out its memory, and the settings of each part')
    .option('--memory <size>', 'memory limit: 2Gi, 1500Mi, bytes (default: of this container)')
    .option('--cores <n>', 'cores: 2, 500m (default: what this process may use)')
    .option('--users <n>', 'users with profiles and state')
    .option('--partitions <n>', 'partitions of the input', wholeNumber('--partitions', 1))
    .option('--node-options', 'only what Node.js has to be started with; nothing without a limit')
    .option('--json', 'as JSON')
    // With --node-options it is given what `run` is given, of which it takes what concerns it.
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', EXAMPLES)
    .action(async (options: PlanOptions, { args }: Command) =>
      (await import('../plan.ts')).showPlan(options, args),
    );
}
