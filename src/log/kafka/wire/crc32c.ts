/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of Kafka's record batches. Sixteen
 * bytes a step ("slicing by 16"): a table for each byte position, so that the look-ups do not wait
 * for each other. Measured per 292 bytes: 0.15 to 0.28 CPU us; eight bytes a step 0.37.
 */
const POLYNOMIAL = 0x82f63b78;

const at = (entries: Int32Array, byte: number): number => entries[byte & 0xff] as number;

/** Entry b: what byte b does to the checksum when no byte follows it. */
const T0 = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc;
});

/** The same with one byte more behind it. */
const after = (table: Int32Array): Int32Array => table.map((crc) => (crc >>> 8) ^ at(T0, crc));

const T1 = after(T0);
const T2 = after(T1);
const T3 = after(T2);
const T4 = after(T3);
const T5 = after(T4);
const T6 = after(T5);
const T7 = after(T6);
const T8 = after(T7);
const T9 = after(T8);
const T10 = after(T9);
const T11 = after(T10);
const T12 = after(T11);
const T13 = after(T12);
const T14 = after(T13);
const T15 = after(T14);

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
