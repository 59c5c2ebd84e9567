import type { Command } from 'commander';
import type { DeadLetterOptions } from '../dead-letters.ts';
import { wholeNumber, withCommonOptions } from '../options.ts';

const LIST_EXAMPLES = `
Topic, partition and offset say where the record lies that could not be used.

Examples:
  shrike dlq list
  shrike dlq list --code RECORD_NOT_JSON --json | jq -r .value_base64 | base64 -d
`;
const REDRIVE_EXAMPLES = `
Appends the original bytes to their topic and partition again. The dead letters stay: doing it twice
appends twice, and what is still wrong comes back as a new dead letter. Of a record that was too
large for a letter, which then has its beginning only, the bytes are read from its topic.

Examples:
  shrike dlq redrive --dry-run
  shrike dlq redrive --code RECORD_FIELD_INVALID
  shrike dlq redrive --partition 4 --offset 1207
`;

export function addDeadLetters(program: Command): void {
  const group = program
    .command('dlq')
    .description('list dead letters, and send them again')
    .addHelpText('after', LIST_EXAMPLES + REDRIVE_EXAMPLES);
  const command = (name: string) =>
    withCommonOptions(group.command(name))
      .option('--code <code>', 'only those with this error code')
      .option('--partition <n>', 'only this partition', wholeNumber('--partition', 0))
      .option('--offset <n>', 'only the record at this offset', wholeNumber('--offset', 0));
  command('list')
    .description('list records that could not be used, and why')
    .option('--json', 'the dead letters as they stand in the topic, one a line')
    .addHelpText('after', LIST_EXAMPLES)
    .action(async (options: DeadLetterOptions) =>
      (await import('../dead-letters.ts')).list(options),
    );
  command('redrive')
    .description('append the original records again')
    .option('--dry-run', 'only tell which')
    .option('--json', 'the count as JSON')
    .addHelpText('after', REDRIVE_EXAMPLES)
    .action(async (options: DeadLetterOptions) =>
      (await import('../dead-letters.ts')).redrive(options),
    );
}
