/**
 * The levels that an application's state has had, in the object store:
 *   <application>/<topic>/levels/0000000002.json
 * The highest number is the level in force (U2). Nothing deletes them: they are a few hundred bytes
 * for each release that changed the state.
 */
import { ShrikeError } from '../src/core/errors.ts';
import type { ObjectStore } from '../src/core/object-store.ts';
import type { StateLevel } from '../src/core/state-level.ts';
import { availableStore } from './available-store.ts';

export interface StateLevelsOptions {
  readonly store: ObjectStore;
  readonly application: string;
  readonly topic: string;
}

const NAME = /\/\d{10}\.json$/;

export class StateLevels {
  readonly #store: ObjectStore;
  readonly #prefix: string;

  constructor({ store, application, topic }: StateLevelsOptions) {
    this.#store = availableStore(store);
    this.#prefix = `${application}/${topic}/levels/`;
  }

  /**
   * Undefined before the first process of the application has started.
   * @throws OBJECT_STORE_UNAVAILABLE, STATE_SCHEMA_UNKNOWN when a newer program has written it
   */
  async newest(): Promise<StateLevel | undefined> {
    const objects = await this.#store.list(this.#prefix);
    const key = objects.findLast((one) => NAME.test(one.key))?.key;
    const body = key === undefined ? undefined : await this.#store.get(key);
    return key === undefined || body === undefined ? undefined : parseLevel(key, body);
  }

  /**
   * Of several that bring the group to one level the first is believed: they are of one release, or
   * a level was not raised that should have been.
   * @returns the level in force
   */
  async raiseTo(level: StateLevel): Promise<StateLevel> {
    const key = `${this.#prefix}${String(level.level).padStart(10, '0')}.json`;
    const text = `${JSON.stringify(level, null, 2)}\n`;
    await this.#store.putIfAbsent(key, new TextEncoder().encode(text));
    return (await this.newest()) ?? level;
  }
}

function parseLevel(key: string, body: Uint8Array): StateLevel {
  let level: unknown;
  try {
    level = JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw damaged(key, cause);
  }
  const { formatVersion } = (level ?? {}) as { formatVersion?: unknown };
  if (Number.isInteger(formatVersion) && formatVersion !== 1) {
    throw new ShrikeError(
      'STATE_SCHEMA_UNKNOWN',
      `${key} has format version ${String(formatVersion)}; this program reads 1`,
    );
  }
  if (!isLevel(level)) throw damaged(key);
  return level;
}

function damaged(key: string, cause?: unknown): ShrikeError {
  return new ShrikeError('CHECKPOINT_CORRUPT', `${key} is no state level`, { cause });
}

function isLevel(value: unknown): value is StateLevel {
  const { formatVersion, level, schema, program } = (value ?? {}) as Partial<StateLevel>;
  return (
    formatVersion === 1 &&
    Number.isSafeInteger(level) &&
    typeof program === 'string' &&
    Array.isArray(schema) &&
    schema.every(
      (one: Partial<StateLevel['schema'][number]> | null) =>
        typeof one?.name === 'string' &&
        typeof one.key === 'string' &&
        Number.isSafeInteger(one.version),
    )
  );
}
