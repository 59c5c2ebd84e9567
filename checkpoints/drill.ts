/** What a drill restores, and what its measurements come to. Pure. */
import type { ListedManifest, Manifest } from '../src/core/checkpoint.ts';
import {
  type DigestAt,
  type DrilledCheckpoint,
  type DrillVerdict,
  hasPassed,
  type PartitionFailover,
  type PartitionRestore,
  type RestoreReport,
} from '../src/core/drill.ts';
import type { ErrorCode } from '../src/core/errors.ts';
import { manifestSequence } from './keys.ts';

export type Choice =
  | { readonly manifest: Manifest }
  | { readonly code: ErrorCode; readonly reason: string };

/**
 * @param listed newest first
 * @param wanted `newest`, `previous`, a sequence number or the name of a savepoint
 */
export function chooseCheckpoint(listed: readonly ListedManifest[], wanted: string): Choice {
  const chosen = chosenOf(listed, wanted);
  if (chosen === undefined) {
    const what = { newest: 'no checkpoint', previous: 'no checkpoint before the newest one' };
    const none = what[wanted as keyof typeof what] ?? `no checkpoint ${wanted}`;
    return { code: 'CHECKPOINT_NOT_FOUND', reason: `there is ${none}` };
  }
  if ('manifest' in chosen) return { manifest: chosen.manifest };
  return { code: 'CHECKPOINT_CORRUPT', reason: `${chosen.key}: ${chosen.damage}` };
}

function chosenOf(listed: readonly ListedManifest[], wanted: string): ListedManifest | undefined {
  if (wanted === 'newest') return listed[0];
  if (wanted === 'previous') return listed[1];
  const named = listed.find((one) => 'manifest' in one && one.manifest.savepoint === wanted);
  if (named !== undefined || !/^\d+$/.test(wanted)) return named;
  return listed.find((one) => sequenceOf(one) === Number(wanted));
}

function sequenceOf(one: ListedManifest): number | undefined {
  return 'manifest' in one ? one.manifest.sequence : manifestSequence(one.key);
}

export function newestReadable(listed: readonly ListedManifest[]): Manifest | undefined {
  for (const one of listed) if ('manifest' in one) return one.manifest;
  return undefined;
}

export function digestOf({ nextOffset, digest, actorCount }: Manifest): DigestAt {
  return { nextOffset, digest, actorCount };
}

export function factsOf(manifest: Manifest, nowMs: number): DrilledCheckpoint {
  const { sequence, nextOffset, savepoint, segments, createdAtMs } = manifest;
  return {
    sequence,
    nextOffset,
    savepoint,
    ageSeconds: Math.max(0, nowMs - createdAtMs) / 1000,
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    segmentCount: segments.length,
  };
}

interface Judgement {
  readonly verdict: DrillVerdict;
  readonly reason: string | null;
}

/** R2: both digests are of the same offset, each found out in its own way. */
export function judge(expected: DigestAt, found: DigestAt): Judgement {
  const problems: string[] = [];
  if (found.nextOffset !== expected.nextOffset) {
    problems.push(`it stands at offset ${found.nextOffset} instead of ${expected.nextOffset}`);
  }
  if (found.actorCount !== expected.actorCount) {
    problems.push(`it has ${found.actorCount} actors instead of ${expected.actorCount}`);
  }
  if (found.digest !== expected.digest) {
    problems.push(`its digest is ${found.digest} instead of ${expected.digest}`);
  }
  if (problems.length === 0) return { verdict: 'equal', reason: null };
  return { verdict: 'different', reason: `the restored state differs: ${problems.join(', ')}` };
}

/** The worst of them: one partition that cannot be restored is a restore that fails. */
export function overall(
  parts: readonly (PartitionRestore | PartitionFailover)[],
  best: DrillVerdict,
): Judgement {
  if (parts.length === 0) return { verdict: 'failed', reason: 'there was no partition to drill' };
  const bad =
    parts.find(({ verdict }) => verdict === 'different') ??
    parts.find(({ verdict }) => !hasPassed(verdict));
  if (bad === undefined) return { verdict: best, reason: null };
  const others = parts.filter(({ verdict }) => !hasPassed(verdict)).length - 1;
  const more = others > 0 ? ` (and ${others} more)` : '';
  return { verdict: bad.verdict, reason: `partition ${bad.partition}: ${bad.reason}${more}` };
}

/** Partitions one after the other, as one thread restores them. */
export function totals(
  parts: readonly PartitionRestore[],
): Pick<
  RestoreReport,
  | 'restoreSeconds'
  | 'profilesSeconds'
  | 'replaySeconds'
  | 'rtoSeconds'
  | 'rpoSeconds'
  | 'bytes'
  | 'replayedRecords'
> {
  const sum = (of: (part: PartitionRestore) => number | null | undefined) =>
    parts.reduce((total, part) => total + (of(part) ?? 0), 0);
  const restoreSeconds = sum((part) => part.restoreSeconds);
  const profilesSeconds = sum((part) => part.profilesSeconds);
  const replaySeconds = sum((part) => part.replaySeconds);
  const ages = parts.flatMap(({ checkpoint }) => checkpoint?.ageSeconds ?? []);
  const isWhole = parts.length > 0 && parts.every((part) => part.replaySeconds !== null);
  return {
    restoreSeconds,
    profilesSeconds,
    replaySeconds,
    rtoSeconds: isWhole ? restoreSeconds + profilesSeconds + replaySeconds : null,
    rpoSeconds: ages.length === 0 ? null : Math.max(...ages),
    bytes: sum((part) => part.checkpoint?.bytes),
    replayedRecords: sum((part) => part.replayedRecords),
  };
}
