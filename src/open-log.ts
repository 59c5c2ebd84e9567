/** The log that the configuration names: Kafka, or the embedded one in the data folder. */
import { systemClock as clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import { explain } from './core/errors.ts';
import type { Log } from './core/log.ts';
import { inputTopicOf } from './job.ts';
import { openKafka } from './kafka.ts';
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

/**
 * On Kafka a topic is there before its readers are: how many partitions it has is its own affair.
 * In the embedded log the configured number must be the right one (`ensureTopics`).
 */
export async function withPartitionsOf(log: Log, config: Config): Promise<Config> {
  if (log.kind === 'embedded') return config;
  const input = inputTopicOf(config);
  const known = await log.topics();
  requireSamePartitions(config, known);
  const partitions = known.find(({ topic }) => topic === input)?.partitions;
  return partitions === undefined ? config : { ...config, input: { ...config.input, partitions } };
}
