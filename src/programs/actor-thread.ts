/**
 * What an actor thread does: wires state, checkpoints and the flow to the channel, and nothing
 * else.
 */
import { once } from 'node:events';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../core/assert.ts';
import { systemClock as clock } from '../core/clock.ts';
import { loadTables } from '../job.ts';
import { openSource } from '../kafka.ts';
import { loadObjectStore } from '../object-store.ts';
import { ActorWorker, type Vitals } from '../runtime/actor-worker.ts';
import { openTaskParts } from '../task-parts.ts';
import { threadChannel } from '../thread-channel.ts';
import type { ActorThreadSetup, EarlySetup } from '../worker-thread.ts';

export async function main(): Promise<void> {
  const early = workerData as EarlySetup;
  const port = parentPort;
  assert(port !== null, 'an actor thread is started by the engine');
  loadTables();
  await loadObjectStore(early);
  const source = early.kafka === undefined ? undefined : await openSource(early.kafka);
  const [setup] = (await once(early.setup, 'message')) as [ActorThreadSetup];

  new ActorWorker({
    worker: setup.worker,
    clock,
    vitals: threadVitals(),
    channel: threadChannel(port),
    source,
    parts: await openTaskParts({ ...setup, clock }),
  });
}

/** For the code beside the program: what one on Kafka and a bucket loads later. */
export async function loadLater(): Promise<void> {
  await Promise.all([
    import('../../checkpoints/s3-store.ts'),
    import('../log/kafka/cluster.ts'),
    import('../log/kafka/reader/reader.ts'),
  ]);
}

function threadVitals(): Vitals {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  let gcSeconds = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcSeconds += duration / 1000;
  }).observe({ entryTypes: ['gc'] });
  return () => {
    const eventLoopDelayMsP99 = delay.percentile(99) / 1e6;
    delay.reset();
    const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics();
    return { heapBytes, heapLimitBytes, gcSeconds, eventLoopDelayMsP99 };
  };
}
