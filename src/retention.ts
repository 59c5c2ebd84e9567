/** Lets the log forget what is older than its retention and needed by no kept checkpoint. */
import type { Checkpoints } from './core/checkpoint.ts';
import type { Log, TopicDescription } from './core/log.ts';
import { PackedRecords } from './core/records.ts';

export interface RetentionOptions {
  readonly log: Log;
  readonly checkpoints: Pick<Checkpoints, 'list'>;
  readonly inputTopic: string;
  /** What is read into the input topic, and by which group: what waits there must stay. */
  readonly rekeyed?: { readonly topic: string; readonly group: string };
  readonly nowMs: number;
}

/** @returns records freed, by topic */
export async function applyRetention(options: RetentionOptions): Promise<Map<string, number>> {
  const freed = new Map<string, number>();
  for (const topic of await options.log.topics()) {
    if (topic.cleanup === 'compact' || topic.retentionMs === 0) continue;
    for (let partition = 0; partition < topic.partitions; partition++) {
      const count = await trim(options, topic, partition);
      freed.set(topic.topic, (freed.get(topic.topic) ?? 0) + count);
    }
  }
  return freed;
}

async function trim(
  { log, checkpoints, inputTopic, rekeyed, nowMs }: RetentionOptions,
  { topic, retentionMs }: TopicDescription,
  partition: number,
): Promise<number> {
  const of = { topic, partition };
  const { earliest, highWatermark } = await log.offsets(of);
  let bound = highWatermark;
  if (topic === inputTopic) bound = await oldestNeeded(checkpoints, of);
  if (topic === rekeyed?.topic) bound = (await log.committed(rekeyed.group, [of]))[0] ?? 0;
  let before = earliest;
  while (before < bound) {
    const { batches } = await log.read({ ...of, from: before, bytesMax: 1, waitMs: 0 });
    const [batch] = batches;
    if (batch === undefined || batch.nextOffset > bound) break;
    const records = PackedRecords.of(batch.bytes);
    if (records.timestampMs(records.count - 1) >= nowMs - retentionMs) break;
    before = batch.nextOffset;
  }
  if (before > earliest) await log.deleteBefore(of, before);
  return before - earliest;
}

/** What a restore may have to replay from; nothing may go while there is no checkpoint at all. */
async function oldestNeeded(
  checkpoints: Pick<Checkpoints, 'list'>,
  of: { readonly topic: string; readonly partition: number },
): Promise<number> {
  const offsets: number[] = [];
  for (const listed of await checkpoints.list(of)) {
    // A savepoint is for going back by hand; it does not hold the log.
    if ('manifest' in listed && listed.manifest.savepoint === null) {
      offsets.push(listed.manifest.nextOffset);
    }
  }
  return offsets.length === 0 ? 0 : Math.min(...offsets);
}
