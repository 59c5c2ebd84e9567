/** A log that a command feeds: that of an engine, of a data folder, or on Kafka. */
import type { Config } from '../core/config.ts';
import { ensureInputsOf, inputTopicOf } from '../job.ts';
import type { Access } from './access-contract.ts';
import type { FeedLog } from './feeds.ts';
import { partitionsOf } from './log-records.ts';
import { patientCommandAppend } from './patient-append.ts';

export interface Feedable {
  readonly log: FeedLog;
  /** With as many partitions as the payments' topic really has. */
  readonly config: Config;
}

/**
 * Makes the input's topics that are missing.
 * @param signal ends the waiting for brokers that are away
 * @throws LOG_TOPIC_MISMATCH
 */
export async function openFeed(
  access: Access,
  config: Config,
  signal: AbortSignal,
): Promise<Feedable> {
  const known = await withPartitionsThere(access, config);
  await ensureInputsOf(access, known);
  const reader = await access.reader();
  const partitions = await partitionsOf(access, config.input.transactions);
  const append: FeedLog['append'] = async (appends) => {
    await access.append(appends);
    return [];
  };
  const { logging } = config;
  const isOnKafka = config.kafka.bootstrap !== '';
  return {
    log: {
      offsets: (of) => reader.offsets(of),
      read: (request) => reader.read(request),
      // An engine that does not answer may have taken a part of what it was sent.
      append: isOnKafka ? patientCommandAppend({ append, logging, signal }) : append,
    },
    config: { ...known, input: { ...known.input, partitions } },
  };
}

/** On Kafka a topic that is there has the number of partitions that it has. */
async function withPartitionsThere(access: Access, config: Config): Promise<Config> {
  if (config.kafka.bootstrap === '') return config;
  const partitions = await partitionsOf(access, inputTopicOf(config));
  return partitions === 0 ? config : { ...config, input: { ...config.input, partitions } };
}
