/**
 * A store's meta as bytes: JSON, since it is read by people in an emergency, and written once a
 * checkpoint.
 */
import { ShrikeError } from '../src/core/errors.ts';
import type { StoreMeta } from '../src/core/state.ts';

const FORMAT_VERSION = 1;

export function encodeMeta(meta: StoreMeta): Buffer {
  return Buffer.from(JSON.stringify(meta));
}

/** @throws STATE_CORRUPT, DATA_DIR_VERSION naming the folder */
export function decodeMeta(bytes: Buffer, folder: string): StoreMeta {
  let meta: unknown;
  try {
    meta = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new ShrikeError('STATE_CORRUPT', `the meta entry of ${folder} is not JSON`, { cause });
  }
  const { formatVersion } = (meta ?? {}) as Partial<StoreMeta>;
  if (Number.isInteger(formatVersion) && formatVersion !== FORMAT_VERSION) {
    throw new ShrikeError(
      'DATA_DIR_VERSION',
      `${folder} has store format ${formatVersion}; this program reads format ${FORMAT_VERSION}`,
    );
  }
  if (!isMeta(meta)) {
    throw new ShrikeError('STATE_CORRUPT', `the meta entry of ${folder} is incomplete`);
  }
  return meta;
}

function isMeta(value: unknown): value is StoreMeta {
  if (typeof value !== 'object' || value === null) return false;
  const meta = value as Partial<Record<keyof StoreMeta, unknown>>;
  return (
    meta.formatVersion === FORMAT_VERSION &&
    Number.isSafeInteger(meta.nextOffset) &&
    typeof meta.digest === 'string' &&
    /^[0-9a-f]{32}$/.test(meta.digest) &&
    Number.isSafeInteger(meta.actorCount) &&
    typeof meta.schemas === 'object' &&
    meta.schemas !== null
  );
}
