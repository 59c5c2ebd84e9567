/** Records of tools, as the log takes them. */
import type { Append } from './core/log.ts';
import { type NewRecord, packRecords } from './core/records.ts';
import type { ProducedRecord } from './core/status.ts';

export function appendsOf(
  topic: string,
  records: readonly ProducedRecord[],
  timestampMs: number,
): readonly Append[] {
  const byPartition = new Map<number, NewRecord[]>();
  for (const { key, partition, value } of records) {
    const list = byPartition.get(partition) ?? [];
    list.push({ key: key ?? undefined, value: value ?? undefined, timestampMs });
    byPartition.set(partition, list);
  }
  return [...byPartition].map(([partition, list]) => ({
    topic,
    partition,
    records: packRecords(list),
  }));
}
