/**
 * What to do, decided purely: what the next seal writes, and what retention may delete. No I/O.
 * C1 to C5 stand in `src/core/checkpoint.ts`; the README tells why deletion is safe beside other
 * owners.
 */
import type { Manifest, SegmentRef } from '../src/core/checkpoint.ts';
import type { Offset } from '../src/core/ids.ts';
import type { Snapshot } from '../src/core/state.ts';
import { manifestKey, manifestSequence, partitionPrefix, segmentName } from './keys.ts';

/** Below this, increments are too small to be worth a new base, whatever their share of it. */
const COMPACT_BYTES_MIN = 1 << 20;

export interface SealFacts {
  readonly previous: Manifest | undefined;
  /** The oldest snapshot that no manifest holds yet starts here. */
  readonly fromOffset: Offset;
  readonly snapshot: Snapshot;
  readonly savepoint: string | undefined;
  readonly compactAfterSegments: number;
}

export type SealPlan =
  /** The newest manifest says it all already. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'increment' }
  /** The snapshot holds every actor: it is a base by itself. */
  | { readonly kind: 'base-of-snapshot' }
  | { readonly kind: 'base-of-scan' };

export function planSeal(facts: SealFacts): SealPlan {
  const { previous, snapshot } = facts;
  // An increment must start where the previous manifest ends, or C5 would not hold.
  const follows = previous !== undefined && facts.fromOffset === previous.nextOffset;
  if (follows && snapshot.meta.nextOffset === previous.nextOffset) {
    // Never a base: who restored an older checkpoint of this offset, the newest one being damaged,
    // would not be told apart from who restored this one.
    return { kind: facts.savepoint === undefined ? 'nothing' : 'increment' };
  }
  // Actors are never removed, so as many changed as there are means: these are all of them.
  if (snapshot.changedCount === snapshot.meta.actorCount) {
    if (!follows || snapshot.changedCount > 0) return { kind: 'base-of-snapshot' };
  }
  if (!follows || isBaseDue(previous, facts.compactAfterSegments)) return { kind: 'base-of-scan' };
  return { kind: 'increment' };
}

/** Increments cost a restore twice: bytes that are replaced later, and objects to ask for. */
export function isBaseDue(previous: Manifest, compactAfterSegments: number): boolean {
  const base = previous.segments.slice(0, previous.baseCount);
  const increments = previous.segments.slice(previous.baseCount);
  const increasedBytes = bytesOf(increments);
  return (
    // A large increment has several segments, all of one sequence number.
    new Set(increments.map(({ key }) => segmentName(key)?.sequence)).size >= compactAfterSegments ||
    increasedBytes > Math.max(2 * bytesOf(base), COMPACT_BYTES_MIN)
  );
}

const bytesOf = (segments: readonly SegmentRef[]) =>
  segments.reduce((sum, segment) => sum + segment.bytes, 0);

export interface NextManifest {
  readonly of: Pick<
    Manifest,
    'application' | 'log' | 'topic' | 'partition' | 'sequence' | 'createdAtMs'
  >;
  readonly snapshot: Snapshot;
  readonly savepoint: string | undefined;
  readonly segments: readonly SegmentRef[];
  /** The manifest that the segments are increments of; undefined when they are a base. */
  readonly onto: Manifest | undefined;
}

export function nextManifest(next: NextManifest): Manifest {
  const { meta } = next.snapshot;
  return {
    ...next.of,
    formatVersion: 1,
    nextOffset: meta.nextOffset,
    savepoint: next.savepoint ?? null,
    digest: meta.digest,
    actorCount: meta.actorCount,
    schemas: meta.schemas,
    segments: next.onto === undefined ? next.segments : [...next.onto.segments, ...next.segments],
    baseCount: next.onto === undefined ? next.segments.length : next.onto.baseCount,
  };
}

export interface RetentionFacts {
  /** Every object under `manifests/`; without a manifest when it cannot be read. */
  readonly manifests: readonly { readonly key: string; readonly manifest?: Manifest }[];
  /** Every key under `segments/`. */
  readonly segmentKeys: readonly string[];
  readonly keepCount: number;
}

