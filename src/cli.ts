#!/usr/bin/env node
/** The command line: `shrike --help`. */
import { Command, CommanderError } from 'commander';
import { addRun } from './cli/run.ts';
import { explain, ShrikeError } from './core/errors.ts';
import { VERSION } from './engine.ts';

const program = new Command('shrike')
  .description('Real-time card-fraud scoring: stateful, exactly once.')
  .version(VERSION)
  .showHelpAfterError('(shrike --help shows every command with examples)')
  .exitOverride();

for (const add of [addRun]) add(program);

try {
  await program.parseAsync();
} catch (error) {
  // commander has printed its own message, and help and version are no errors.
  if (error instanceof CommanderError) process.exit(error.exitCode);
  process.stderr.write(`shrike: ${explain(error)}\n`);
  if (!(error instanceof ShrikeError) && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  process.exit(1);
}
