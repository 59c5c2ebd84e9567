/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of Kafka's record batches. Sixteen
 * bytes a step ("slicing by 16"): a table for each byte position, so that the look-ups do not wait
 * for each other. Measured per 292 bytes: 0.15 to 0.28 CPU us; eight bytes a step 0.37.
 */
const POLYNOMIAL = 0x82f63b78;

/** Table n, entry b: what byte b does to the checksum when n bytes follow it. */
function table(n: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8 * (n + 1); bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    return crc;
  });
}

const T0 = table(0);
const T1 = table(1);
const T2 = table(2);
const T3 = table(3);
const T4 = table(4);
const T5 = table(5);
const T6 = table(6);
const T7 = table(7);
const T8 = table(8);
const T9 = table(9);
const T10 = table(10);
const T11 = table(11);
const T12 = table(12);
const T13 = table(13);
const T14 = table(14);
const T15 = table(15);

const at = (entries: Int32Array, byte: number): number => entries[byte & 0xff] as number;

/** @returns the checksum of [start, end) as an unsigned number */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.byteLength): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  let i = start;
  for (const last = end - 16; i <= last; i += 16) {
    const a = crc ^ view.getInt32(i, true);
    const b = view.getInt32(i + 4, true);
    const c = view.getInt32(i + 8, true);
    const d = view.getInt32(i + 12, true);
    crc =
      at(T15, a) ^
      at(T14, a >>> 8) ^
      at(T13, a >>> 16) ^
      at(T12, a >>> 24) ^
      at(T11, b) ^
      at(T10, b >>> 8) ^
      at(T9, b >>> 16) ^
      at(T8, b >>> 24) ^
      at(T7, c) ^
      at(T6, c >>> 8) ^
      at(T5, c >>> 16) ^
      at(T4, c >>> 24) ^
      at(T3, d) ^
      at(T2, d >>> 8) ^
      at(T1, d >>> 16) ^
      at(T0, d >>> 24);
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ at(T0, crc ^ (bytes[i] as number));
  return ~crc >>> 0;
}
