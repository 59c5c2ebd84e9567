/**
 * Snappy, bare (librdkafka) or in xerial's frames (Java). Format:
 * github.com/google/snappy/blob/main/format_description.txt; xerial: 8 bytes of magic, version and
 * compatible version, then blocks with their length in four bytes, big-endian.
 */
import { OutputBuffer } from './output-buffer.ts';

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

export function unpackSnappy(packed: Uint8Array, bytesMax: number): Uint8Array {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const out = new OutputBuffer(bytes.byteLength * 4, bytesMax);
  if (!bytes.subarray(0, XERIAL_MAGIC.byteLength).equals(XERIAL_MAGIC)) {
    unpackBlock(bytes, out);
    return out.written;
  }
  for (let at = XERIAL_HEADER_BYTES; at < bytes.byteLength; ) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0 || at + length > bytes.byteLength) throw new RangeError('a block is cut off');
    unpackBlock(bytes.subarray(at, at + length), out);
    at += length;
  }
  return out.written;
}

function unpackBlock(bytes: Buffer, out: OutputBuffer): void {
  let at = 0;
  let length = 0;
  for (let shift = 0, more = true; more; shift += 7) {
    const byte = bytes.readUInt8(at++);
    length += (byte & 0x7f) * 2 ** shift;
    more = byte >= 0x80 && shift < 28;
  }
  const start = out.length;
  out.room(length);
  while (at < bytes.byteLength) {
    const tag = bytes[at++] as number;
    const kind = tag & 3;
    if (kind === 0) {
      let count = tag >>> 2;
      if (count >= 60) {
        const lengthBytes = count - 59;
        count = bytes.readUIntLE(at, lengthBytes);
        at += lengthBytes;
      }
      count += 1;
      if (at + count > bytes.byteLength) throw new RangeError('a literal is cut off');
      out.add(bytes.subarray(at, at + count));
      at += count;
    } else if (kind === 1) {
      out.repeat(((tag & 0xe0) << 3) | bytes.readUInt8(at++), ((tag >>> 2) & 7) + 4, start);
    } else {
      const distanceBytes = kind === 2 ? 2 : 4;
      out.repeat(bytes.readUIntLE(at, distanceBytes), (tag >>> 2) + 1, start);
      at += distanceBytes;
    }
    if (out.length - start > length) throw new RangeError('more bytes than the block names');
  }
  if (out.length - start !== length) throw new RangeError('fewer bytes than the block names');
}
