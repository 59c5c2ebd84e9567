/**
 * LZ4 frames. Format: github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md.
 * Checksums are not looked at: the one of the header is wrong in what old Java clients wrote
 * (KAFKA-3160), and the batch has its own.
 */
import { OutputBuffer } from './output-buffer.ts';

const MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
const INDEPENDENT_BLOCKS = 0x20;
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const CONTENT_CHECKSUM = 0x04;
const DICTIONARY = 0x01;
const STORED = 0x80000000;

export function unpackLz4(packed: Uint8Array, bytesMax: number): Uint8Array {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const out = new OutputBuffer(bytes.byteLength * 4, bytesMax);
  for (let at = 0; at < bytes.byteLength; ) {
    const magic = bytes.readUInt32LE(at);
    if (magic === MAGIC) at = unpackFrame(bytes, at + 4, out);
    else if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) at += 8 + bytes.readUInt32LE(at + 4);
    else throw new RangeError('no LZ4 frame');
  }
  return out.written;
}

/** @returns where the frame ends */
function unpackFrame(bytes: Buffer, from: number, out: OutputBuffer): number {
  const flags = bytes.readUInt8(from);
  if (flags >>> 6 !== 1) throw new RangeError('an unknown version of LZ4 frames');
  if ((flags & DICTIONARY) !== 0) throw new RangeError('an LZ4 dictionary that is not known');
  const start = out.length;
  let at = from + 2 + ((flags & CONTENT_SIZE) !== 0 ? 8 : 0) + 1;
  for (;;) {
    const word = bytes.readUInt32LE(at);
    at += 4;
    if (word === 0) return at + ((flags & CONTENT_CHECKSUM) !== 0 ? 4 : 0);
    const length = word & 0x7fffffff;
    if (at + length > bytes.byteLength) throw new RangeError('a block is cut off');
    const block = bytes.subarray(at, at + length);
    const first = (flags & INDEPENDENT_BLOCKS) !== 0 ? out.length : start;
    if ((word & STORED) !== 0) out.add(block);
    else unpackBlock(block, out, first);
    at += length + ((flags & BLOCK_CHECKSUM) !== 0 ? 4 : 0);
  }
}

function unpackBlock(block: Buffer, out: OutputBuffer, first: number): void {
  let at = 0;
  const longer = (length: number): number => {
    let sum = length;
    for (let byte = 255; length === 15 && byte === 255; sum += byte) byte = block.readUInt8(at++);
    return sum;
  };
  while (at < block.byteLength) {
    const token = block[at++] as number;
    const literals = longer(token >>> 4);
    if (at + literals > block.byteLength) throw new RangeError('a literal is cut off');
    out.add(block.subarray(at, at + literals));
    at += literals;
    if (at === block.byteLength) return; // the last sequence has no copy
    const distance = block.readUInt16LE(at);
    at += 2;
    out.repeat(distance, longer(token & 15) + 4, first);
  }
}
