/** Follows the alert topic as any consumer would: what it shows is committed. */
import type { Clock } from './core/clock.ts';
import type { Log } from './core/log.ts';
import { type FetchedBatch, PackedRecords } from './core/records.ts';
import type { AlertRecord } from './core/status.ts';

const READ_BYTES_MAX = 1 << 20;
const WAIT_MS = 500;

export function* parseAlerts(partition: number, batch: FetchedBatch): Generator<AlertRecord> {
  const records = PackedRecords.of(batch.bytes);
  for (let i = 0; i < records.count; i++) {
    const offset = records.offset(batch.baseOffset, i);
    const value = records.value(i);
    if (offset < batch.from || value === undefined) continue;
    yield {
      partition,
      offset,
      timestampMs: records.timestampMs(i),
      value: JSON.parse(value.toString('utf8')) as AlertRecord['value'],
    };
  }
}

export interface FollowOptions {
  readonly log: Pick<Log, 'offsets' | 'read'>;
  readonly topic: string;
  readonly partitions: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How many of the newest records of each partition come first. */
  readonly backlog: number;
  /** Where to begin instead, by partition. */
  readonly startAt?: readonly number[];
  readonly onError: (error: unknown) => void;
}

/**
 * Calls `onAlert` in offset order of each partition, until the signal aborts. A log that does not
 * answer is told to `onError`, and asked again.
 */
export async function followAlerts(
  options: FollowOptions,
  onAlert: (alert: AlertRecord) => void,
): Promise<void> {
  const { partitions } = options;
  await Promise.all(
    Array.from({ length: partitions }, (_, partition) => followOne(options, partition, onAlert)),
  );
}

async function followOne(
  { log, topic, clock, signal, backlog, startAt, onError }: FollowOptions,
  partition: number,
  onAlert: (alert: AlertRecord) => void,
): Promise<void> {
  let from = startAt?.[partition];
  let isPlaced = false;
  while (!signal.aborted) {
    try {
      if (from === undefined || !isPlaced) {
        const { earliest, highWatermark } = await log.offsets({ topic, partition });
        // Retention may have overtaken a follower that stood still.
        from = Math.max(earliest, from ?? highWatermark - backlog);
        isPlaced = true;
      }
      const request = { topic, partition, from, bytesMax: READ_BYTES_MAX, waitMs: WAIT_MS, signal };
      for (const batch of (await log.read(request)).batches) {
        for (const alert of parseAlerts(partition, batch)) onAlert(alert);
        from = batch.nextOffset;
      }
    } catch (error) {
      if (signal.aborted) return;
      onError(error);
      isPlaced = false;
      await clock.sleep(WAIT_MS, signal);
    }
  }
}
