/** Zstandard: Node.js has it from 22.15 on; before, fzstd (plain JavaScript) does it. */
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { OutputBuffer } from './output-buffer.ts';

type Native = (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

const native = (zlib as unknown as { zstdDecompressSync?: Native }).zstdDecompressSync;

export function unpackZstd(packed: Uint8Array, bytesMax: number): Uint8Array {
  if (native !== undefined) return native(packed, { maxOutputLength: bytesMax });
  return unpackZstdSlowly(packed, bytesMax);
}

/** Exported for the tests, which have it checked on every Node.js. */
export function unpackZstdSlowly(packed: Uint8Array, bytesMax: number): Uint8Array {
  const windowBytes = windowOf(packed);
  if (windowBytes > bytesMax) throw new RangeError(`a window of ${windowBytes} bytes`);
  const out = new OutputBuffer(packed.byteLength * 4, bytesMax);
  // Block by block, so that the limit holds before the memory is taken.
  new Decompress((piece) => out.add(piece)).push(packed, true);
  return out.written;
}

/** What a decoder must keep, by the frame's header (RFC 8878, section 3.1.1.1). */
function windowOf(packed: Uint8Array): number {
  const [descriptor = 0, window = 0] = packed.subarray(4, 6);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) {
    const base = 2 ** (10 + (window >>> 3));
    return base + (base / 8) * (window & 7);
  }
  // The whole content is the window then, and its size comes next.
  const kind = descriptor >>> 6;
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] as number);
  let size = 0;
  for (let i = 2 ** kind - 1; i >= 0; i--) size = size * 256 + (packed[at + i] ?? 0);
  return kind === 1 ? size + 256 : size;
}
