import { type Command, Option } from 'commander';
import { wholeNumber, withCommonOptions } from '../options.ts';
import type { DownOptions, UpOptions } from '../servers.ts';

const UP_EXAMPLES = `
From a clone, on Linux. Kafka needs Java 17 or later, and Maven once; MinIO is built once, with Go.
All listen on 127.0.0.1 alone; their data lies in the data folder, in servers/. --all runs the
services of deploy/compose without containers: two engines, a simulator, a consumer of alerts, a
Prometheus (Debian 12) and a schema registry (Java 21) where this machine can have them.

Examples:
  shrike up                                       Kafka on port 9092, MinIO on port 9000
  shrike up --nodes 3                             three brokers: ports 9092, 9102, 9112
  shrike up --all --history-days 1                and two engines that score simulated payments
  shrike run --source simulate --config .data/servers/shrike.servers.json
`;

const DOWN_EXAMPLES = `
Examples:
  shrike down                                     what they stored stays
  shrike down --delete                            and the next \`shrike up\` begins with nothing
`;

export function addServers(program: Command): void {
  withCommonOptions(program.command('up'))
    .description('start a Kafka and a MinIO on this machine, for trying things, or the whole')
    .addOption(new Option('--nodes <n>', 'Kafka brokers').choices(['1', '3']))
    .option('--kafka-port <n>', "the first broker's port", wholeNumber('--kafka-port', 1))
    .option('--minio-port <n>', 'port of MinIO', wholeNumber('--minio-port', 1))
    .option('--all', 'and all of deploy/compose that needs no container')
    .option('--rate <n|max>', 'with --all: payments a second (default 500)')
    .option(
      '--history-days <n>',
      'with --all: days of payments that new topics begin with, as fast as they go (default 30)',
      wholeNumber('--history-days', 0),
    )
    .option(
      '--engine-port <n>',
      "with --all: the first engine's (default 8477)",
      wholeNumber('--engine-port', 1),
    )
    .option(
      '--prometheus-port <n>',
      'with --all (default 9090)',
      wholeNumber('--prometheus-port', 1),
    )
    .option('--registry-port <n>', 'with --all (default 8081)', wholeNumber('--registry-port', 1))
    .option('--json', 'their addresses as JSON')
    .addHelpText('after', UP_EXAMPLES)
    .action(async (options: UpOptions) => (await import('../servers.ts')).up(options));
  withCommonOptions(program.command('down'))
    .description('stop what `shrike up` started')
    .option('--delete', 'delete what they stored')
    .addHelpText('after', DOWN_EXAMPLES)
    .action(async (options: DownOptions) => (await import('../servers.ts')).down(options));
}
