/** The configuration's keys, read from the schema: nothing about a key is written down twice. */
import { assert } from '../core/assert.ts';
import { ConfigSchema } from '../core/config.ts';

export type ConfigValue = string | number | boolean;

/** What of JSON Schema a single setting uses. */
export interface ValueSchema {
  readonly type?: 'integer' | 'number' | 'string' | 'boolean';
  readonly anyOf?: readonly { readonly const: string }[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly default: ConfigValue;
  readonly description: string;
}

interface SectionSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, SectionSchema | ValueSchema>>;
}

export interface ConfigKey {
  /** Dotted: `checkpoints.intervalMs`. */
  readonly key: string;
  readonly path: readonly string[];
  /** `SHRIKE_CHECKPOINTS_INTERVAL_MS`. */
  readonly variable: string;
  readonly schema: ValueSchema;
}

const isSection = (schema: SectionSchema | ValueSchema): schema is SectionSchema =>
  schema.type === 'object';

function* keysOf(
  section: SectionSchema,
  above: readonly string[],
): Generator<ConfigKey, void, undefined> {
  for (const [name, schema] of Object.entries(section.properties)) {
    const path = [...above, name];
    if (isSection(schema)) yield* keysOf(schema, path);
    else yield { key: path.join('.'), path, variable: variableOf(path), schema };
  }
}

function variableOf(path: readonly string[]): string {
  const words = path.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`));
  return `SHRIKE_${words.join('_').toUpperCase()}`;
}

/** All keys, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = [
  ...keysOf(ConfigSchema as unknown as SectionSchema, []),
];

export const KEY_BY_NAME: ReadonlyMap<string, ConfigKey> = new Map(
  CONFIG_KEYS.map((one) => [one.key, one]),
);

export const KEY_BY_VARIABLE: ReadonlyMap<string, ConfigKey> = new Map(
  CONFIG_KEYS.map((one) => [one.variable, one]),
);

/** Names that hold keys: `checkpoints`. */
export const SECTION_NAMES: ReadonlySet<string> = new Set(
  CONFIG_KEYS.flatMap(({ path }) => path.slice(1).map((_, i) => path.slice(0, i + 1).join('.'))),
);

// `a.bC` and `a.b.c` would be one variable.
assert(KEY_BY_VARIABLE.size === CONFIG_KEYS.length, 'every key has a variable of its own');

/** What a value may be, in words. */
export function allowedValues({ type, anyOf, minimum, maximum, pattern }: ValueSchema): string {
  if (anyOf !== undefined) return anyOf.map((one) => one.const).join(', ');
  if (type === 'boolean') return 'true, false';
  if (type === 'string') return pattern === undefined ? 'a text' : `a text like ${pattern}`;
  const noun = type === 'integer' ? 'a whole number' : 'a number';
  if (minimum !== undefined && maximum !== undefined)
    return `${noun} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${noun}, at least ${minimum}`;
  return maximum === undefined ? noun : `${noun}, at most ${maximum}`;
}
