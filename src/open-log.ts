/** The log that the configuration names: Kafka, or the embedded one in the data folder. */
import { systemClock as clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import { explain } from './core/errors.ts';
import type { Log } from './core/log.ts';
import { ensureTopicsOf, inputTopicOf, topicsOf } from './job.ts';
import { openKafka } from './kafka.ts';
import { claimState } from './local-state.ts';
import type { KafkaSettings } from './log/kafka/wire/settings.ts';
import type { Logger } from './telemetry/logger.ts';
import { requireSamePartitions } from './topic-checks.ts';

export interface LogOptions {
  readonly config: Config;
  /** Undefined: the embedded log. */
  readonly kafka: KafkaSettings | undefined;
  /** Of the embedded log. */
  readonly folder: string;
  readonly logger: Pick<Logger, 'event'>;
}

/** @throws LOG_UNAVAILABLE, KAFKA_AUTH_FAILED, LOG_CORRUPT, DISK_FULL */
export async function openLog({ config, kafka, folder, logger }: LogOptions): Promise<Log> {
  if (kafka !== undefined) {
    const onTrouble = (error: unknown) =>
      logger.event('warn', 'trouble with the brokers', { reason: explain(error) });
    return openKafka({ settings: kafka, config, onTrouble });
  }
  const { openEmbeddedLog } = await import('./log/embedded/log.ts');
  const { sync, syncIntervalMs } = config.log;
  return openEmbeddedLog(folder, { sync, syncIntervalMs, clock });
}

interface Preparing {
  readonly config: Config;
  readonly stateFolder: string;
  readonly logger: Pick<Logger, 'event'>;
}

export interface PreparedLog {
  readonly config: Config;
  /** Of the topic that is scored (`Log.identity`). */
  readonly logName: string;
}

/**
 * Topics as they must be, and the state folder theirs.
 * @throws LOG_TOPIC_MISMATCH, LOG_TOPIC_CLEANUP, LOG_UNAVAILABLE, KAFKA_NOT_AUTHORIZED
 */
export async function prepareLog(log: Log, preparing: Preparing): Promise<PreparedLog> {
  const config = await withPartitionsOf(log, preparing.config);
  await ensureTopicsOf(log, config);
  const logName = await log.identity(inputTopicOf(config));
  if (claimState(preparing.stateFolder, logName)) {
    const facts = { code: 'STATE_OF_OTHER_LOG', log: logName };
    preparing.logger.event('warn', 'local state is of another log and is set aside', facts);
  }
  return { config, logName };
}

/**
 * On Kafka a topic is there before its readers are: how many partitions it has is its own affair.
 * In the embedded log the configured number must be the right one (`ensureTopics`).
 */
export async function withPartitionsOf(
  log: Pick<Log, 'kind' | 'topics'>,
  config: Config,
): Promise<Config> {
  if (log.kind === 'embedded') return config;
  const input = inputTopicOf(config);
  const known = await log.topics(topicsOf(config).map(({ topic }) => topic));
  requireSamePartitions(config, known);
  const partitions = known.find(({ topic }) => topic === input)?.partitions;
  return partitions === undefined ? config : { ...config, input: { ...config.input, partitions } };
}
