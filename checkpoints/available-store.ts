/** An object store whose failures name the operation and the key, and have a code. */
import { ShrikeError } from '../src/core/errors.ts';
import type { ObjectStore } from '../src/core/object-store.ts';

export function availableStore(store: ObjectStore): ObjectStore {
  return {
    put: (key, body) => attempt(`put ${key}`, () => store.put(key, body)),
    putIfAbsent: (key, body) => attempt(`put ${key}`, () => store.putIfAbsent(key, body)),
    get: (key) => attempt(`get ${key}`, () => store.get(key)),
    list: (prefix) => attempt(`list ${prefix}`, () => store.list(prefix)),
    delete: (key) => attempt(`delete ${key}`, () => store.delete(key)),
  };
}

async function attempt<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ShrikeError) throw error;
    throw new ShrikeError('OBJECT_STORE_UNAVAILABLE', `object store: ${what} failed`, {
      cause: error,
    });
  }
}
