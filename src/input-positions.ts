/** How far a group has come in its input, and how old what waits is. */
import type { Log } from './core/log.ts';
import { PackedRecords } from './core/records.ts';
import type { InputPosition } from './runtime/status-board.ts';

export interface InputOf {
  readonly group: string;
  readonly topic: string;
  readonly partitions: Iterable<number>;
}

/** By partition number. */
export async function inputPositions(
  log: Pick<Log, 'committed' | 'offsets' | 'read'>,
  { group, topic, partitions }: InputOf,
): Promise<ReadonlyMap<number, InputPosition>> {
  const all = Array.from(partitions, (partition) => ({ topic, partition }));
  const committed = all.length === 0 ? [] : await log.committed(group, all);
  const positions = await Promise.all(
    all.map(async (of, i) => {
      const { earliest, highWatermark } = await log.offsets(of);
      const at = Math.max(earliest, committed[i] ?? 0);
      const waitingSinceMs = at < highWatermark ? await timestampAt(log, { ...of, at }) : undefined;
      return [of.partition, { highWatermark, committed: at, waitingSinceMs }] as const;
    }),
  );
  return new Map(positions);
}

async function timestampAt(
  log: Pick<Log, 'read'>,
  { at: from, ...of }: { readonly topic: string; readonly partition: number; readonly at: number },
): Promise<number | undefined> {
  const { batches } = await log.read({ ...of, from, bytesMax: 1, waitMs: 0 });
  const [batch] = batches;
  if (batch === undefined) return undefined;
  const records = PackedRecords.of(batch.bytes);
  for (let i = 0; i < records.count; i++) {
    if (records.offset(batch.baseOffset, i) >= from) return records.timestampMs(i);
  }
  return undefined;
}
