/**
 * `shrike drill restore`: checkpoints restored aside and replayed to where the live state's digest
 * is known. The live process goes on: it is asked for digests and records, and for nothing else.
 */
import { join } from 'node:path';
import {
  chooseCheckpoint,
  digestOf,
  factsOf,
  judge,
  newestReadable,
  overall,
  totals,
} from '../../checkpoints/drill.ts';
import type { Payment } from '../../operators/index.ts';
import { DigestSum } from '../../state/digest.ts';
import { schemaInForce } from '../agreed-schema.ts';
import type { ListedManifest, Manifest } from '../core/checkpoint.ts';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { DigestAt, PartitionRestore, RestoreReport } from '../core/drill.ts';
import { codeOf, ShrikeError } from '../core/errors.ts';
import { createFlow, inputTopicOf } from '../job.ts';
import { openObjectStore } from '../object-store.ts';
import type { TaskParts } from '../runtime/ports.ts';
import { rehearse } from '../runtime/rehearsal.ts';
import { openTaskParts } from '../task-parts.ts';
import { VERSION } from '../version.ts';
import { engineClient } from './access.ts';
import { configOf, print, printJson } from './common.ts';
import { type DrillLog, publish, reasonOf, scratchParent, withDrillLog } from './drill-ground.ts';
import { drillId, failUnlessPassed, restoreText } from './drill-text.ts';
import type { EngineClient } from './engine-client.ts';
import { type LogReader, partitionsOf } from './log-records.ts';
import type { CommonOptions } from './options.ts';
import { ScratchFolder } from './scratch-folder.ts';

export interface DrillRestoreOptions extends CommonOptions {
  readonly partition?: number;
  readonly checkpoint: string;
  readonly scratch?: string;
  readonly json?: boolean;
}

export async function drillRestore(options: DrillRestoreOptions): Promise<void> {
  const { config: configured } = configOf(options);
  await withDrillLog(configured, async (log, signal) => {
    const config = await withPartitions(configured, log);
    const startedAtMs = clock.nowMs();
    const client = engineClient(config.dataDir);
    const scratch = new ScratchFolder(scratchParent(config, options.scratch));
    try {
      const parts = await drillParts(config, { log, scratch: scratch.path });
      const drill: Drill = { parts, log, client, wanted: options.checkpoint, signal };
      const partitions = await restoreAll(drill, wantedPartitions(config, options));
      const report: RestoreReport = {
        formatVersion: 1,
        kind: 'restore',
        id: drillId(),
        version: VERSION,
        application: config.application,
        topic: parts.inputTopic,
        startedAtMs,
        endedAtMs: clock.nowMs(),
        checkpoint: options.checkpoint,
        ...overall(partitions, 'equal'),
        ...totals(partitions),
        partitions,
      };
      const key = await publish(config, report, client);
      if (options.json === true) printJson(report);
      else print(restoreText(report, key));
      failUnlessPassed(report);
    } finally {
      scratch.remove();
    }
  });
}

interface Drill {
  readonly parts: TaskParts<Payment>;
  readonly log: LogReader;
  readonly client: EngineClient | undefined;
  readonly wanted: string;
  readonly signal: AbortSignal;
}

/** Whatever a partition task is made of, but for what a drill has no use for. */
async function drillParts(
  config: Config,
  { log, scratch }: { readonly log: DrillLog; readonly scratch: string },
): Promise<TaskParts<Payment>> {
  const flow = createFlow(config);
  // Checkpoints of another log are refused, as an engine refuses them (decision 14).
  const logName = log.name !== undefined && { logName: log.name };
  const features = flow.featureNames;
  const model = { modelId: 'none', threshold: 1, featureSet: 'none', features };
  const folders = { state: scratch, checkpoints: join(config.dataDir, 'checkpoints') };
  // As the engine writes it: else equal states would have other digests.
  const store = await openObjectStore(config, folders.checkpoints, clock);
  const schema = await schemaInForce(config, store, flow);
  return {
    ...(await openTaskParts({ config, model, schema, folders, clock, ...logName })),
    clock,
    source: log,
    scorer: {
      score: async () => {
        throw new ShrikeError('DRILL_FAILED', 'a drill scores nothing');
      },
    },
    // What a partition meets is in its report.
    emitEvent: () => undefined,
  };
}