export interface RetentionPlan {
  /** To be deleted first (C4). */
  readonly manifestKeys: readonly string[];
  readonly segmentKeys: readonly string[];
}

/**
 * Kept: the newest `keepCount` manifests and all savepoints. A manifest that cannot be read stays
 * as long as it is newer than the oldest of those, and so do the segments that it may name.
 * Segments of a sequence number above the newest manifest's are an upload in progress, maybe
 * somebody else's.
 */
export function planRetention(facts: RetentionFacts): RetentionPlan {
  const known = numbered(facts.manifests);
  const readable = known.filter(({ manifest }) => manifest !== undefined);
  const newestFirst = readable.sort((a, b) => b.sequence - a.sequence);
  const oldest = newestFirst.slice(0, Math.max(1, facts.keepCount)).at(-1)?.sequence;
  // Without one readable manifest nothing is known, and nothing goes.
  if (oldest === undefined) return { manifestKeys: [], segmentKeys: [] };
  const isKept = ({ sequence, manifest }: Numbered) =>
    sequence >= oldest || (manifest !== undefined && manifest.savepoint !== null);
  const kept = known.filter(isKept);
  return {
    manifestKeys: known.filter((one) => !isKept(one)).map(({ key }) => key),
    segmentKeys: unnamed(facts.segmentKeys, kept, newestOf(known)),
  };
}

export interface RemovalFacts extends Omit<RetentionFacts, 'keepCount'> {
  readonly sequence: number;
}

export type RemovalPlan =
  | ({ readonly kind: 'remove' } & RetentionPlan)
  | { readonly kind: 'unknown' }
  /** No newer one can be read: the next seal builds on it, and a stale owner is told by it. */
  | { readonly kind: 'needed' };

/** One checkpoint goes because a person says so; all others are kept. */
export function planRemoval(facts: RemovalFacts): RemovalPlan {
  const known = numbered(facts.manifests);
  const gone = known.filter(({ sequence }) => sequence === facts.sequence);
  if (gone.length === 0) return { kind: 'unknown' };
  const kept = known.filter(({ sequence }) => sequence !== facts.sequence);
  const hasNewer = kept.some(
    ({ sequence, manifest }) => sequence > facts.sequence && manifest !== undefined,
  );
  if (!hasNewer) return { kind: 'needed' };
  return {
    kind: 'remove',
    manifestKeys: gone.map(({ key }) => key),
    segmentKeys: unnamed(facts.segmentKeys, kept, newestOf(known)),
  };
}

interface Numbered {
  readonly key: string;
  readonly manifest: Manifest | undefined;
  readonly sequence: number;
}

/** Without what is no manifest by its name. */
function numbered(manifests: RetentionFacts['manifests']): readonly Numbered[] {
  return manifests.flatMap(({ key, manifest }) => {
    const sequence = manifestSequence(key);
    return sequence === undefined ? [] : [{ key, manifest, sequence }];
  });
}

const newestOf = (known: readonly Numbered[]) => Math.max(...known.map(({ sequence }) => sequence));

/** What no kept manifest names, or may name because it cannot be read, and no upload is making. */
function unnamed(
  segmentKeys: readonly string[],
  kept: readonly Numbered[],
  newestSealed: number,
): readonly string[] {
  const named = new Set(
    kept.flatMap(({ manifest }) => manifest?.segments.map(({ key }) => key) ?? []),
  );
  const mystery = Math.max(
    -1,
    ...kept.flatMap(({ manifest, sequence }) => (manifest === undefined ? [sequence] : [])),
  );
  return segmentKeys.filter((key) => {
    const sequence = segmentName(key)?.sequence;
    if (sequence === undefined || named.has(key)) return false;
    return sequence > mystery && sequence <= newestSealed;
  });
}

/** The manifest's own key, for messages and look-ups. */
export function keyOf(manifest: Manifest): string {
  return manifestKey(partitionPrefix(manifest.application, manifest), manifest.sequence);
}
