/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of Kafka's record batches. Eight bytes
 * a step ("slicing by 8"): a table for each byte position, so that the eight look-ups do not wait
 * for each other.
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

/** @returns the checksum of [start, end) as an unsigned number */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.byteLength): number {
  let crc = -1;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (T7[crc & 0xff] as number) ^
      (T6[(crc >>> 8) & 0xff] as number) ^
      (T5[(crc >>> 16) & 0xff] as number) ^
      (T4[crc >>> 24] as number) ^
      (T3[bytes[at + 4] as number] as number) ^
      (T2[bytes[at + 5] as number] as number) ^
      (T1[bytes[at + 6] as number] as number) ^
      (T0[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (T0[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