/** As many as the topic has: where a payment belongs depends on it. */
async function withPartitions(config: Config, log: LogReader): Promise<Config> {
  const topic = inputTopicOf(config);
  const partitions = await partitionsOf(log, topic);
  if (partitions > 0) return { ...config, input: { ...config.input, partitions } };
  throw new ShrikeError('LOG_TOPIC_UNKNOWN', `there is no topic ${topic}`);
}

function wantedPartitions(
  { input }: Config,
  { partition }: DrillRestoreOptions,
): readonly number[] {
  const { partitions } = input;
  if (partition === undefined) return Array.from({ length: partitions }, (_, p) => p);
  if (partition < partitions) return [partition];
  const message = `there is no partition ${partition}: the input has ${partitions}`;
  throw new ShrikeError('LOG_TOPIC_UNKNOWN', message);
}

/** One after the other: memory and disk of one partition, whatever the state's size. */
async function restoreAll(
  drill: Drill,
  partitions: readonly number[],
): Promise<readonly PartitionRestore[]> {
  const restored: PartitionRestore[] = [];
  for (const partition of partitions) {
    const one = await restoreOne(drill, partition);
    if (drill.signal.aborted) throw new ShrikeError('DRILL_FAILED', 'the drill was interrupted');
    if (one !== undefined) restored.push(one);
  }
  return restored;
}

const NOT_DONE = {
  expected: null,
  found: null,
  restoreSeconds: null,
  profilesSeconds: null,
  replaySeconds: null,
  replayedRecords: null,
} as const;

/** @returns undefined where there is nothing to restore: no checkpoint, and no record either */
async function restoreOne(drill: Drill, partition: number): Promise<PartitionRestore | undefined> {
  const { parts, log } = drill;
  const of = { topic: parts.inputTopic, partition };
  const listed: ListedManifest[] = [];
  for await (const one of parts.checkpoints.newestFirst(of)) listed.push(one);
  if (listed.length === 0 && (await log.offsets(of)).highWatermark === 0) return undefined;
  const failed = { partition, verdict: 'failed', checkpoint: null, ...NOT_DONE } as const;
  // Before the live digest is asked for, which seals a checkpoint: that one would leave nothing
  // to replay.
  const choice = chooseCheckpoint(listed, drill.wanted);
  if ('reason' in choice) return { ...failed, reason: `${choice.reason} [${choice.code}]` };
  const { manifest } = choice;
  const checkpoint = factsOf(manifest, clock.nowMs());
  try {
    const live = await liveDigest(drill, partition);
    const newest = newestReadable(listed) ?? manifest;
    const expected = live ?? digestOf(newest);
    const { found, ...measured } = await rehearseOne(drill, manifest, expected.nextOffset);
    return {
      partition,
      ...judge(expected, found),
      checkpoint,
      expected: { ...expected, from: live === undefined ? 'manifest' : 'engine' },
      found: { digest: found.digest, actorCount: found.actorCount },
      ...measured,
    };
  } catch (error) {
    return { ...failed, checkpoint, reason: reasonOf(error) };
  }
}

function rehearseOne({ parts, signal }: Drill, manifest: Manifest, target: number) {
  const createDigester = () => new DigestSum();
  return rehearse({
    parts,
    partition: manifest.partition,
    manifest,
    target,
    createDigester,
    signal,
  });
}

/** Undefined when no engine runs here, or another one has the partition. */
async function liveDigest({ client }: Drill, partition: number): Promise<DigestAt | undefined> {
  try {
    const body = { type: 'application/json', text: '{}' };
    return await client?.post<DigestAt>(`/api/partitions/${partition}/digest`, body);
  } catch (error) {
    if (codeOf(error) === 'API_NOT_FOUND') return undefined;
    throw error;
  }
}
