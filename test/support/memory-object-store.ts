/**
 * An object store in memory, with its faults in the test's hand. The map is what is durable: a
 * simulated crash drops the store, and the next one is opened on the same map.
 */
import { assertObjectKey, assertObjectPrefix } from '../../checkpoints/keys.ts';
import type { ObjectStore } from '../../src/core/object-store.ts';

export type ObjectOperation = 'put' | 'putIfAbsent' | 'get' | 'list' | 'delete';

export interface ObjectFaults {
  /** May throw (nothing has happened), or return a promise: a slow store. */
  before?(operation: ObjectOperation, key: string): void | Promise<void>;
  /** May throw: it has happened, and the caller does not know. */
  after?(operation: ObjectOperation, key: string): void | Promise<void>;
}

export type DurableObjects = Map<
  string,
  { readonly body: Uint8Array; readonly modifiedMs: number }
>;

export interface MemoryObjectStoreOptions {
  readonly objects?: DurableObjects;
  readonly faults?: ObjectFaults;
  readonly nowMs?: () => number;
}

export function openMemoryObjectStore(options: MemoryObjectStoreOptions = {}): ObjectStore {
  const { objects = new Map(), faults = {}, nowMs = () => 0 } = options;
  /** The effect itself has no await in it: it happens at once or not at all (B1, B2). */
  const during = async <T>(
    operation: ObjectOperation,
    key: string,
    effect: () => T,
  ): Promise<T> => {
    if (operation === 'list') assertObjectPrefix(key);
    else assertObjectKey(key);
    await faults.before?.(operation, key);
    const result = effect();
    await faults.after?.(operation, key);
    return result;
  };
  const write = (key: string, body: Uint8Array) => {
    objects.set(key, { body, modifiedMs: nowMs() });
  };
  /** The caller may use its buffer again while a slow store is at work. */
  const withCopy = <T>(body: Uint8Array, call: (copy: Uint8Array) => T) => call(body.slice());
  return {
    put: async (key, body) => withCopy(body, (copy) => during('put', key, () => write(key, copy))),
    putIfAbsent: async (key, body) =>
      withCopy(body, (copy) =>
        during('putIfAbsent', key, () => {
          if (objects.has(key)) return false;
          write(key, copy);
          return true;
        }),
      ),
    get: async (key) => during('get', key, () => objects.get(key)?.body.slice()),
    list: async (prefix) =>
      during('list', prefix, () =>
        [...objects]
          .filter(([key]) => key.startsWith(prefix))
          .map(([key, { body, modifiedMs }]) => ({ key, bytes: body.byteLength, modifiedMs }))
          .sort((a, b) => (a.key < b.key ? -1 : 1)),
      ),
    delete: async (key) => during('delete', key, () => void objects.delete(key)),
  };
}
