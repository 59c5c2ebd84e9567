/**
 * Puts the configuration together: flags over environment over file over defaults. Every value
 * comes with its source, and what is not in the schema is refused: a misspelt key that is passed
 * over in silence is the worst kind of default.
 */
import { readFileSync } from 'node:fs';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import { Check } from '../core/typebox.ts';
import {
  allowedValues,
  CONFIG_KEYS,
  type ConfigKey,
  type ConfigValue,
  KEY_BY_NAME,
  KEY_BY_VARIABLE,
  SECTION_NAMES,
} from './keys.ts';
import { suggestion } from './suggestion.ts';

/** `default`, `derived`, `file PATH`, `environment VARIABLE` or `flag --NAME`. */
export type ConfigSource = string;

export interface ConfigInput {
  /** Path of a JSON file; it must be there. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * By dotted key; a string is converted to the key's type, undefined is as if it were not there.
   */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Flags that set a key under a name of their own, by key: `{ dataDir: '--data' }`. */
  readonly flagNames?: Readonly<Record<string, string>>;
  /** SHRIKE_ variables that somebody else reads. */
  readonly otherVariables?: readonly string[];
}

export interface LoadedConfig {
  readonly config: Config;
  /** By dotted key. */
  readonly sources: ReadonlyMap<string, ConfigSource>;
}

interface Setting {
  readonly key: ConfigKey;
  readonly value: unknown;
  readonly source: ConfigSource;
}

/** @throws CONFIG_UNREADABLE, CONFIG_UNKNOWN_KEY, CONFIG_INVALID: naming the source. */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const settings = [
    ...CONFIG_KEYS.map((key): Setting => ({ key, value: key.schema.default, source: 'default' })),
    ...(input.file === undefined ? [] : fileSettings(input.file)),
    ...variableSettings(input),
    ...flagSettings(input),
  ];
  const config = {};
  const sources = new Map<string, ConfigSource>();
  for (const setting of settings) {
    // Each one is checked, also when a stronger one replaces it: it would be wrong tomorrow.
    assign(config, setting.key.path, checked(setting));
    sources.set(setting.key.key, setting.source);
  }
  return { config: config as Config, sources };
}

/** The same configuration with values, by dotted key, that follow from the machine it runs on. */
export function withDerived(
  { config, sources }: LoadedConfig,
  derived: Readonly<Record<string, number>>,
): LoadedConfig {
  const settings = Object.entries(derived).map(([dotted, value]): Setting => {
    return { key: known(dotted, 'derived'), value, source: 'derived' };
  });
  const own = structuredClone(config);
  for (const setting of settings) assign(own, setting.key.path, checked(setting));
  const added = settings.map(({ key, source }) => [key.key, source] as const);
  return { config: own, sources: new Map([...sources, ...added]) };
}

function checked({ key, value, source }: Setting): ConfigValue {
  if (Check(key.schema, value)) return value as ConfigValue;
  throw new ShrikeError(
    'CONFIG_INVALID',
    `${source}: ${key.key} is ${JSON.stringify(value)}; allowed: ${allowedValues(key.schema)}`,
  );
}

function assign(config: object, path: readonly string[], value: ConfigValue): void {
  let section = config as Record<string, unknown>;
  for (const name of path.slice(0, -1)) {
    section[name] ??= {};
    section = section[name] as Record<string, unknown>;
  }
  section[path.at(-1) as string] = value;
}

function fileSettings(file: string): readonly Setting[] {
  const source = `file ${file}`;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)));
  } catch (error) {
    const what = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    throw new ShrikeError('CONFIG_UNREADABLE', `configuration ${source} ${what}`, { cause: error });
  }
  return [...sectionSettings(json, '', source)];
}

function* sectionSettings(json: unknown, section: string, source: string): Generator<Setting> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ShrikeError(
      'CONFIG_INVALID',
      `${source}: ${section || 'the file'} is ${JSON.stringify(json)}; allowed: an object of keys`,
    );
  }
  for (const [name, value] of Object.entries(json)) {
    const dotted = section === '' ? name : `${section}.${name}`;
    if (SECTION_NAMES.has(dotted)) yield* sectionSettings(value, dotted, source);
    else yield { key: known(dotted, source), value, source };
  }
}

function known(dotted: string, source: ConfigSource): ConfigKey {
  const key = KEY_BY_NAME.get(dotted);
  if (key !== undefined) return key;
  const hint = suggestion(dotted, [...KEY_BY_NAME.keys(), ...SECTION_NAMES]);
  throw new ShrikeError('CONFIG_UNKNOWN_KEY', `${source}: unknown key ${dotted}${hint}`);
}

/**
 * Kubernetes gives every pod the addresses of the services around it; of a service `shrike` or
 * `shrike-api` they look like ours: SHRIKE_SERVICE_HOST, SHRIKE_API_PORT=tcp://10.0.0.7:8477,
 * SHRIKE_PORT_8477_TCP_ADDR.
 */
const SERVICE_LINK = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/;
const SERVICE_URL = /^(tcp|udp|sctp):\/\//;

function* variableSettings({ env, otherVariables = [] }: ConfigInput): Generator<Setting> {
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('SHRIKE_') || text === undefined) continue;
    if (otherVariables.includes(variable)) continue;
    if (SERVICE_LINK.test(variable) || (variable.endsWith('_PORT') && SERVICE_URL.test(text))) {
      continue;
    }
    const key = KEY_BY_VARIABLE.get(variable);
    if (key === undefined) {
      const hint = suggestion(variable, [...KEY_BY_VARIABLE.keys(), ...otherVariables]);
      throw new ShrikeError('CONFIG_UNKNOWN_KEY', `environment: unknown key ${variable}${hint}`);
    }
    yield { key, value: converted(text, key), source: `environment ${variable}` };
  }
}

function* flagSettings({ flags, flagNames = {} }: ConfigInput): Generator<Setting> {
  for (const [dotted, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const source = `flag ${flagNames[dotted] ?? `--set ${dotted}`}`;
    const key = known(dotted, source);
    yield { key, value: typeof value === 'string' ? converted(value, key) : value, source };
  }
}

/**
 * By the schema's type; what cannot be converted stays a text, which the check then shows as it was
 * typed.
 */
function converted(text: string, { schema }: ConfigKey): ConfigValue {
  if (schema.type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true';
  if (schema.type === 'integer' || schema.type === 'number') {
    if (/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return Number(text);
  }
  return text;
}
