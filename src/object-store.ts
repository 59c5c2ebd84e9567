/** Where checkpoints go: the bucket when one is configured, else the folder. */
import { randomInt } from 'node:crypto';
import { openFolderStore } from '../checkpoints/folder-store.ts';
import type { Clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import type { ObjectStore } from './core/object-store.ts';
import { seeded } from './core/random.ts';

/**
 * Asks nothing of a bucket yet: one that is down must not keep the engine from starting.
 * @throws CONFIG_INVALID, DISK_FULL, OBJECT_STORE_UNAVAILABLE
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
