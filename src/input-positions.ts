/** How far a group has come in its input, and how old what waits is. */
import type { Log } from './core/log.ts';
import { PackedRecords } from './core/records.ts';
import type { InputPosition } from './runtime/status-board.ts';

export interface InputOf {
  readonly group: string;
  readonly transactions: string;
  readonly partitions: number;
}

/** By partition number. */
export async function inputPositions(
  log: Pick<Log, 'committed' | 'offsets' | 'read'>,
  { group, transactions: topic, partitions }: InputOf,
): Promise<readonly InputPosition[]> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const committed = await log.committed(group, all);
  return Promise.all(
    all.map(async (of, i) => {
      const { earliest, highWatermark } = await log.offsets(of);
      const at = Math.max(earliest, committed[i] ?? 0);
      const waitingSinceMs = at < highWatermark ? await timestampAt(log, { ...of, at }) : undefined;
      return { highWatermark, committed: at, waitingSinceMs };
    }),
  );
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
