/**
 * Compacts a lake, one lane (a topic's partition) after the other. The argument, with the numbers
 * L1 to L10, is in the README.
 */
import { topicPartitionName } from '../core/ids.ts';
import type { ObjectStore } from '../core/object-store.ts';
import { grouped } from './grouped.ts';
import { type CompactOptions, compactLane, type Lane, type LaneReport } from './lane.ts';
import { COMPACTED, outputOf, sourceOf } from './names.ts';

/**
 * @yields a report as each lane is done
 * @throws OBJECT_STORE_UNAVAILABLE, OBJECT_STORE_REFUSED; what was done until then stays done
 */
export async function* compactLake(options: CompactOptions): AsyncGenerator<LaneReport> {
  for (const lane of await lanesOf(options.store)) yield await compactLane(options, lane);
}

async function lanesOf(store: ObjectStore): Promise<readonly Lane[]> {
  // L4: sources first. The first list has the outputs too, and they are not looked at.
  const sources = (await store.list('')).flatMap((one) => sourceOf(one) ?? []);
  const outputs = (await store.list(COMPACTED)).flatMap(({ key }) => outputOf(key) ?? []);
  const outputsByLane = grouped(outputs, topicPartitionName);
  return [...grouped(sources, topicPartitionName)].map(([name, those]) => {
    const [{ topic, partition }] = those;
    return { topic, partition, sources: those, outputs: outputsByLane.get(name) ?? [] };
  });
}
