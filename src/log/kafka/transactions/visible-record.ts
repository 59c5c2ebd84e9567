/** Whether a record that was written lies in the log, read committed. */
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import { type Offset, type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { Log } from '../../../core/log.ts';
import { PackedRecords } from '../../../core/records.ts';

/** Markers follow a decision within milliseconds; below them may be somebody else's open commit. */
const PATIENCE_MS = 20_000;
const WAIT_MS = 500;

export interface Reading {
  readonly reader: Pick<Log, 'read'>;
  readonly clock: Clock;
}

/**
 * Resolves when the log shows what lies there, or beyond.
 * @throws LOG_UNAVAILABLE when it does not
 */
export async function isVisible(
  { reader, clock }: Reading,
  at: TopicPartition,
  offset: Offset,
): Promise<boolean> {
  const endMs = clock.nowMs() + PATIENCE_MS;
  while (clock.nowMs() < endMs) {
    const read = await reader.read({ ...at, from: offset, bytesMax: 1, waitMs: WAIT_MS });
    const [batch] = read.batches;
    if (batch === undefined) continue;
    // What was aborted is passed over: then the first record, if any, lies further on.
    const { count, offsetDeltas } = PackedRecords.of(batch.bytes);
    for (let i = 0; i < count; i++) {
      const found = batch.baseOffset + (offsetDeltas[i] as number);
      if (found >= offset) return found === offset;
    }
    return false;
  }
  const message = `${topicPartitionName(at)} does not show offset ${offset} yet`;
  throw new ShrikeError('LOG_UNAVAILABLE', message);
}
