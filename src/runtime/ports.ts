/**
 * What a partition task needs from the world around it. Threads in life, the simulator in tests.
 */

import type { TaskCheckpoints } from '../core/checkpoint.ts';
import type { Clock } from '../core/clock.ts';
import type { ActorState, Profiles, Stepper } from '../core/flow.ts';
import type { Offset, TopicPartition } from '../core/ids.ts';
import type { PartitionOffsets, ReadRequest } from '../core/log.ts';
import type { CommitRequest, Position } from '../core/messages.ts';
import type { SourceRead } from '../core/records.ts';
import type { Model, Scorer } from '../core/scoring.ts';
import type { ActorStore, ActorStores, ActorTable } from '../core/state.ts';
import type { Placement } from './placement.ts';

/** Reading is a port of the worker: a log that can be read in parallel is read right here. */
export interface SourcePort {
  read(request: ReadRequest): Promise<SourceRead>;
  offsets(of: TopicPartition): Promise<PartitionOffsets>;
}

/** Commits of one partition at one of its assignments. */
export interface CommitPort {
  position(): Promise<Position>;
  /**
   * @throws COMMIT_FENCED, COMMIT_FAILED, DISK_FULL… In each case the task recovers from
   * `position()`.
   */
  commit(request: CommitRequest): Promise<void>;
  /**
   * Makes all commits durable: before state that rests on them is written (S3 after a power cut).
   */
  sync(): Promise<void>;
}

export type EventSink = (
  level: 'info' | 'warn' | 'error',
  event: string,
  facts: Readonly<Record<string, unknown>>,
) => void;

export interface TaskLimits {
  readonly batchRecordsMax: number;
  readonly inFlightBatchesMax: number;
  readonly fetchBytesMax: number;
  readonly dirtyBytesMax: number;
  readonly checkpointIntervalMs: number;
  readonly backlogBytesMax: number;
  readonly replayNoProgressMs: number;
  /** How long one read waits for a record; also the longest wait before an order is heeded. */
  readonly pollMs: number;
  readonly backoffMsMax: number;
}

/** Everything a task is made of; the same for all partitions of a worker. */
export interface TaskParts<E> {
  readonly inputTopic: string;
  readonly deadLetterTopic: string;
  readonly stepper: Stepper<E>;
  readonly model: Model;
  readonly scorer: Scorer;
  readonly source: SourcePort;
  readonly stores: ActorStores;
  readonly checkpoints: TaskCheckpoints;
  readonly openTable: (store: ActorStore) => ActorTable;
  readonly createProfiles: () => Profiles<E, unknown>;
  /** Undefined: events are taken wherever they lie. */
  readonly placement?: Placement<E>;
  readonly describe: (state: ActorState) => unknown;
  readonly clock: Clock;
  readonly emitEvent: EventSink;
  readonly limits: TaskLimits;
}

/** Where a session begins. */
export interface Restored {
  readonly store: ActorStore;
  /** The offset whose state the store holds. */
  readonly offset: Offset;
  readonly from: 'empty' | 'local' | 'checkpoint';
}
