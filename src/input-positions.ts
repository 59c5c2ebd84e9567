/** How far a group has come in its input, and how old what waits is. */
import type { Log } from './core/log.ts';
import { PackedRecords } from './core/records.ts';
import type { InputPosition } from './runtime/status-board.ts';

export interface InputOf {
  readonly group: string;
  readonly topic: string;
  readonly partitions: Iterable<number>;
}

export interface LogPosition extends InputPosition {
  readonly earliest: number;
}

/** By partition number. */
export async function inputPositions(
  log: Pick<Log, 'committed' | 'offsets' | 'read'>,
  { group, topic, partitions }: InputOf,
): Promise<ReadonlyMap<number, LogPosition>> {
  const all = Array.from(partitions, (partition) => ({ topic, partition }));
  const committed = all.length === 0 ? [] : await log.committed(group, all, { asOfNow: true });
  const positions = await Promise.all(
    all.map(async (of, i) => {
      const { earliest, highWatermark, logEnd } = await log.offsets(of);
      const at = Math.max(earliest, committed[i] ?? 0);
      const waitingSinceMs = await timestampAt(log, { ...of, at, highWatermark });
      const end = logEnd !== undefined && { logEnd };
      const found = { earliest, highWatermark, ...end, committed: at, waitingSinceMs };
      return [of.partition, found] as const;
    }),
  );
  return new Map(positions);
}

interface Waiting {
  readonly topic: string;
  readonly partition: number;
  readonly at: number;
  readonly highWatermark: number;
}

/** Where a commit of Kafka's has ended, and where records were compacted away, there is none. */
async function timestampAt(
  log: Pick<Log, 'read'>,
  { at, highWatermark, ...of }: Waiting,
): Promise<number | undefined> {
  let from = at;
  while (from < highWatermark) {
    const { batches } = await log.read({ ...of, from, bytesMax: 1, waitMs: 0 });
    const [batch] = batches;
    if (batch === undefined) return undefined;
    const records = PackedRecords.of(batch.bytes);
    for (let i = 0; i < records.count; i++) {
      if (records.offset(batch.baseOffset, i) >= from) return records.timestampMs(i);
    }
    from = batch.nextOffset;
  }
  return undefined;
}
