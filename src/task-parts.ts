/**
 * What partition tasks are made of, wired once: for the actor threads, and for drills, which must
 * not recover a partition in any other way.
 */
import { openCheckpoints } from '../checkpoints/checkpoints.ts';
import type { Payment } from '../operators/index.ts';
import { ActorCodec } from '../state/actor-codec.ts';
import { createActorTable } from '../state/actor-table.ts';
import { describeActor } from '../state/actor-view.ts';
import { RocksDbStores } from '../state/rocksdb-store.ts';
import type { Clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import { type OperatorVersion, Stepper } from './core/flow.ts';
import { blockCacheBytes, memtableBytes } from './core/memory-plan.ts';
import type { Model } from './core/scoring.ts';
import { createFlow, createProfiles, inputTopicOf, outputNames } from './job.ts';
import { openObjectStore } from './object-store.ts';
import type { TaskParts } from './runtime/ports.ts';
import { taskLimits } from './task-limits.ts';

export interface TaskPartsOptions {
  readonly config: Config;
  readonly model: Model;
  /** In which state is written. */
  readonly schema: readonly OperatorVersion[];
  /** `Log.identity` of the input: checkpoints of another log are refused. */
  readonly logName?: string;
  readonly folders: { readonly state: string; readonly checkpoints: string };
  readonly clock: Clock;
}

/** Everything of a task that does not come through its thread's channel. */
export type OwnTaskParts = Omit<TaskParts<Payment>, 'source' | 'scorer' | 'emitEvent' | 'clock'>;

export async function openTaskParts(options: TaskPartsOptions): Promise<OwnTaskParts> {
  const { config, model, schema, folders, logName, clock } = options;
  const flow = createFlow(config, model);
  const stepper = new Stepper(flow, model.features);
  const codec = new ActorCodec(flow, schema);
  const objects = await openObjectStore(config, folders.checkpoints, clock);
  return {
    inputTopic: inputTopicOf(config),
    deadLetterTopic: outputNames(config).deadLetters,
    stepper,
    model,
    stores: new RocksDbStores({ dir: folders.state, clock, ...rocksBudget(config) }),
    checkpoints: openCheckpoints({
      store: objects,
      application: config.application,
      ...(logName !== undefined && { log: logName }),
      clock,
      ...config.checkpoints,
    }),
    openTable: (store) =>
      createActorTable({
        store,
        codec,
        clock,
        cacheBytesMax: Math.floor(config.state.cacheBytesMax / config.input.partitions),
        createActor: () => stepper.createActor(),
      }),
    createProfiles: () => createProfiles(config),
    placement:
      config.kafka.bootstrap === ''
        ? { by: 'partition', partitionOf: ({ user }) => user % config.input.partitions }
        : { by: 'key', actorKey: ({ user }) => user },
    describe: (state) => describeActor(state, flow),
    limits: taskLimits(config),
  };
}

/** The budgets are the process's; every partition's store gets an equal part. */
function rocksBudget({ state, input }: Config): { cacheBytes: number; writeBufferBytes: number } {
  const { rocksCacheBytes } = state;
  return {
    cacheBytes: blockCacheBytes(rocksCacheBytes, input.partitions),
    writeBufferBytes: memtableBytes(rocksCacheBytes, input.partitions),
  };
}
