/** `shrike topics` and `shrike lag`: what is in the log, and how far the engine is with it. */
import type { Config } from '../core/config.ts';
import type { TopicDescription } from '../core/log.ts';
import { topicsOf } from '../job.ts';
import { withAccess } from './access.ts';
import type { PartitionPosition } from './access-contract.ts';
import { configOf, print, printJson, table } from './common.ts';
import type { CommonOptions } from './options.ts';

export interface TopicsOptions extends CommonOptions {
  readonly all?: boolean;
  readonly json?: boolean;
}

export async function showTopics(options: TopicsOptions): Promise<void> {
  const { config } = configOf(options);
  await withAccess(config, async (access) => {
    const topics = [...(await access.topics(options.all === true ? undefined : ours(config)))];
    topics.sort((a, b) => a.topic.localeCompare(b.topic));
    if (options.json === true) printJson(topics);
    else print(table([['topic', 'partitions', 'records', 'kept'], ...topics.map(topicRow)]));
  });
}

/** What the engine reads and writes, and what it did when it was configured otherwise. */
function ours(config: Config): readonly string[] {
  const outputs = { ...config.outputs, scored: true, features: true };
  return topicsOf({ ...config, outputs }).map(({ topic }) => topic);
}

function topicRow({ topic, partitions, offsets, cleanup, retentionMs }: TopicDescription) {
  const records = offsets.reduce((sum, one) => sum + one.highWatermark - one.earliest, 0);
  const passing = retentionMs === 0 ? 'for ever' : `${retentionMs / 3_600_000} h`;
  return [topic, partitions, records, cleanup === 'compact' ? 'newest of each key' : passing];
}

export async function showLag(options: TopicsOptions): Promise<void> {
  await withAccess(configOf(options).config, async (access) => {
    const positions = await access.positions();
    if (options.json === true) printJson(positions);
    else print(lagText(positions));
  });
}

function lagText(positions: readonly PartitionPosition[]): string {
  const rows = positions.map((p) => [
    p.partition,
    p.committed,
    p.highWatermark,
    p.lagRecords,
    Number(p.lagSeconds.toFixed(1)),
  ]);
  const records = positions.reduce((sum, one) => sum + one.lagRecords, 0);
  const seconds = Math.max(0, ...positions.map((one) => one.lagSeconds));
  const head = ['partition', 'committed', 'end', 'lag', 'seconds'];
  return table([head, ...rows, ['all', '', '', records, Number(seconds.toFixed(1))]]);
}
