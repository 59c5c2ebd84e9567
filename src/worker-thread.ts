/** Starts actor threads: a Node.js Worker as the coordinator sees it. */
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Config } from './core/config.ts';
import type { Model } from './core/scoring.ts';
import type { KafkaSettings } from './log/kafka/wire/settings.ts';
import type { WorkerThread } from './runtime/worker-seat.ts';
import { threadChannel } from './thread-channel.ts';

/** Given to an actor thread when it starts. */
export interface ActorThreadSetup {
  readonly worker: number;
  readonly config: Config;
  readonly model: Model;
  /** Of the brokers; undefined: the embedded log, through the main thread. */
  readonly kafka: KafkaSettings | undefined;
  /** `Log.identity` of the input. */
  readonly logName: string;
  readonly folders: { readonly state: string; readonly checkpoints: string };
}

/**
 * Payments live from their step to their commit, and a scavenge copies those that are under way, 7
 * MiB with 8 partitions. Of 192 MiB a third is to be filled between two scavenges, so that they are
 * few. Measured with a million users: 64 MiB costs 3 CPU seconds more a million payments; with
 * 3,000 users it makes no difference, and 192 takes 40 MiB more.
 */
const YOUNG_GENERATION_MIB = 192;

/**
 * How much the old generation may grow, in percent of what is alive, before it is marked again. V8
 * sizes this by how fast old objects are made, which here is slowly, and takes the least, 1.3-fold;
 * but it counts buffers that come and go as growth too, and those do so by tens of megabytes. On
 * the main thread, with 18 MB alive, that was a marking every 150 ms (51 in a drain, 5 with this).
 */
const HEAP_GROWTH_PERCENT = 200;

export function startActorThread(setup: ActorThreadSetup): WorkerThread {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`); // of the whole process
  const worker = new Worker(new URL('./actor-thread.js', import.meta.url), {
    workerData: setup,
    name: `shrike-actor-${setup.worker}`,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  });
  const ended = new Promise<Error | undefined>((resolve) => {
    let failure: Error | undefined;
    worker.on('error', (error: Error) => {
      failure = error;
    });
    worker.on('exit', () => resolve(failure));
  });
  return {
    channel: threadChannel(worker),
    ended,
    terminate: async () => {
      await worker.terminate();
    },
  };
}
