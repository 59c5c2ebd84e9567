/**
 * Entry of an actor thread: wires state, checkpoints and the flow to the channel, and nothing else.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { openCheckpoints } from '../checkpoints/checkpoints.ts';
import { ActorCodec } from '../state/actor-codec.ts';
import { createActorTable } from '../state/actor-table.ts';
import { describeActor } from '../state/actor-view.ts';
import { RocksDbStores } from '../state/rocksdb-store.ts';
import { assert } from './core/assert.ts';
import { systemClock as clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import { Stepper } from './core/flow.ts';
import { createFlow, createProfiles, DEAD_LETTER_TOPIC } from './job.ts';
import { openObjectStore } from './object-store.ts';
import { ActorWorker, type Vitals } from './runtime/actor-worker.ts';
import { taskLimits } from './task-limits.ts';
import { threadChannel } from './thread-channel.ts';
import type { ActorThreadSetup } from './worker-thread.ts';

const { worker, config, model, folders } = workerData as ActorThreadSetup;
const port = parentPort;
assert(port !== null, 'an actor thread is started by the engine');

const flow = createFlow(config, model);
const stepper = new Stepper(flow, model.features);
const codec = new ActorCodec(flow);
const objects = await openObjectStore(config, folders.checkpoints, clock);

new ActorWorker({
  worker,
  clock,
  vitals: threadVitals(),
  channel: threadChannel(port),
  parts: {
    inputTopic: config.input.transactions,
    deadLetterTopic: DEAD_LETTER_TOPIC,
    stepper,
    model,
    stores: new RocksDbStores({ dir: folders.state, clock, ...rocksBudget(config) }),
    checkpoints: openCheckpoints({
      store: objects,
      application: config.application,
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
    partitionOf: (payment) => payment.user % config.input.partitions,
    describe: (state) => describeActor(state, flow),
    limits: taskLimits(config),
  },
});

/** The budgets are the process's; every partition's store gets an equal part. */
function rocksBudget({ state, input }: Config): { cacheBytes: number; writeBufferBytes: number } {
  const cacheBytes = Math.max(1 << 20, Math.floor(state.rocksCacheBytes / input.partitions));
  return { cacheBytes, writeBufferBytes: Math.min(16 << 20, Math.max(1 << 20, cacheBytes)) };
}

function threadVitals(): Vitals {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  return () => {
    const eventLoopDelayMsP99 = delay.percentile(99) / 1e6;
    delay.reset();
    return { heapBytes: getHeapStatistics().used_heap_size, eventLoopDelayMsP99 };
  };
}
