/** `shrike config`: what is in force, and from where. */
import { withBudgets } from '../budgets.ts';
import { describeConfig } from '../config/reference.ts';
import { configOf, print, printJson, table } from './common.ts';
import type { CommonOptions } from './options.ts';

export interface SettingsOptions extends CommonOptions {
  readonly json?: boolean;
}

export function showSettings(options: SettingsOptions): void {
  const { config, sources } = withBudgets(configOf(options));
  const settings = describeConfig(config, sources);
  if (options.json === true) return printJson(settings);
  const rows = settings.map(({ key, value, source }) => [key, JSON.stringify(value), source]);
  print(table([['key', 'value', 'from'], ...rows]));
}
