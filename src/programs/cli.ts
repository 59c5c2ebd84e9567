/**
 * The command line: `shrike --help`. Options and help of every command are here; what one does is
 * loaded when it is asked for.
 */
import { Command, CommanderError } from 'commander';
import { addAlerts } from '../cli/commands/alerts.ts';
import { addCheckpoint } from '../cli/commands/checkpoint.ts';
import { addClean } from '../cli/commands/clean.ts';
import { addDeadLetters } from '../cli/commands/dead-letters.ts';
import { addDrill } from '../cli/commands/drill.ts';
import { addLake } from '../cli/commands/lake.ts';
import { addLoad } from '../cli/commands/load.ts';
import { addModel } from '../cli/commands/model.ts';
import { addPlan } from '../cli/commands/plan.ts';
import { addRestore } from '../cli/commands/restore.ts';
import { addRun } from '../cli/commands/run.ts';
import { addServers } from '../cli/commands/servers.ts';
import { addConfig } from '../cli/commands/settings.ts';
import { addSimulate } from '../cli/commands/simulate.ts';
import { addState } from '../cli/commands/state.ts';
import { addLag, addTopics } from '../cli/commands/topics.ts';
import { addUpgrade } from '../cli/commands/upgrade.ts';
import { codeOf, explain, ShrikeError } from '../core/errors.ts';
import { VERSION } from '../version.ts';

const EXAMPLES = `
Examples:
  shrike run --source simulate                    live simulated payments, page on the printed address
  shrike run --source csv --transactions t.csv --users u.csv --cards c.csv --until-end --out results
  shrike alerts --follow                          each alert in full, as it is committed
  shrike topics                                   what the log holds
  shrike lag                                      payments that wait
  shrike state get --user 12 --card 1             what is kept of a user and a card
  shrike checkpoint create --name before-upgrade  a savepoint
  shrike checkpoint verify                        reads every object of every checkpoint
  shrike restore --dry-run                        what a restart would restore from
  shrike drill restore                            restores aside, and compares with what is live
  shrike drill failover                           kills a member of its own, and sees others take over
  shrike upgrade status                           the form that state is written in
  shrike lake compact --from s3://archive/alerts  the S3 sink's small objects become Parquet
  shrike dlq list                                 records that could not be used, and why
  shrike dlq redrive --code RECORD_NOT_JSON       sends them again
  shrike simulate --out raw --days 30             files in the raw Kaggle format
  shrike load --transactions t.csv --users u.csv --cards c.csv --rate 500
  shrike clean --transactions t.csv --users u.csv --cards c.csv --out clean
  shrike model check models/mine                  whether the engine can use a model
  shrike config                                   the configuration in force
  shrike plan --memory 2Gi --cores 2              where the memory of a process goes
  shrike up                                       a Kafka and a MinIO on this machine, for trying things
`;

/** For shells and scripts: 1 something failed, 2 the command was not understood. */
const EXIT = { failed: 1, usage: 2 } as const;

const commands = [
  addRun,
  addAlerts,
  addTopics,
  addLag,
  addState,
  addCheckpoint,
  addRestore,
  addDrill,
  addUpgrade,
  addLake,
  addDeadLetters,
  addSimulate,
  addLoad,
  addClean,
  addModel,
  addConfig,
  addPlan,
  addServers,
];
/** For the code beside the program: what `shrike run` on Kafka and a bucket loads later. */
export async function loadLater(): Promise<void> {
  await Promise.all([
    import('../cli/run.ts'),
    import('../engine.ts'),
    import('../api/server.ts'),
    import('../log/kafka/log.ts'),
    import('../../checkpoints/s3-store.ts'),
  ]);
}

export async function main(): Promise<void> {
  const program = new Command('shrike')
    .description('Real-time card-fraud scoring: stateful, exactly once.')
    .version(VERSION)
    .showHelpAfterError('(shrike --help shows every command with examples)')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  for (const add of commands) add(program);

  // Whoever reads has read enough: `shrike topics | head -1`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });

  try {
    await program.parseAsync();
  } catch (error) {
    // commander has printed its own message, and help and version are no errors.
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT.usage);
    process.stderr.write(`shrike: ${explain(error)}\n`);
    if (!(error instanceof ShrikeError) && error instanceof Error) {
      process.stderr.write(`${error.stack}\n`);
    }
    process.exit(codeOf(error) === 'USAGE' ? EXIT.usage : EXIT.failed);
  }
}
