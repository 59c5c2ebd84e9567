/**
 * Entry of an actor thread: wires state, checkpoints and the flow to the channel, and nothing else.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from './core/assert.ts';
import { systemClock as clock } from './core/clock.ts';
import { openSource } from './kafka.ts';
import { ActorWorker, type Vitals } from './runtime/actor-worker.ts';
import { openTaskParts } from './task-parts.ts';
import { threadChannel } from './thread-channel.ts';
import type { ActorThreadSetup } from './worker-thread.ts';

const { worker, config, model, folders, kafka, logName } = workerData as ActorThreadSetup;
const port = parentPort;
assert(port !== null, 'an actor thread is started by the engine');

new ActorWorker({
  worker,
  clock,
  vitals: threadVitals(),
  channel: threadChannel(port),
  source: kafka === undefined ? undefined : await openSource(kafka),
  parts: await openTaskParts({ config, model, folders, logName, clock }),
});

function threadVitals(): Vitals {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  return () => {
    const eventLoopDelayMsP99 = delay.percentile(99) / 1e6;
    delay.reset();
    return { heapBytes: getHeapStatistics().used_heap_size, eventLoopDelayMsP99 };
  };
}
