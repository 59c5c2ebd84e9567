/** The configuration for people: what is in force and from where, and the reference of all keys. */
import type { Config } from '../core/config.ts';
import { allowedValues, CONFIG_KEYS, type ConfigKey, type ConfigValue } from './keys.ts';
import type { ConfigSource } from './loader.ts';

export interface ConfigRow {
  readonly key: string;
  readonly value: ConfigValue;
  readonly source: ConfigSource;
  readonly description: string;
}

/** One row a key, in the order of the schema: `shrike config`. */
export function describeConfig(
  config: Config,
  sources: ReadonlyMap<string, ConfigSource>,
): readonly ConfigRow[] {
  return CONFIG_KEYS.map(({ key, path, schema }) => ({
    key,
    value: path.reduce<unknown>((at, name) => (at as Config)[name as never], config) as ConfigValue,
    source: sources.get(key) ?? 'default',
    description: schema.description,
  }));
}

/** A Markdown table of all keys; `docs/configuration.md` holds it, and a test holds it to that. */
export function configReference(): string {
  const rows = CONFIG_KEYS.map(
    ({ key, variable, schema }: ConfigKey) =>
      `| \`${key}\` | ${code(schema.default)} | ${cell(allowedValues(schema))} | ` +
      `\`${variable}\` | ${cell(schema.description)} |`,
  );
  return ['| key | default | allowed | variable | meaning |', '|---|---|---|---|---|', ...rows]
    .map((line) => `${line}\n`)
    .join('');
}

const code = (value: ConfigValue) => (value === '' ? 'empty' : `\`${value}\``);
const cell = (text: string) => text.replaceAll('|', '\\|');
