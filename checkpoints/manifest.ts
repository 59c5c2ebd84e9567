/**
 * The manifest's JSON. One manifest has one text: fields in a fixed order, two spaces, and at the
 * end the SHA-256 of the text without it, so that any damage is noticed and a retried write
 * compares byte for byte.
 */
import { createHash } from 'node:crypto';
import type { Manifest, SegmentRef } from '../src/core/checkpoint.ts';
import type { OperatorVersion } from '../src/core/flow.ts';
import { manifestKey, partitionPrefix, segmentKey, segmentName } from './keys.ts';

type Json = Readonly<Record<string, unknown>>;

export type ParsedManifest = { readonly manifest: Manifest } | { readonly damage: string };

export function encodeManifest(manifest: Manifest): Uint8Array {
  const fields = canonical(manifest);
  const text = JSON.stringify({ ...fields, sha256: sha256Hex(JSON.stringify(fields)) }, null, 2);
  return new TextEncoder().encode(`${text}\n`);
}

/**
 * Never throws for what the object holds: a damaged manifest is reported, and an older one is used.
 */
export function parseManifest(key: string, body: Uint8Array): ParsedManifest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    return { damage: `not JSON (${body.byteLength} bytes): ${(error as Error).message}` };
  }
  const problem = shapeProblem(json);
  if (problem !== undefined) return { damage: problem };
  const manifest = canonical(json as Manifest);
  if (!Buffer.from(encodeManifest(manifest)).equals(body)) {
    return { damage: 'its text does not match its own sha256' };
  }
  const prefix = partitionPrefix(manifest.application, manifest);
  if (manifestKey(prefix, manifest.sequence) !== key) {
    return { damage: `it belongs at ${manifestKey(prefix, manifest.sequence)}` };
  }
  const stray = manifest.segments.find((segment) => !isNamedByContent(prefix, segment));
  if (stray !== undefined) return { damage: `it names the segment ${stray.key}, which is no name` };
  return { manifest };
}

function isNamedByContent(prefix: string, { key, sha256 }: SegmentRef): boolean {
  const name = segmentName(key);
  return name !== undefined && segmentKey(prefix, { ...name, sha256 }) === key;
}

function canonical(manifest: Manifest): Manifest {
  const schemas = Object.keys(manifest.schemas).sort();
  return {
    formatVersion: 1,
    application: manifest.application,
    ...(manifest.log !== undefined && { log: manifest.log }),
    topic: manifest.topic,
    partition: manifest.partition,
    sequence: manifest.sequence,
    nextOffset: manifest.nextOffset,
    createdAtMs: manifest.createdAtMs,
    savepoint: manifest.savepoint,
    digest: manifest.digest,
    actorCount: manifest.actorCount,
    schemas: Object.fromEntries(
      schemas.map((id) => [id, manifest.schemas[id]?.map(canonicalVersion) ?? []]),
    ),
    baseCount: manifest.baseCount,
    segments: manifest.segments.map(({ key, bytes, sha256, actorCount }) => ({
      key,
      bytes,
      sha256,
      actorCount,
    })),
  };
}

function canonicalVersion({ name, key, version }: OperatorVersion): OperatorVersion {
  return { name, key, version };
}

const sha256Hex = (text: string) => createHash('sha256').update(text).digest('hex');

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown) => typeof value === 'string';
const isHex = (digits: number) => (value: unknown) =>
  typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value);

const MANIFEST_FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  application: isText,
  log: (value) => value === undefined || isText(value),
  topic: isText,
  partition: isCount,
  sequence: isCount,
  nextOffset: isCount,
  createdAtMs: isCount,
  savepoint: (value) => value === null || isText(value),
  digest: isHex(32),
  actorCount: isCount,
  schemas: (value) => isObject(value) && Object.values(value).every(isVersions),
  baseCount: isCount,
  segments: (value) => Array.isArray(value) && value.every(isSegmentRef),
};

function isVersions(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (one) => isObject(one) && isText(one.name) && isText(one.key) && isCount(one.version),
    )
  );
}

function isSegmentRef(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value.key) &&
    isCount(value.bytes) &&
    isHex(64)(value.sha256) &&
    isCount(value.actorCount)
  );
}

function shapeProblem(json: unknown): string | undefined {
  if (!isObject(json)) return 'not a JSON object';
  if (json.formatVersion !== 1) {
    return `format version ${JSON.stringify(json.formatVersion)}; this program reads 1`;
  }
  const wrong = Object.keys(MANIFEST_FIELDS).find(
    (field) => !MANIFEST_FIELDS[field]?.(json[field]),
  );
  if (wrong !== undefined) return `field ${wrong} is missing or of the wrong type`;
  if ((json.baseCount as number) > (json.segments as unknown[]).length) {
    return 'baseCount is more than there are segments';
  }
  return undefined;
}
