import type { Command } from 'commander';
import { ShrikeError } from '../../core/errors.ts';
import type { CompactOptions } from '../lake.ts';
import { withCommonOptions } from '../options.ts';

const EXAMPLES = `
Takes the objects TOPIC-PARTITION-OFFSET.jsonl.gz that Kafka Connect's S3 sink has written, and
deletes each when the Parquet object that has its lines was read back. A run that was cut off is
gone on with by the next one. Endpoint, region and path style are those of the checkpoints' bucket
(s3.…), credentials come from where the AWS SDK looks. src/lake/README.md says how to read the lake
meanwhile.

Examples:
  shrike lake compact --from s3://shrike-archive/alerts/ --dry-run
  shrike lake compact --from s3://shrike-archive/alerts/ --older-than 48h --json
  shrike lake compact --from ./alerts
`;

const UNIT_MS = { h: 3_600_000, d: 86_400_000 } as const;
const AGE = /^([1-9]\d{0,4})([hd])$/;

/** @returns milliseconds; an hour at least, for clocks that differ (`src/lake/README.md`, A1) */
function age(text: string): number {
  const [, count, unit] = AGE.exec(text) ?? [];
  if (unit === 'h' || unit === 'd') return Number(count) * UNIT_MS[unit];
  const message = `--older-than wants hours or days from 1h, as 24h, not ${JSON.stringify(text)}`;
  throw new ShrikeError('USAGE', message);
}

export function addLake(program: Command): void {
  const group = program
    .command('lake')
    .description("what Kafka Connect's S3 sink has written")
    .addHelpText('after', EXAMPLES);
  withCommonOptions(group.command('compact'))
    .description('make few Parquet objects of many small ones')
    .requiredOption('--from <place>', 's3://BUCKET/PREFIX/, or a folder')
    .option(
      '--older-than <age>',
      'objects of days (UTC) that have been over for so long, as 36h or 2d (default 24h)',
      age,
    )
    .option('--dry-run', 'only tell what would be done')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: CompactOptions) => (await import('../lake.ts')).compact(options));
}
