/**
 * A record batch begins with 61 bytes (big-endian):
 *   0 i64 base offset   8 i32 length of what follows   12 i32 leader epoch   16 i8 magic: 2
 *   17 u32 CRC-32C of what follows   21 i16 attributes   23 i32 last offset delta
 *   27 i64 base timestamp   35 i64 maximal timestamp   43 i64 producer   51 i16 its epoch
 *   53 i32 base sequence   57 i32 record count
 * Attributes: bits 0-2 compression, 3 timestamps are the log's (maximal timestamp), 4 part of a
 * transaction, 5 control batch.
 */
export const LENGTH_END = 12;
export const HEADER_BYTES = 61;
export const MAGIC_AT = 16;
export const CURRENT_MAGIC = 2;

/** The checksum covers the rest of the batch from here on. */
export const CHECKED_FROM = 21;

export const COMPRESSION_MASK = 0x07;
export const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;

/** Offsets, times and producer ids stay within 2^53. */
export function i64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

export const baseOffsetOf = (bytes: Buffer, at: number): number => i64(bytes, at);
export const byteLengthOf = (bytes: Buffer, at: number): number =>
  LENGTH_END + bytes.readInt32BE(at + 8);
export const leaderEpochOf = (bytes: Buffer, at: number): number => bytes.readInt32BE(at + 12);
export const checksumOf = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at + 17);
export const attributesOf = (bytes: Buffer, at: number): number => bytes.readInt16BE(at + 21);
export const lastOffsetOf = (bytes: Buffer, at: number): number =>
  i64(bytes, at) + bytes.readInt32BE(at + 23);
export const baseTimestampOf = (bytes: Buffer, at: number): number => i64(bytes, at + 27);
export const maxTimestampOf = (bytes: Buffer, at: number): number => i64(bytes, at + 35);
export const producerOf = (bytes: Buffer, at: number): number => i64(bytes, at + 43);
export const recordCountOf = (bytes: Buffer, at: number): number => bytes.readInt32BE(at + 57);
