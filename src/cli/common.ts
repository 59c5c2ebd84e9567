/** Options that commands share, and how a command's configuration comes about. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type LoadedConfig, loadConfig } from '../config/loader.ts';
import { ShrikeError } from '../core/errors.ts';

const CONFIG_FILE = 'shrike.json';
/** Read elsewhere: the key that masks card numbers. */
const OTHER_VARIABLES = ['SHRIKE_PAN_KEY'];

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

/**
 * @param more flags of the command itself, by their configuration key; undefined ones are left out
 */
export function configOf(
  { data, config, set = [] }: CommonOptions,
  more: Readonly<Record<string, string | number | boolean | undefined>> = {},
): LoadedConfig {
  const flags: Record<string, unknown> = {};
  for (const pair of set) {
    const at = pair.indexOf('=');
    if (at < 1) {
      throw new ShrikeError('USAGE', `--set wants key=value, not ${JSON.stringify(pair)}`);
    }
    flags[pair.slice(0, at)] = pair.slice(at + 1);
  }
  if (data !== undefined) flags.dataDir = data;
  for (const [key, value] of Object.entries(more)) if (value !== undefined) flags[key] = value;
  const file = config ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  return loadConfig({
    ...(file !== undefined && { file }),
    env: process.env,
    flags,
    flagNames: { dataDir: '--data', model: '--model', 'api.port': '--port' },
    otherVariables: OTHER_VARIABLES,
  });
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

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** For a script: one JSON value, or one a line. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Columns padded to their widest cell; the first row's cells stand over the numbers below them. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, String(cell).length);
    });
  }
  const isNumber = widths.map((_, i) => rows.some((row) => typeof row[i] === 'number'));
  const line = (row: readonly (string | number)[]) =>
    row
      .map((cell, i) =>
        isNumber[i] === true
          ? String(cell).padStart(widths[i] ?? 0)
          : String(cell).padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}
