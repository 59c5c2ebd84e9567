/**
 * Names in the lake, relative to its prefix: sources as the sink names them, outputs, the index.
 * Days are UTC, as `2026-11-20`.
 */
import { type Offset, type TopicPartition, topicPartitionName } from '../core/ids.ts';
import type { ObjectSummary } from '../core/object-store.ts';

/** An object of the sink. */
export interface Source extends TopicPartition {
  readonly key: string;
  /** Of its first line. */
  readonly start: Offset;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface OutputName extends TopicPartition {
  readonly key: string;
  readonly day: string;
}

export const COMPACTED = 'compacted/';
export const DAY_MS = 86_400_000;
/** As many as the largest safe integer has: keys are in the order of offsets. */
const OFFSET_DIGITS = 16;

// A topic may have dashes, and digits behind them: partition and offset are the last two numbers.
const SOURCE = /^([a-zA-Z0-9._-]+)-(\d+)-(\d+)\.jsonl\.gz$/;
const OUTPUT =
  /^compacted\/day=(\d{4}-\d{2}-\d{2})\/([a-zA-Z0-9._-]+)-(\d+)-\d{16}-\d{16}\.parquet$/;

/** @returns undefined for whatever else is there, and for what lies below a further folder. */
export function sourceOf({ key, bytes, modifiedMs }: ObjectSummary): Source | undefined {
  const [, topic, partition, start] = SOURCE.exec(key) ?? [];
  if (topic === undefined) return undefined;
  const source = { key, topic, partition: Number(partition), start: Number(start) };
  const isExact = Number.isSafeInteger(source.partition) && Number.isSafeInteger(source.start);
  return isExact ? { ...source, bytes, modifiedMs } : undefined;
}

export function outputOf(key: string): OutputName | undefined {
  const [, day, topic, partition] = OUTPUT.exec(key) ?? [];
  if (day === undefined || topic === undefined) return undefined;
  return { key, day, topic, partition: Number(partition) };
}

export function outputKey(day: string, first: Source, last: Source): string {
  const [from, to] = [first, last].map(({ start }) => String(start).padStart(OFFSET_DIGITS, '0'));
  return `${COMPACTED}day=${day}/${topicPartitionName(first)}-${from}-${to}.parquet`;
}

/** Readers pass over what begins with an underscore. */
export function indexKey(lane: TopicPartition): string {
  return `${COMPACTED}_index/${topicPartitionName(lane)}.json`;
}

export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** The first millisecond that is not of this day any more. */
export function endOfDayMs(timeMs: number): number {
  return (Math.floor(timeMs / DAY_MS) + 1) * DAY_MS;
}
