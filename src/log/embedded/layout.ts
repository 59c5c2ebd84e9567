/**
 * How the log lies in RocksDB. All integers are big-endian, so that keys sort as their numbers do.
 *
 *   00 "format"                                    the version of this layout
 *   00 "identity"                                  what this log is called, for ever
 *   01 topic id u32                                JSON: the topic's spec
 *   02 topic id u32, partition u32                 JSON: PartitionMeta (no append changes it)
 *   03 topic id u32, partition u32, group utf8     f64: the group's next offset
 *   10 topic id u32, partition u32, base u64,      the packed records, just as they were given
 *      span u32, crc u32
 *
 * A chunk's span (next offset - base) and checksum are part of its key: the value stays the packed
 * batch alone, so a read hands RocksDB's buffer on without a copy, and a scan of keys alone is an
 * index. The checksum covers the key before it, so a chunk cannot turn up at another place.
 * E1: the chunks of a partition follow each other without a hole: each begins where the one before
 *     it ends. (Compaction leaves holes inside chunks only.) So the last key tells the end.
 */
import { crc32 } from 'node:zlib';
import { ShrikeError } from '../../core/errors.ts';
import type { Offset } from '../../core/ids.ts';

export const FORMAT = '1';
export const FORMAT_KEY = Buffer.from('\x00format');
export const IDENTITY_KEY = Buffer.from('\x00identity');

export const TAG = { topic: 0x01, partition: 0x02, group: 0x03, chunk: 0x10 } as const;
const PLACE_BYTES = 9;
const BASE_END = PLACE_BYTES + 8;
const SPAN_END = BASE_END + 4;
const CHUNK_KEY_BYTES = SPAN_END + 4;

/** What a partition keeps beside its chunks. */
export interface PartitionMeta {
  readonly earliest: Offset;
  /** Below it every key occurs once; tombstones below it are due to go. */
  readonly compactedTo: Offset;
  /** Records left below `compactedTo` by the last compaction. */
  readonly liveCount: number;
}

export interface ChunkKey {
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  readonly crc: number;
}

export function topicKey(topicId: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = TAG.topic;
  key.writeUInt32BE(topicId, 1);
  return key;
}

/** The key of a partition's meta, or the prefix of its chunks or group offsets, by `tag`. */
export function placeKey(tag: number, topicId: number, partition: number): Buffer {
  const key = Buffer.allocUnsafe(PLACE_BYTES);
  key[0] = tag;
  key.writeUInt32BE(topicId, 1);
  key.writeUInt32BE(partition, 5);
  return key;
}

export function groupKey(place: Buffer, group: string): Buffer {
  const key = Buffer.concat([place, Buffer.from(group)]);
  key[0] = TAG.group;
  return key;
}

export function readPlace(key: Buffer): { topicId: number; partition: number; rest: Buffer } {
  return {
    topicId: key.readUInt32BE(1),
    partition: key.readUInt32BE(5),
    rest: key.subarray(PLACE_BYTES),
  };
}

/** Sorts before every chunk of the partition whose base is `offset` or more. */
export function chunkBound(place: Buffer, offset: Offset): Buffer {
  const key = Buffer.allocUnsafe(BASE_END);
  place.copy(key, 0, 0, PLACE_BYTES);
  key.writeUInt32BE(Math.floor(offset / 2 ** 32), PLACE_BYTES);
  key.writeUInt32BE(offset >>> 0, PLACE_BYTES + 4);
  return key;
}

export function chunkKey(place: Buffer, baseOffset: Offset, packed: PackedSpan): Buffer {
  const key = Buffer.allocUnsafe(CHUNK_KEY_BYTES);
  place.copy(key, 0, 0, PLACE_BYTES);
  key.writeUInt32BE(Math.floor(baseOffset / 2 ** 32), PLACE_BYTES);
  key.writeUInt32BE(baseOffset >>> 0, PLACE_BYTES + 4);
  key.writeUInt32BE(packed.span, BASE_END);
  key.writeUInt32BE(chunkCrc(key, packed.bytes), SPAN_END);
  return key;
}

/** A packed batch and the number of offsets it takes. */
export interface PackedSpan {
  readonly bytes: Uint8Array;
  readonly span: number;
}

export function readChunkKey(key: Buffer): ChunkKey {
  const baseOffset = key.readUInt32BE(PLACE_BYTES) * 2 ** 32 + key.readUInt32BE(PLACE_BYTES + 4);
  return {
    baseOffset,
    nextOffset: baseOffset + key.readUInt32BE(BASE_END),
    crc: key.readUInt32BE(SPAN_END),
  };
}

export function chunkIsWhole(key: Buffer, bytes: Uint8Array): boolean {
  return key.byteLength === CHUNK_KEY_BYTES && key.readUInt32BE(SPAN_END) === chunkCrc(key, bytes);
}

function chunkCrc(key: Buffer, bytes: Uint8Array): number {
  return crc32(bytes, crc32(key.subarray(0, SPAN_END)));
}

/** A small value with its checksum behind it; the checksum covers the key as well. */
export function seal(key: Buffer, value: Buffer): Buffer {
  const sealed = Buffer.allocUnsafe(value.byteLength + 4);
  value.copy(sealed);
  sealed.writeUInt32BE(crc32(value, crc32(key)), value.byteLength);
  return sealed;
}

/** @throws LOG_CORRUPT when the checksum does not match. */
export function unseal(key: Buffer, sealed: Buffer): Buffer {
  const value = sealed.subarray(0, Math.max(0, sealed.byteLength - 4));
  const whole =
    sealed.byteLength >= 4 && sealed.readUInt32BE(value.byteLength) === crc32(value, crc32(key));
  if (whole) return value;
  throw new ShrikeError(
    'LOG_CORRUPT',
    `the log's entry ${key.toString('hex')} (topics, partitions, group offsets) fails its checksum`,
  );
}

export function sealedJson(key: Buffer, value: unknown): Buffer {
  return seal(key, Buffer.from(JSON.stringify(value)));
}

export function sealedOffset(key: Buffer, offset: Offset): Buffer {
  const value = Buffer.allocUnsafe(8);
  value.writeDoubleBE(offset);
  return seal(key, value);
}
