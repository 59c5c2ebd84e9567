/**
 * Every limit of the engine, and how they hang together. Sizes in bytes unless the name says
 * otherwise.
 */
import { assert } from './assert.ts';

export const LIMITS = {
  /** A record's value; Kafka's own default for a message is 1 MiB. */
  recordBytesMax: 1 << 20,
  /** What one read hands to a partition task. */
  fetchBytesMax: 1 << 20,
  /** Payments of one partition that are stepped, scored and committed together. */
  batchRecordsMax: 1024,
  /**
   * Batches of one partition between step and commit: the next one steps while this one is scored,
   * and those of a backlog wait for a commit that pays (`runtime/committer.ts`).
   */
  inFlightBatchesMax: 6,
  /** Rows of one ONNX call: beyond 1,024 the cost a row no longer falls (design, section 8). */
  scoreRowsMax: 1024,
  partitionsMax: 1024,
  workersMax: 64,
  /** Actors serialised between two turns of the event loop: about 1 ms of work. */
  snapshotSliceActors: 256,
  /** An object of a checkpoint; S3 multipart parts are 5 MiB at least. */
  segmentBytesMax: 16 << 20,
  /** A line of a CSV file; the longest real one has 150 bytes. */
  csvLineBytesMax: 1 << 20,
} as const;

// A read must be able to return any record, or a large one would block its partition forever.
assert(LIMITS.recordBytesMax <= LIMITS.fetchBytesMax, 'recordBytesMax <= fetchBytesMax');
// A batch is scored in one call, so that its rows come back together.
assert(LIMITS.batchRecordsMax <= LIMITS.scoreRowsMax, 'batchRecordsMax <= scoreRowsMax');
