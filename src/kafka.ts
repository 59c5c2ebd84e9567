/** Kafka, for those who configure it: nothing of it is loaded otherwise. */
import { randomInt, randomUUID } from 'node:crypto';
import { systemClock as clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import type { Log } from './core/log.ts';
import { seeded } from './core/random.ts';
import { inputTopicOf, outputTopicsOf, rekeyGroupOf } from './job.ts';
import { kafkaSettings } from './log/kafka/settings.ts';
import type { KafkaSettings } from './log/kafka/wire/settings.ts';
import type { SourcePort } from './runtime/ports.ts';

/** How long a broker may take to answer before it is taken for gone. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Undefined when the configuration names no brokers. @throws CONFIG_INVALID */
export function brokersOf({ application, kafka }: Config): KafkaSettings | undefined {
  if (kafka.bootstrap === '') return undefined;
  return kafkaSettings({ kafka, clientId: `shrike-${application}`, env: process.env });
}

export interface KafkaLogInput {
  readonly settings: KafkaSettings;
  readonly config: Config;
  readonly onTrouble: (error: unknown) => void;
}

/** @throws LOG_UNAVAILABLE, KAFKA_AUTH_FAILED */
export async function openKafka({ settings, config, onTrouble }: KafkaLogInput): Promise<Log> {
  const { openKafkaLog } = await import('./log/kafka/log.ts');
  const { application, kafka } = config;
  // Stable, so that a process that takes the place of a dead one ends what that one left open.
  const member = kafka.instanceId === '' ? randomUUID() : kafka.instanceId;
  return openKafkaLog({
    settings,
    ...kafka,
    transactionalId: `shrike-${application}-${member}`,
    inherits: written(config),
    clock,
    // Of the waits between tries only: processes that met the same outage must not come back at
    // once.
    random: seeded(randomInt(2 ** 32)),
    onTrouble,
  });
}

/** All that a process of this configuration writes and commits, before it or after it. */
function written(config: Config) {
  const { application, input } = config;
  const topics = outputTopicsOf(config);
  if (input.keyedByUser) return { topics, groups: [application] };
  return { topics: [...topics, inputTopicOf(config)], groups: [application, rekeyGroupOf(config)] };
}

/** What an actor thread reads its own partitions with. */
export async function openSource(settings: KafkaSettings): Promise<SourcePort> {
  const [{ Cluster }, { KafkaReader }] = await Promise.all([
    import('./log/kafka/cluster.ts'),
    import('./log/kafka/reader/reader.ts'),
  ]);
  const cluster = new Cluster({ settings, clock, requestTimeoutMs: REQUEST_TIMEOUT_MS });
  return new KafkaReader({ cluster, clock });
}
