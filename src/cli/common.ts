/** How a command's configuration comes about, and how commands print. */
import { existsSync } from 'node:fs';
import { type LoadedConfig, loadConfig } from '../config/loader.ts';
import { ShrikeError } from '../core/errors.ts';
import type { CommonOptions } from './options.ts';
import { OTHER_VARIABLES } from './other-variables.ts';

const CONFIG_FILE = 'shrike.json';

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
