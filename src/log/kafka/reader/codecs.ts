/**
 * The compressions of record batches, by their number in a batch's attributes. No output may grow
 * beyond `bytesMax`: a small batch that unpacks to gigabytes must not end the process.
 */
import * as zlib from 'node:zlib';
import { unpackLz4 } from './lz4.ts';
import { unpackSnappy } from './snappy.ts';
import { unpackZstd } from './zstd.ts';

export type Unpack = (packed: Uint8Array, bytesMax: number) => Uint8Array;

export const CODECS: readonly (Unpack | undefined)[] = [
  undefined, // as it is
  (packed, bytesMax) => zlib.gunzipSync(packed, { maxOutputLength: bytesMax }),
  unpackSnappy,
  unpackLz4,
  unpackZstd,
];
