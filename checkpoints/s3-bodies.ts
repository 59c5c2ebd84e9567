/** Checksums of bodies, made without a long turn of the event loop. */
import { crc32 } from 'node:zlib';
import type { Clock } from '../src/core/clock.ts';

/** About half a millisecond. */
const SLICE_BYTES = 1 << 20;

/** CRC-32 as the store wants it: big-endian, in base64. */
export async function crc32Of(body: Uint8Array, clock: Clock): Promise<string> {
  let crc = 0;
  for (let at = 0; at < body.byteLength; at += SLICE_BYTES) {
    if (at > 0) await clock.yield();
    crc = crc32(body.subarray(at, at + SLICE_BYTES), crc);
  }
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc >>> 0);
  return bytes.toString('base64');
}

/** Views of the body, all but the last of `bytes`. */
export function slicesOf(body: Uint8Array, bytes: number): readonly Uint8Array[] {
  const count = Math.ceil(body.byteLength / bytes);
  return Array.from({ length: count }, (_, i) => body.subarray(i * bytes, (i + 1) * bytes));
}
