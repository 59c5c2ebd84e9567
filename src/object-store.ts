/** Where checkpoints go: the bucket when one is configured, else the folder. */
import { randomInt } from 'node:crypto';
import { openFolderStore } from '../checkpoints/folder-store.ts';
import type { Clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import type { ObjectStore } from './core/object-store.ts';
import { seeded } from './core/random.ts';

/**
 * Asks nothing of a bucket yet: one that is down must not keep the engine from starting.
 * @throws DISK_FULL, OBJECT_STORE_UNAVAILABLE: of a folder
 */
export async function openObjectStore(
  { s3 }: Pick<Config, 's3'>,
  folder: string,
  clock: Clock,
): Promise<ObjectStore> {
  if (s3.bucket === '') return openFolderStore(folder, clock);
  // Loading the SDK costs 130 ms and 15 MiB, which only a bucket is worth.
  const { openS3Store } = await import('../checkpoints/s3-store.ts');
  // Of the waits between tries only: processes that met the same outage must not come back at once.
  return openS3Store({ config: s3, clock, random: seeded(randomInt(2 ** 32)) });
}

/** Loads what a bucket will need, while there is something else to wait for. */
export async function loadObjectStore({ s3 }: Pick<Config, 's3'>): Promise<void> {
  if (s3.bucket !== '') await import('../checkpoints/s3-store.ts');
}

/**
 * The same for who seldom needs it: nothing of a bucket is loaded before the first operation. A
 * folder is opened at once, so that a disk that is full is told at the start.
 */
export async function deferObjectStore(
  config: Pick<Config, 's3'>,
  folder: string,
  clock: Clock,
): Promise<ObjectStore> {
  if (config.s3.bucket === '') return openObjectStore(config, folder, clock);
  let opening: Promise<ObjectStore> | undefined;
  const opened = () => {
    opening ??= openObjectStore(config, folder, clock).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  return {
    put: async (key, body) => (await opened()).put(key, body),
    putIfAbsent: async (key, body) => (await opened()).putIfAbsent(key, body),
    get: async (key) => (await opened()).get(key),
    list: async (prefix) => (await opened()).list(prefix),
    delete: async (key) => (await opened()).delete(key),
  };
}
