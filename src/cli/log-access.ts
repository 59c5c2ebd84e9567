/** What commands ask for, out of a log that this process has opened. */
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import type { TopicPartition } from '../core/ids.ts';
import type { Append, Log, TopicDescription, TopicSpec } from '../core/log.ts';
import type { ActorView, AlertRecord } from '../core/status.ts';
import { inputPositions } from '../input-positions.ts';
import { inputTopicOf, outputNames } from '../job.ts';
import type { Access, LocalState, PartitionPosition } from './access-contract.ts';
import { type LogReader, partitionsOf, recordsOf } from './log-records.ts';

export interface LogAccessOptions {
  readonly config: Config;
  readonly log: Log;
  readonly local: LocalState;
  /** Called when the log is closed. */
  readonly release: () => void;
}

export class LogAccess implements Access {
  readonly #options: LogAccessOptions;

  constructor(options: LogAccessOptions) {
    this.#options = options;
  }

  topics(only?: readonly string[]): Promise<readonly TopicDescription[]> {
    return this.#options.log.topics(only);
  }

  logName(): Promise<string> {
    const { log, config } = this.#options;
    return log.identity(inputTopicOf(config));
  }

  /** Of every partition, whoever owns it: a group may have many members. */
  async positions(): Promise<readonly PartitionPosition[]> {
    const { log, config } = this.#options;
    const topic = inputTopicOf(config);
    const count = await inputPartitions(log, config);
    const partitions = Array.from({ length: count }, (_, p) => p);
    const found = await inputPositions(log, { group: config.application, topic, partitions });
    const nowMs = clock.nowMs();
    return [...found].map(([partition, at]) => {
      const { committed, earliest, highWatermark, waitingSinceMs = nowMs } = at;
      const lagRecords = Math.max(0, highWatermark - committed);
      const lagSeconds = Math.max(0, nowMs - waitingSinceMs) / 1000;
      return { partition, committed, earliest, highWatermark, lagRecords, lagSeconds };
    });
  }

  localOffset(partition: number): Promise<number | undefined> {
    return this.#options.local.localOffset(partition);
  }

  actor(user: number): Promise<ActorView | undefined> {
    return this.#options.local.actor(user);
  }

  async alerts(count: number): Promise<readonly AlertRecord[]> {
    const { log, config } = this.#options;
    const topic = outputNames(config).alerts;
    const partitions = count === 0 ? 0 : await partitionsOf(log, topic);
    const newest: AlertRecord[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      newest.push(...(await newestAlerts(log, { topic, partition }, count)));
    }
    newest.sort((a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition);
    return newest.slice(-count);
  }

  async reader(): Promise<LogReader> {
    return this.#options.log;
  }

  ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#options.log.ensureTopics(topics);
  }

  async append(appends: readonly Append[]): Promise<void> {
    await this.#options.log.append(appends);
  }

  async close(): Promise<void> {
    await this.#options.log.close();
    this.#options.release();
  }
}

/** @throws LOG_TOPIC_UNKNOWN */
export async function inputPartitions(log: Log, config: Config): Promise<number> {
  const topic = inputTopicOf(config);
  const count = await partitionsOf(log, topic);
  if (count > 0) return count;
  const where = config.kafka.bootstrap === '' ? config.dataDir : config.kafka.bootstrap;
  throw new ShrikeError('LOG_TOPIC_UNKNOWN', `there is no topic ${topic} in ${where}`);
}

/** Offsets have gaps, so that as many records may take more of them: it looks further back then. */
async function newestAlerts(log: Log, of: TopicPartition, count: number): Promise<AlertRecord[]> {
  const { partition } = of;
  const { earliest, highWatermark: to } = await log.offsets(of);
  for (let span = count; ; span *= 4) {
    const from = Math.max(earliest, to - span);
    const found: AlertRecord[] = [];
    for await (const { offset, timestampMs, value } of recordsOf(log, { ...of, from, to })) {
      if (value === undefined) continue;
      found.push({ partition, offset, timestampMs, value: JSON.parse(value.toString()) });
    }
    if (found.length >= count || from === earliest) return found.slice(-count);
  }
}
