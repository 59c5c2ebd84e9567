/** A checkpoint that is whole, and wrong: for what only a drill can find out. */
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { partitionPrefix, segmentKey } from '../../checkpoints/keys.ts';
import { encodeManifest } from '../../checkpoints/manifest.ts';
import { keyOf } from '../../checkpoints/protocol.ts';
import { encodeSegment } from '../../checkpoints/segment.ts';
import type { Checkpoints, Manifest } from '../../src/core/checkpoint.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import type { ActorKey, TopicPartition } from '../../src/core/ids.ts';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { packActors, unpackActors } from '../../src/core/packed-actors.ts';
import { DigestSum } from '../../state/digest.ts';

function checkpointsIn(store: ObjectStore): Checkpoints {
  return openCheckpoints({
    store,
    application: 'shrike',
    clock,
    keepCount: 3,
    compactAfterSegments: 8,
    backlogBytesMax: 1 << 20,
  });
}

/** @throws Error when there is no savepoint of that name */
export async function savepointOf(
  store: ObjectStore,
  of: TopicPartition,
  name: string,
): Promise<Manifest> {
  for (const one of await checkpointsIn(store).list(of)) {
    if ('manifest' in one && one.manifest.savepoint === name) return one.manifest;
  }
  throw new Error(`no savepoint ${name} of partition ${of.partition}`);
}

/**
 * The first two actors have each other's state. Hashes, names and digest are as they should be, so
 * that every check of the checkpoint by itself passes. @returns the key of its only segment
 */
export async function forgeCheckpoint(store: ObjectStore, manifest: Manifest): Promise<string> {
  const actors = new Map<ActorKey, Uint8Array>();
  for await (const block of checkpointsIn(store).read(manifest)) {
    for (const [key, bytes] of unpackActors(block)) actors.set(key, bytes.slice());
  }
  const keys = [...actors.keys()].sort((a, b) => a - b);
  const [a, b] = keys as [ActorKey, ActorKey];
  const [ofA, ofB] = [actors.get(a), actors.get(b)] as [Uint8Array, Uint8Array];
  actors.set(a, ofB).set(b, ofA);
  const entries = keys.map((key) => [key, actors.get(key) as Uint8Array] as const);
  const digest = new DigestSum();
  for (const [key, bytes] of entries) digest.add(key, bytes);
  const { body, sha256, actorCount } = await encodeSegment(
    { actors: packActors(entries), count: entries.length },
    clock,
  );
  const { application, sequence } = manifest;
  const key = segmentKey(partitionPrefix(application, manifest), { sequence, part: 0, sha256 });
  await store.put(key, body);
  const segments = [{ key, bytes: body.byteLength, sha256, actorCount }];
  const forged = { ...manifest, digest: digest.hex(), segments, baseCount: 1 };
  await store.put(keyOf(manifest), encodeManifest(forged));
  return key;
}
