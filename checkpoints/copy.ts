/** Copies one checkpoint to another application, which begins with it: C2, segments first. */
import type { Manifest } from '../src/core/checkpoint.ts';
import { ShrikeError } from '../src/core/errors.ts';
import type { ObjectStore } from '../src/core/object-store.ts';
import { availableStore } from './available-store.ts';
import { manifestKey, partitionPrefix } from './keys.ts';
import { encodeManifest } from './manifest.ts';
import { keyOf } from './protocol.ts';

/**
 * The copy has no name: the other application's retention drops it when it has newer ones.
 * @throws CHECKPOINT_CONFLICT when the application has checkpoints of the partition already
 * @throws CHECKPOINT_CORRUPT, OBJECT_STORE_UNAVAILABLE
 */
export async function copyCheckpoint(
  objects: ObjectStore,
  manifest: Manifest,
  application: string,
): Promise<Manifest> {
  const store = availableStore(objects);
  const [from, to] = [manifest.application, application].map((one) =>
    partitionPrefix(one, manifest),
  ) as [string, string];
  const [there] = await store.list(`${to}manifests/`);
  if (there !== undefined) {
    const message = `${application} has checkpoints of its own already: ${there.key}`;
    throw new ShrikeError('CHECKPOINT_CONFLICT', message);
  }
  const segments: Manifest['segments'][number][] = [];
  for (const segment of manifest.segments) {
    const body = await store.get(segment.key);
    if (body === undefined) {
      const message = `checkpoint ${keyOf(manifest)}: segment ${segment.key}: it is not in the store`;
      throw new ShrikeError('CHECKPOINT_CORRUPT', message);
    }
    const key = to + segment.key.slice(from.length);
    await store.put(key, body);
    segments.push({ ...segment, key });
  }
  const copy: Manifest = { ...manifest, application, savepoint: null, segments };
  await store.putIfAbsent(manifestKey(to, copy.sequence), encodeManifest(copy));
  return copy;
}
