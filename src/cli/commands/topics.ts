import type { Command } from 'commander';
import { withCommonOptions } from '../options.ts';
import type { TopicsOptions } from '../topics.ts';

const TOPICS_EXAMPLES = `
Examples:
  shrike topics                       every topic with its partitions and records
  shrike topics --json | jq '.[].topic'
`;

const LAG_EXAMPLES = `
Examples:
  shrike lag                          payments that wait, per partition
  shrike lag --json | jq 'map(.lagRecords) | add'
`;

export function addTopics(program: Command): void {
  withCommonOptions(program.command('topics'))
    .description('list the topics of the log')
    .option('--all', 'those of others, too, on Kafka')
    .option('--json', 'as JSON, with the offsets of every partition')
    .addHelpText('after', TOPICS_EXAMPLES)
    .action(async (options: TopicsOptions) => (await import('../topics.ts')).showTopics(options));
}

export function addLag(program: Command): void {
  withCommonOptions(program.command('lag'))
    .description('show how many payments wait to be scored, and since when')
    .option('--json', 'as JSON')
    .addHelpText('after', LAG_EXAMPLES)
    .action(async (options: TopicsOptions) => (await import('../topics.ts')).showLag(options));
}
