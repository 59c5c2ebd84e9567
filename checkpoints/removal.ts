/** Deletes one checkpoint that a person names, the way retention does: manifest first (C4). */
import { ShrikeError } from '../src/core/errors.ts';
import type { TopicPartition } from '../src/core/ids.ts';
import type { ObjectStore } from '../src/core/object-store.ts';
import { availableStore } from './available-store.ts';
import { manifestKey, partitionPrefix } from './keys.ts';
import { parseManifest } from './manifest.ts';
import { planRemoval, type RemovalPlan } from './protocol.ts';

export interface Removal extends TopicPartition {
  readonly application: string;
  readonly sequence: number;
}

/**
 * An owner may seal meanwhile: see the README on orphans.
 * @returns the keys that go, in the order in which they must.
 * @throws CHECKPOINT_NOT_FOUND, CHECKPOINT_NEEDED, OBJECT_STORE_UNAVAILABLE
 */
export async function removableKeys(
  objects: ObjectStore,
  { application, sequence, ...of }: Removal,
): Promise<readonly string[]> {
  const store = availableStore(objects);
  const prefix = partitionPrefix(application, of);
  const summaries = await store.list(`${prefix}manifests/`);
  const manifests = await Promise.all(
    summaries.map(async ({ key }) => {
      const body = await store.get(key);
      const parsed = body === undefined ? undefined : parseManifest(key, body);
      return parsed !== undefined && 'manifest' in parsed ? { key, ...parsed } : { key };
    }),
  );
  const segments = await store.list(`${prefix}segments/`);
  const segmentKeys = segments.map(({ key }) => key);
  return keysOf(planRemoval({ manifests, segmentKeys, sequence }), manifestKey(prefix, sequence));
}

/** Deletes them one after the other. */
export async function removeAll(objects: ObjectStore, keys: readonly string[]): Promise<void> {
  const store = availableStore(objects);
  for (const key of keys) await store.delete(key);
}

function keysOf(plan: RemovalPlan, key: string): readonly string[] {
  switch (plan.kind) {
    case 'unknown':
      throw new ShrikeError('CHECKPOINT_NOT_FOUND', `there is no checkpoint ${key}`);
    case 'needed':
      throw new ShrikeError(
        'CHECKPOINT_NEEDED',
        `checkpoint ${key} is the newest of its partition that can be read`,
      );
    case 'remove':
      return [...plan.manifestKeys, ...plan.segmentKeys];
  }
}
