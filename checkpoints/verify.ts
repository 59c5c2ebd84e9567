/**
 * Is a checkpoint whole? Every object is read and compared, and the state that a restore would give
 * is digested. Segments are read from the newest to the oldest: what is met first is what wins. So
 * the memory is one segment and the keys of the increments, however large the base is.
 */
import type { Checkpoints, Manifest } from '../src/core/checkpoint.ts';
import { ShrikeError } from '../src/core/errors.ts';
import type { ActorKey } from '../src/core/ids.ts';
import { unpackActors } from '../src/core/packed-actors.ts';
import type { PackedActors, StateDigest, StateDigester } from '../src/core/state.ts';

export interface CheckpointReport {
  /** What is wrong, one sentence each; empty when the checkpoint can be restored. */
  readonly problems: readonly string[];
  readonly segmentCount: number;
  readonly bytes: number;
  readonly actorCount: number;
  /** Of the state that a restore gives; undefined when a segment is damaged. */
  readonly digest: StateDigest | undefined;
}

export interface VerifyOptions {
  readonly checkpoints: Checkpoints;
  readonly manifest: Manifest;
  readonly digester: StateDigester;
}

/** @throws OBJECT_STORE_UNAVAILABLE; what is wrong with the checkpoint is in the report. */
export async function verifyCheckpoint(options: VerifyOptions): Promise<CheckpointReport> {
  const { manifest, digester } = options;
  const problems: string[] = [];
  const changed = new Set<ActorKey>();
  let actorCount = 0;
  let bytes = 0;
  for (let index = manifest.segments.length - 1; index >= 0; index--) {
    const actors = await readOne(options, index, problems);
    if (actors === undefined) continue;
    bytes += manifest.segments[index]?.bytes ?? 0;
    for (const [key, encoded] of unpackActors(actors)) {
      if (changed.has(key)) continue;
      // The keys of a base are there once each, and nothing comes after it.
      if (index >= manifest.baseCount) changed.add(key);
      digester.add(key, encoded);
      actorCount++;
    }
  }
  const isWhole = problems.length === 0;
  const digest = isWhole ? digester.hex() : undefined;
  if (isWhole && actorCount !== manifest.actorCount) {
    problems.push(`the segments hold ${actorCount} actors, the manifest ${manifest.actorCount}`);
  }
  if (isWhole && digest !== manifest.digest) {
    problems.push(`the segments have the digest ${digest}, the manifest ${manifest.digest}`);
  }
  return { problems, segmentCount: manifest.segments.length, bytes, actorCount, digest };
}

async function readOne(
  { checkpoints, manifest }: VerifyOptions,
  index: number,
  problems: string[],
): Promise<PackedActors | undefined> {
  const segments = manifest.segments.slice(index, index + 1);
  try {
    for await (const actors of checkpoints.read({ ...manifest, segments })) return actors;
  } catch (error) {
    if (!(error instanceof ShrikeError) || error.code !== 'CHECKPOINT_CORRUPT') throw error;
    problems.push(error.message);
  }
  return undefined;
}
