/**
 * Record batches as a producer or a broker would write them, plainly: an object a record. The
 * reader under test does the opposite, and shares no code with this.
 */
import { gzipSync } from 'node:zlib';
import { crc32c } from '../../src/log/kafka/wire/crc32c.ts';

export interface PlainRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers?: readonly (readonly [string, string])[];
}

export interface PlainBatch {
  readonly baseOffset: number;
  /** Where the batch ends; compaction leaves it as it was. Default: its last record. */
  readonly lastOffset?: number;
  readonly records: readonly PlainRecord[];
  /** -1: none. */
  readonly producerId?: number;
  readonly transactional?: boolean;
  /** A control batch: its one record ends a transaction. */
  readonly control?: 'abort' | 'commit';
  readonly compression?: number;
  readonly compress?: (bytes: Buffer) => Uint8Array;
  /** The broker's own time for all records of the batch. */
  readonly logAppendTimeMs?: number;
  readonly leaderEpoch?: number;
  readonly magic?: number;
}

export function encodeBatch(batch: PlainBatch): Buffer {
  const { baseOffset, producerId = -1, compression = 0 } = batch;
  const baseTimeMs = batch.records[0]?.timestampMs ?? 0;
  const rows = batch.control === undefined ? batch.records.map(rowOf) : [controlRow(batch.control)];
  const plain = Buffer.concat(
    rows.map((row) => encodeRecord(row, { offset: baseOffset, timestampMs: baseTimeMs })),
  );
  const gzip = (bytes: Buffer) => gzipSync(bytes);
  const body = compression === 0 ? plain : (batch.compress ?? gzip)(plain);
  const lastOffset = batch.lastOffset ?? rows.at(-1)?.offset ?? baseOffset;
  const maxTimeMs = Math.max(baseTimeMs, ...rows.map(({ timestampMs }) => timestampMs));
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(BigInt(baseOffset), 0);
  head.writeInt32BE(61 - 12 + body.byteLength, 8);
  head.writeInt32BE(batch.leaderEpoch ?? 0, 12);
  head.writeInt8(batch.magic ?? 2, 16);
  head.writeInt16BE(
    compression |
      (batch.logAppendTimeMs === undefined ? 0 : 8) |
      (batch.transactional || batch.control !== undefined ? 16 : 0) |
      (batch.control === undefined ? 0 : 32),
    21,
  );
  head.writeInt32BE(lastOffset - baseOffset, 23);
  head.writeBigInt64BE(BigInt(baseTimeMs), 27);
  head.writeBigInt64BE(BigInt(batch.logAppendTimeMs ?? maxTimeMs), 35);
  head.writeBigInt64BE(BigInt(producerId), 43);
  head.writeInt16BE(producerId < 0 ? -1 : 0, 51);
  head.writeInt32BE(-1, 53);
  head.writeInt32BE(rows.length, 57);
  const bytes = Buffer.concat([head, body]);
  bytes.writeUInt32BE(crc32c(bytes, 21), 17);
  return bytes;

  function controlRow(control: 'abort' | 'commit'): Row {
    const key = Buffer.from([0, 0, 0, control === 'abort' ? 0 : 1]);
    return {
      offset: baseOffset,
      timestampMs: baseTimeMs,
      key,
      value: Buffer.alloc(6),
      headers: [],
    };
  }
}

interface Row {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [string, string])[];
}

function rowOf({ offset, timestampMs, key, value, headers = [] }: PlainRecord): Row {
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text));
  return { offset, timestampMs, key: bytes(key), value: bytes(value), headers };
}

function encodeRecord(row: Row, base: { offset: number; timestampMs: number }): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(row.timestampMs - base.timestampMs),
    varint(row.offset - base.offset),
    sized(row.key),
    sized(row.value),
    varint(row.headers.length),
    ...row.headers.flatMap(([name, value]) => [
      sized(Buffer.from(name)),
      sized(Buffer.from(value)),
    ]),
  ]);
  return Buffer.concat([varint(body.byteLength), body]);
}

function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.byteLength), bytes]);
}

/** Zigzag, seven bits a byte, lowest first. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}
