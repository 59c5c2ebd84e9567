/** Cuts what was read into batches that are stepped, scored and committed together. */
import { createHash } from 'node:crypto';

import { type DeadLetter, deadLetter } from '../core/dead-letter.ts';
import type { Decode, Reject } from '../core/flow.ts';
import type { Offset } from '../core/ids.ts';
import { PackedRecords, type SourceRead } from '../core/records.ts';
import { type Placement, strayFinder } from './placement.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export interface StepBatch<E> {
  readonly events: E[];
  /** Of each event. */
  readonly offsets: Offset[];
  readonly timestampsMs: number[];
  readonly deadLetters: DeadLetter[];
  readonly from: Offset;
  nextOffset: Offset;
  /** Records, dead letters included, and the bytes of their values. */
  recordCount: number;
  byteCount: number;
}

export interface CutOptions<E> {
  readonly decode: Decode<E>;
  /** The next offset to process: what lies below it is left out. */
  readonly from: Offset;
  /** Records from here on are left out. */
  readonly until: Offset;
  readonly recordsMax: number;
  /** Where an event must lie; undefined: anywhere. */
  readonly placement?: Placement<E> | undefined;
  /** Of a dead letter; undefined: any. */
  readonly letterBytesMax?: number | undefined;
}

function emptyBatch<E>(from: Offset): StepBatch<E> {
  return {
    events: [],
    offsets: [],
    timestampsMs: [],
    deadLetters: [],
    from,
    nextOffset: from,
    recordCount: 0,
    byteCount: 0,
  };
}

/**
 * Batches of at most `recordsMax` records, contiguous from `from`. Small chunks are joined, large
 * ones cut. Decoding happens as the batches are taken, so that the thread can do other work between
 * two of them.
 */
export function* cutBatches<E>(read: SourceRead, options: CutOptions<E>): Generator<StepBatch<E>> {
  const { letterBytesMax: bytesMax } = options;
  const findStray = options.placement && strayFinder(options.placement, read.partition);
  let batch = emptyBatch<E>(options.from);
  for (const chunk of read.batches) {
    const records = PackedRecords.of(chunk.bytes);
    let first = 0;
    while (first < records.count && records.offset(chunk.baseOffset, first) < options.from) first++;
    const { events, rejects } = options.decode(records, first);
    let nextReject = 0;
    for (let i = first; i < records.count; i++) {
      const offset = records.offset(chunk.baseOffset, i);
      if (offset >= options.until) break;
      const event = events[i];
      const stray = event === undefined ? undefined : findStray?.(event, records, i);
      if (event === undefined || stray !== undefined) {
        const reject = stray === undefined ? rejects[nextReject++] : misplaced(i, stray);
        batch.deadLetters.push(deadLetter({ read, records, i, offset, reject, bytesMax, sha256 }));
      } else {
        batch.events.push(event);
        batch.offsets.push(offset);
        batch.timestampsMs.push(records.timestampMs(i));
      }
      batch.recordCount += 1;
      batch.byteCount += (records.valueEnds[i] as number) - records.valueStart(i);
      batch.nextOffset = offset + 1;
      if (batch.recordCount === options.recordsMax) {
        yield batch;
        batch = emptyBatch(batch.nextOffset);
      }
    }
    // Past a gap at the chunk's end, which may be all that there was.
    batch.nextOffset = Math.max(batch.nextOffset, Math.min(chunk.nextOffset, options.until));
  }
  if (batch.nextOffset > batch.from) yield batch;
}

function misplaced(index: number, reason: string): Reject {
  return { index, code: 'RECORD_KEY_MISMATCH', reason };
}
