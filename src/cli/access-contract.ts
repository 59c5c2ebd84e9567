/** What commands ask for, however they reach it (`access.ts`). */
import type { Append, TopicDescription, TopicSpec } from '../core/log.ts';
import type { ActorView, AlertRecord } from '../core/status.ts';
import type { LogReader } from './log-records.ts';

/** Offsets are next offsets; seconds: age of what waits longest. */
export interface PartitionPosition {
  readonly partition: number;
  /** K */
  readonly committed: number;
  readonly earliest: number;
  readonly highWatermark: number;
  readonly lagRecords: number;
  readonly lagSeconds: number;
}

/** What is on one machine. */
export interface LocalState {
  /** L of a partition's local store; undefined when there is none. @throws STATE_CORRUPT */
  localOffset(partition: number): Promise<number | undefined>;
  actor(user: number): Promise<ActorView | undefined>;
}

export interface Access extends LocalState {
  /** Those of `only` that exist; without it, all. */
  topics(only?: readonly string[]): Promise<readonly TopicDescription[]>;
  /** `Log.identity` of the input; undefined: not told through an engine's API. */
  logName(): Promise<string | undefined>;
  /** Of the payments' topic. @throws LOG_TOPIC_UNKNOWN */
  positions(): Promise<readonly PartitionPosition[]>;
  /** The newest ones, oldest of them first. */
  alerts(count: number): Promise<readonly AlertRecord[]>;
  /** The log, for reading; with a running engine, it goes on meanwhile. */
  reader(): Promise<LogReader>;
  /** Creates what is missing; an engine has made its own before. @throws LOG_TOPIC_MISMATCH */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  append(appends: readonly Append[]): Promise<void>;
  close(): Promise<void>;
}
