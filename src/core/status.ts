/**
 * What the API, the page, the status line and the metrics show: one picture of the engine, made
 * each second.
 */
import type { DigestAt, DrillSummary } from './drill.ts';
import type { TopicPartition } from './ids.ts';
import type { PartitionOffsets, TopicDescription } from './log.ts';
import type { RekeyPicture } from './rekey.ts';
import type { PartitionStats, WorkerStats } from './telemetry.ts';

export interface EngineStatus {
  readonly atMs: number;
  readonly startedAtMs: number;
  readonly application: string;
  readonly version: string;
  readonly modelId: string;
  /** Live on every partition and caught up with what was there at the start. */
  readonly ready: boolean;
  /** What is wrong, one sentence each; empty when all is well. */
  readonly problems: readonly string[];
  readonly paymentsPerSecond: number;
  readonly totals: {
    readonly records: number;
    readonly alerts: number;
    readonly deadLetters: number;
    readonly checkpoints: number;
  };
  readonly lag: { readonly records: number; readonly seconds: number };
  /** Over the last second with traffic; from the record's timestamp to its commit. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null };
  readonly checkpointAgeSeconds: number | null;
  /** Only where the input is re-keyed. */
  readonly rekey?: RekeyPicture;
  readonly partitions: readonly (PartitionStats & {
    readonly worker: number;
    readonly lagRecords: number;
    readonly lagSeconds: number;
  })[];
  readonly workers: readonly WorkerStats[];
}

/** A worker as the API sends it: quantiles of the whole run instead of histograms. */
export interface WorkerSummary
  extends Pick<WorkerStats, 'worker' | 'atMs' | 'heapBytes' | 'eventLoopDelayMsP99' | 'errors'> {
  readonly partitions: readonly number[];
  readonly latencyMsP99: number | null;
  readonly commitMsP99: number | null;
  readonly pauseMsP99: number | null;
}

/** EngineStatus as the API sends it and the page reads it. */
export interface StatusSnapshot extends Omit<EngineStatus, 'workers'> {
  readonly workers: readonly WorkerSummary[];
}

/** One second of the page's charts. */
export interface StatusPoint {
  readonly atMs: number;
  readonly paymentsPerSecond: number;
  readonly p50: number | null;
  readonly p99: number | null;
}

/** One alert as it stands in the topic. */
export interface AlertRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  /** The alert's JSON value, parsed. */
  readonly value: Readonly<Record<string, unknown>>;
}

export interface ActorView {
  readonly user: number;
  readonly partition: number;
  readonly nextOffset: number;
  /** Operators' states by name: of the user, and of each card. */
  readonly state: unknown;
}

export interface RecordsRequest extends TopicPartition {
  readonly from: number;
  /** At most so many records; bytes are bounded, too. */
  readonly count: number;
}

/** A record as it stands in the log. */
export interface PageRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
}

export interface RecordPage extends PartitionOffsets {
  /** Where the next page begins; `highWatermark` on the last one. */
  readonly nextOffset: number;
  readonly records: readonly PageRecord[];
}

/** A record to be appended: a null key is none, a null value a tombstone. */
export interface ProducedRecord {
  readonly key: string | null;
  readonly partition: number;
  readonly value: string | Uint8Array | null;
}

/** What the API may ask of the running engine. */
export interface EngineView {
  status(): EngineStatus;
  topics(): Promise<readonly TopicDescription[]>;
  /** Newest first. */
  recentAlerts(count: number): Promise<readonly AlertRecord[]>;
  /** Calls the listener for each alert that is committed from now on. @returns stop */
  onAlert(listener: (alert: AlertRecord) => void): () => void;
  onStatus(listener: (status: EngineStatus) => void): () => void;
  actor(user: number): Promise<ActorView | undefined>;
  /** A savepoint of every partition. @returns manifest sequence by partition. */
  savepoint(name: string): Promise<
    readonly {
      readonly partition: number;
      readonly sequence: number;
      readonly nextOffset: number;
    }[]
  >;
  /**
   * The digest of a partition's state, as of a snapshot that is taken now.
   * @returns undefined when the partition is not on this engine
   * @throws PARTITION_NOT_LIVE
   */
  digest(partition: number): Promise<DigestAt | undefined>;
  /** The newest drill of each kind, as the object store has them now. */
  drills(): Promise<readonly DrillSummary[]>;
  /**
   * A page of committed records: a consumer for tools on this machine.
   * @throws LOG_TOPIC_UNKNOWN, LOG_OFFSET_OUT_OF_RANGE
   */
  records(request: RecordsRequest): Promise<RecordPage>;
  /** Appends to a topic: a producer for tools on this machine. @returns how many. */
  produce(topic: string, records: readonly ProducedRecord[]): Promise<number>;
  /** The metrics in Prometheus' text format. */
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
}
