import { assert } from './assert.ts';
import type { Reject } from './flow.ts';
import type { Offset, TopicPartition } from './ids.ts';
import type { NewRecord, PackedRecords } from './records.ts';

/**
 * A record that could not be used, with all that is needed to find out why and to drive it again.
 */
export interface DeadLetter {
  readonly code: string;
  readonly record: Omit<NewRecord, 'timestampMs'>;
}

interface Rejected {
  readonly read: TopicPartition;
  readonly records: PackedRecords;
  readonly i: number;
  readonly offset: Offset;
  readonly reject: Reject | undefined;
}

/** The wire format is docs/formats/dead_letters.schema.json. */
export function deadLetter({ read, records, i, offset, reject }: Rejected): DeadLetter {
  assert(reject?.index === i, 'a record without an event has a reject, in the order of records');
  const key = records.key(i);
  const value = JSON.stringify({
    topic: read.topic,
    partition: read.partition,
    offset,
    timestamp_ms: records.timestampMs(i),
    code: reject.code,
    reason: reject.reason,
    key: key ?? null,
    value_base64: records.value(i)?.toString('base64') ?? null,
  });
  return { code: reject.code, record: { key, value } };
}
