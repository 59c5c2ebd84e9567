/**
 * Names of a partition's objects. Numbers are padded, so that the order of keys is the order of
 * sealing.
 */
import { assert } from '../src/core/assert.ts';
import type { TopicPartition } from '../src/core/ids.ts';

/**
 * What names an object besides its place: which seal made it, which part of it, and its content.
 */
export interface SegmentName {
  readonly sequence: number;
  readonly part: number;
  readonly sha256: string;
}

const MANIFEST_NAME = /^(\d{10})\.json$/;
const SEGMENT_NAME = /^(\d{10})-(\d{4,})-([0-9a-f]{16})\.seg$/;
const KEY = /^[a-zA-Z0-9._=-]+(\/[a-zA-Z0-9._=-]+)*$/;

export function partitionPrefix(application: string, { topic, partition }: TopicPartition): string {
  return `${application}/${topic}/${String(partition).padStart(5, '0')}/`;
}

export function manifestKey(prefix: string, sequence: number): string {
  return `${prefix}manifests/${String(sequence).padStart(10, '0')}.json`;
}

/** @returns the sequence number; undefined when the key is not that of a manifest. */
export function manifestSequence(key: string): number | undefined {
  const match = MANIFEST_NAME.exec(key.slice(key.lastIndexOf('/') + 1));
  return match === null ? undefined : Number(match[1]);
}

export function segmentKey(prefix: string, { sequence, part, sha256 }: SegmentName): string {
  const name = `${String(sequence).padStart(10, '0')}-${String(part).padStart(4, '0')}`;
  return `${prefix}segments/${name}-${sha256.slice(0, 16)}.seg`;
}

/** @returns undefined when the key is not that of a segment; `sha256` has its first 16 digits. */
export function segmentName(key: string): SegmentName | undefined {
  const match = SEGMENT_NAME.exec(key.slice(key.lastIndexOf('/') + 1));
  if (match === null) return undefined;
  return { sequence: Number(match[1]), part: Number(match[2]), sha256: match[3] as string };
}

const isDots = (name: string) => name === '.' || name === '..';

/**
 * A key that no store may see is a mistake in the program; in a folder it could even leave the
 * folder.
 */
export function assertObjectKey(key: string): void {
  assert(
    KEY.test(key) && !key.split('/').some(isDots),
    `object key ${JSON.stringify(key)} is valid`,
  );
}

/** A prefix is the beginning of a key, at any character. */
export function assertObjectPrefix(prefix: string): void {
  const valid = /^([a-zA-Z0-9._=-]+\/)*[a-zA-Z0-9._=-]*$/.test(prefix);
  const dots = prefix.split('/').slice(0, -1).some(isDots);
  assert(valid && !dots, `object key prefix ${JSON.stringify(prefix)} is valid`);
}
