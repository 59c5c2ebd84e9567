/** What the engine is made of: opened side by side where it can be, closed in the reverse order. */
import { fileURLToPath } from 'node:url';
import type { ResourceLimits } from 'node:worker_threads';
import { openCheckpoints } from '../checkpoints/checkpoints.ts';
import { agreedSchema } from './agreed-schema.ts';
import { threadsOf } from './budgets.ts';
import type { Checkpoints } from './core/checkpoint.ts';
import { systemClock as clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import type { OperatorVersion } from './core/flow.ts';
import type { Log } from './core/log.ts';
import { SCORER_YOUNG_BYTES } from './core/memory-plan.ts';
import type { ObjectStore } from './core/object-store.ts';
import type { Model } from './core/scoring.ts';
import { claimDataFolder, type DataFolder } from './data-folder.ts';
import { heapLimits } from './heap-limits.ts';
import { outlineOf } from './job.ts';
import type { KafkaSettings } from './log/kafka/wire/settings.ts';
import { deferObjectStore } from './object-store.ts';
import { openLog, prepareLog } from './open-log.ts';
import { readBundle } from './scoring/bundle.ts';
import { type OpenScorer, openScorer } from './scoring/pool.ts';
import type { Logger } from './telemetry/logger.ts';
import type { ActorThreads } from './worker-thread.ts';

const DEFAULT_BUNDLE = new URL('../../models/default/', import.meta.url);
const SCORE_THREAD = new URL('./score-thread.js', import.meta.url);

export interface EngineOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Serve the page, the API and the metrics. */
  readonly listen: boolean;
  /** Ends the process at once: it recovers as from a crash. */
  readonly onStuck: () => void;
  /** Runs before the first payment is read: readiness waits for what it appends. */
  readonly prepare?: (fed: { readonly log: Log; readonly config: Config }) => Promise<void>;
}

/** Where the engine comes from: its threads are under way before its code is loaded. */
export interface EngineSetup extends EngineOptions {
  readonly kafka: KafkaSettings | undefined;
  readonly threads: ActorThreads;
}

export interface OpenParts extends EngineSetup {
  readonly folder: DataFolder;
  readonly log: Log;
  readonly logName: string;
  readonly model: Model;
  /** In which state is written. */
  readonly schema: readonly OperatorVersion[];
  readonly scorer: OpenScorer;
  readonly objects: ObjectStore;
  readonly checkpoints: Checkpoints;
}

/** What it throws leaves the threads to the caller. */
export async function openParts(options: EngineSetup): Promise<OpenParts> {
  const { kafka } = options;
  let folder: DataFolder | undefined;
  let opening: Promise<Log> | undefined;
  let scoring: Promise<OpenScorer> | undefined;
  try {
    const flow = outlineOf(options.config);
    const bundle = await bundleOf(options.config, flow.featureNames);
    // Side by side: none needs the others.
    const heaps = scorerHeaps(options.config);
    scoring = openScorer({
      ...{ bundle, clock, threadFile: SCORE_THREAD, heaps },
      ...options.config.scoring,
      threads: threadsOf(options.config).scorers,
    });
    // Who waits for it comes later.
    scoring.catch(() => undefined);
    folder = claimDataFolder(options.config.dataDir);
    const objects = await deferObjectStore(options.config, folder.checkpoints, clock);
    const agreeing = agreedSchema({ ...options, store: objects, flow, clock });
    agreeing.catch(() => undefined);
    opening = openLog({ ...options, kafka, folder: folder.log });
    const log = await opening;
    const { config, logName } = await prepareLog(log, { ...options, stateFolder: folder.state });
    const schema = await agreeing;
    const checkpoints = openCheckpoints({
      store: objects,
      application: config.application,
      log: logName,
      clock,
      ...config.checkpoints,
    });
    const scorer = await scoring;
    options.logger.event('info', 'model is loaded', { model: bundle.modelId, by: scorer.about });
    const { modelId, contentId, featureSet, features } = bundle;
    const threshold = config.scoring.threshold >= 0 ? config.scoring.threshold : bundle.threshold;
    const model = { modelId, contentId, threshold, featureSet, features };
    const opened = { log, logName, model, schema, scorer, objects, checkpoints };
    return { ...options, config, folder, ...opened };
  } catch (error) {
    // The first error is the one to tell.
    await scoring?.then((scorer) => scorer.close()).catch(() => undefined);
    await opening?.then((log) => log.close()).catch(() => undefined);
    folder?.release();
    throw error;
  }
}

function scorerHeaps({ memory }: Config): ResourceLimits {
  const oldBytes = memory.scorerHeapBytes;
  return oldBytes === 0 ? {} : heapLimits({ oldBytes, youngBytes: SCORER_YOUNG_BYTES });
}

function bundleOf(
  { model }: Config,
  featureNames: readonly string[],
): ReturnType<typeof readBundle> {
  return readBundle(model === '' ? fileURLToPath(DEFAULT_BUNDLE) : model, featureNames);
}

/** What cannot be closed well, as a log on a full disk, must not keep the folder claimed. */
export async function closeParts({ scorer, log, folder, threads }: OpenParts): Promise<void> {
  try {
    await threads.close();
    await scorer.close();
    await log.close();
  } finally {
    folder.release();
  }
}
