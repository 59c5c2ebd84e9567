/** What drills stand on: a log that is only read, a place to work in, and where reports go. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DrillReports } from '../../checkpoints/drill-reports.ts';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { DrillReport } from '../core/drill.ts';
import { explain } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { inputTopicOf } from '../job.ts';
import { brokersOf, openKafka } from '../kafka.ts';
import { openObjectStore } from '../object-store.ts';
import { requireDataFolder, untilSignal, withAccess } from './access.ts';
import type { EngineClient } from './engine-client.ts';
import type { LogReader } from './log-records.ts';

type Use<L> = (log: L, signal: AbortSignal) => Promise<void>;

/** A log that a drill reads, and its name; undefined where an engine has seen to it. */
export interface DrillLog extends LogReader {
  readonly name: string | undefined;
}

/**
 * The embedded log through the engine that has it, if one runs; Kafka by connections of its own,
 * from any machine: no group is joined, and nothing is written.
 */
export async function withDrillLog(config: Config, use: Use<DrillLog>): Promise<void> {
  // The checkpoints are in the data folder, too.
  if (config.s3.bucket === '') requireDataFolder(config.dataDir);
  const topic = inputTopicOf(config);
  if (config.kafka.bootstrap !== '') {
    return withKafkaLog(config, async (log, signal) =>
      use(named(log, await log.identity(topic)), signal),
    );
  }
  await withAccess(config, async (access, signal) =>
    use(named(await access.reader(), await access.logName()), signal),
  );
}

function named(log: LogReader, name: string | undefined): DrillLog {
  return {
    name,
    topics: (only) => log.topics(only),
    offsets: (of) => log.offsets(of),
    read: (request) => log.read(request),
  };
}

/** @throws LOG_UNAVAILABLE, KAFKA_AUTH_FAILED */
export async function withKafkaLog(config: Config, use: Use<Log>): Promise<void> {
  const settings = brokersOf(config);
  if (settings === undefined) throw new Error('a drill on Kafka has brokers');
  const signal = untilSignal();
  // Not the name of a member: whoever has that name is the engine.
  const nameless = { ...config, kafka: { ...config.kafka, instanceId: '' } };
  const onTrouble = (error: unknown) => tell(`trouble with the brokers: ${reasonOf(error)}`);
  const log = await openKafka({ settings, config: nameless, onTrouble });
  try {
    await use(log, signal);
  } finally {
    await log.close();
  }
}

/** On the disk that a restart would restore to, when it is there. */
export function scratchParent({ dataDir }: Config, scratch: string | undefined): string {
  return scratch ?? join(existsSync(dataDir) ? dataDir : tmpdir(), 'drill');
}

export async function drillReports(config: Config): Promise<DrillReports> {
  const store = await openObjectStore(config, join(config.dataDir, 'checkpoints'), clock);
  return new DrillReports({ store, application: config.application, topic: inputTopicOf(config) });
}

/** Into the store, and from there to the metrics of the engine. @returns the report's key */
export async function publish(
  config: Config,
  report: DrillReport,
  client: EngineClient | undefined,
): Promise<string> {
  const reports = await drillReports(config);
  const key = await reports.put(report);
  await reports.trim(config.checkpoints.keepDrills).catch((error: unknown) => {
    tell(`old reports were not deleted: ${reasonOf(error)}`);
  });
  // An engine that does not answer now looks by itself within a minute.
  await client?.get('/api/drills').catch((error: unknown) => {
    tell(`the engine was not told: ${reasonOf(error)}`);
  });
  return key;
}

/** A code and no hint: a report is no place for advice. */
export function reasonOf(error: unknown): string {
  return explain(error).split('\n')[0] as string;
}

export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
