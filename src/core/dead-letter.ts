import { assert } from './assert.ts';
import type { Reject } from './flow.ts';
import type { Offset, TopicPartition } from './ids.ts';
import type { NewRecord, PackedRecords } from './records.ts';

/**
 * A record that could not be used, with all that is needed to find out why and to drive it again.
 */
export interface DeadLetter {
  readonly code: string;
  /** Of the record that could not be used. */
  readonly offset: Offset;
  readonly record: Omit<NewRecord, 'timestampMs'>;
}

export interface Rejected {
  readonly read: TopicPartition;
  readonly records: PackedRecords;
  readonly i: number;
  readonly offset: Offset;
  readonly reject: Reject | undefined;
  /** Of key and value, as the topic of the dead letters takes them; undefined: any. */
  readonly bytesMax?: number | undefined;
  /** In hexadecimal digits. */
  readonly sha256: (bytes: Uint8Array) => string;
}

/** How much of a record goes into a letter that would be too large with all of it. */
interface Cut {
  readonly valueBytes: number;
  readonly textChars: number;
}

/** The first that fits is taken; topics that take less than the last one are not for letters. */
const CUTS: readonly Cut[] = [
  { valueBytes: 4096, textChars: 1024 },
  { valueBytes: 256, textChars: 128 },
  { valueBytes: 0, textChars: 16 },
];

/** The wire format is docs/formats/dead_letters.schema.json. */
export function deadLetter(rejected: Rejected): DeadLetter {
  const { records, i, offset, reject, bytesMax = Number.POSITIVE_INFINITY } = rejected;
  assert(reject?.index === i, 'a record without an event has a reject, in the order of records');
  const { code } = reject;
  const start = i === 0 ? 0 : (records.keyEnds[i - 1] as number);
  const size = { key: (records.keyEnds[i] as number) - start, value: valueBytesOf(records, i) };
  // Base64 makes four bytes of three, and the key is there twice.
  if (size.value * (4 / 3) + 2 * size.key <= bytesMax) {
    const record = letterOf(rejected);
    if (bytesOf(record) <= bytesMax) return { code, offset, record };
  }
  let record: DeadLetter['record'] | undefined;
  for (const cut of CUTS) {
    record = letterOf(rejected, cut);
    if (bytesOf(record) <= bytesMax) break;
  }
  return { code, offset, record: record as DeadLetter['record'] };
}

/** @param cut undefined: all of it */
function letterOf(rejected: Rejected, cut?: Cut): DeadLetter['record'] {
  const { read, records, i, offset, reject, sha256 } = rejected;
  const value = records.value(i);
  const key = records.key(i);
  const shortKey = key?.slice(0, cut?.textChars);
  const shown = value?.subarray(0, cut?.valueBytes);
  const text = JSON.stringify({
    topic: read.topic,
    partition: read.partition,
    offset,
    timestamp_ms: records.timestampMs(i),
    code: reject?.code,
    reason: reject?.reason.slice(0, cut?.textChars),
    key: shortKey ?? null,
    value_base64: shown?.toString('base64') ?? null,
    ...(cut !== undefined && { truncated: factsOf({ key, value, sha256 }) }),
  });
  return { key: shortKey, value: text };
}

/** With them the original can be told from any other record, wherever it is kept. */
function factsOf({
  key,
  value,
  sha256,
}: Pick<Rejected, 'sha256'> & { key: string | undefined; value: Buffer | undefined }) {
  return {
    key_bytes: key === undefined ? null : Buffer.byteLength(key),
    value_bytes: value?.byteLength ?? null,
    value_sha256: value === undefined ? null : sha256(value),
  };
}

function valueBytesOf(records: PackedRecords, i: number): number {
  return (records.valueEnds[i] as number) - records.valueStart(i);
}

function bytesOf({ key, value }: DeadLetter['record']): number {
  return Buffer.byteLength(key ?? '') + Buffer.byteLength(value ?? '');
}
