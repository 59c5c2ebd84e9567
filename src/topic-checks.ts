/** What is wrong, or may go wrong, with topics that somebody else has made. Pure. */
import type { Manifest } from './core/checkpoint.ts';
import type { Config } from './core/config.ts';
import { ShrikeError } from './core/errors.ts';
import type { TopicDescription } from './core/log.ts';
import { inputTopicOf, longerRetention } from './job.ts';

/**
 * The profiles of a user are read from the partition that has the number of the user's payments.
 * @throws LOG_TOPIC_MISMATCH
 */
export function requireSamePartitions(
  config: Config,
  known: readonly Pick<TopicDescription, 'topic' | 'partitions'>[],
): void {
  const input = inputTopicOf(config);
  const count = known.find(({ topic }) => topic === input)?.partitions;
  if (count === undefined) return;
  const { users, cards } = config.input;
  for (const { topic, partitions } of known) {
    if ((topic !== users && topic !== cards) || partitions === count) continue;
    throw new ShrikeError(
      'LOG_TOPIC_MISMATCH',
      `topic ${topic} has ${partitions} partitions and ${input} has ${count}: they must be as many, so that a user's profile lies beside the payments`,
    );
  }
}

/** Something to warn of, by the name of an event. */
export interface TopicWarning {
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** The same for a person; undefined: nothing that this process suffers from. */
  readonly problem?: string;
}

/** A cluster of so many brokers can keep a topic through the loss of one. */
const BROKERS_TO_REPLICATE = 3;

export function replicationWarnings(topics: readonly TopicDescription[]): readonly TopicWarning[] {
  return topics
    .filter(
      ({ replication }) => replication?.factor === 1 && replication.brokers >= BROKERS_TO_REPLICATE,
    )
    .map(({ topic, replication }) => ({
      event: 'topic is on one broker only, and is lost with it',
      facts: { topic, replicationFactor: 1, brokers: replication?.brokers },
    }));
}

/** Re-keyed payments have the timestamps of the input, and must be kept as long. */
export function rekeyWarnings(
  topics: readonly TopicDescription[],
  config: Pick<Config, 'input'>,
): readonly TopicWarning[] {
  const of = (name: string) => topics.find(({ topic }) => topic === name);
  const [input, rekeyed] = [of(config.input.transactions), of(inputTopicOf(config))];
  if (input === undefined || rekeyed === undefined || input === rekeyed) return [];
  const { topic, retentionMs } = rekeyed;
  if (longerRetention(retentionMs, input.retentionMs) === retentionMs) return [];
  const kept = input.retentionMs === 0 ? 'for ever' : hours(input.retentionMs);
  return [
    {
      event: 're-keyed payments may be deleted before they are scored',
      facts: { topic, retentionMs, inputRetentionMs: input.retentionMs },
      problem: `${topic} keeps payments for ${hours(retentionMs)} and ${input.topic} ${kept}: older ones may be deleted before they are scored; raise retention.ms of ${topic}`,
    },
  ];
}

export interface RetentionFacts {
  readonly topic: TopicDescription;
  /** Checkpoints that a restore may use, of each partition, oldest first. */
  readonly kept: readonly (readonly Manifest[])[];
  readonly config: Pick<Config, 'checkpoints'>;
  readonly nowMs: number;
}

/** A checkpoint is of use as long as the log holds what came after it. */
export function retentionWarnings(facts: RetentionFacts): readonly TopicWarning[] {
  const { topic, kept, config, nowMs } = facts;
  const warnings: TopicWarning[] = [];
  for (const [partition, [oldest]] of kept.entries()) {
    const earliest = topic.offsets[partition]?.earliest ?? 0;
    if (oldest === undefined || earliest <= oldest.nextOffset) continue;
    const name = `${topic.topic}-${partition}`;
    warnings.push({
      event: 'log no longer holds what a kept checkpoint would replay',
      facts: { partition: name, earliest, checkpoint: oldest.sequence, from: oldest.nextOffset },
      problem: `${name} begins at ${earliest}: checkpoint ${oldest.sequence}, of offset ${oldest.nextOffset}, cannot be used any more`,
    });
  }
  const { retentionMs } = topic;
  const { keepCount, intervalMs } = config.checkpoints;
  const created = kept.flatMap(([oldest]) => oldest?.createdAtMs ?? []);
  const ageMs = Math.max(keepCount * intervalMs, nowMs - Math.min(nowMs, ...created));
  if (retentionMs > 0 && retentionMs < ageMs) {
    warnings.push({
      event: 'retention is shorter than the oldest kept checkpoint is old',
      facts: { topic: topic.topic, retentionMs, checkpointAgeMs: ageMs },
      problem: `retention of ${topic.topic} (${hours(retentionMs)}) is shorter than the oldest kept checkpoint is old (${hours(ageMs)})`,
    });
  }
  return warnings;
}

function hours(ms: number): string {
  return `${Number((ms / 3_600_000).toPrecision(2))} h`;
}
