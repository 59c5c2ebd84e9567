/** Options that commands share. */
import type { Command } from 'commander';
import { ShrikeError } from '../core/errors.ts';

export interface CommonOptions {
  readonly data?: string;
  readonly config?: string;
  readonly set?: readonly string[];
}

export function withCommonOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'folder for log, state and checkpoints (default .data)')
    .option('--config <file>', 'configuration file (default shrike.json, when there is one)')
    .option(
      '--set <key=value>',
      'one setting, e.g. checkpoints.intervalMs=5000 (repeatable)',
      collect,
    );
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

/** A whole number from the command line. */
export function wholeNumber(name: string, min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= min) return value;
    throw new ShrikeError(
      'USAGE',
      `${name} wants a whole number from ${min}, not ${JSON.stringify(text)}`,
    );
  };
}
