/** A restore that waits for a store which is down is not stuck, and shows as what it is. */
import type { TaskCheckpoints } from '../core/checkpoint.ts';
import type { TaskCounters } from './task-counters.ts';

type Outside = Pick<TaskCounters, 'outside'>;

/** The same checkpoints; what waits for them is counted as waiting for the object store. */
export function waitedFor(checkpoints: TaskCheckpoints, counters: Outside): TaskCheckpoints {
  return {
    open: (of) => checkpoints.open(of),
    newestFirst: (of) => eachWaitedFor(checkpoints.newestFirst(of), counters),
    read: (manifest) => eachWaitedFor(checkpoints.read(manifest), counters),
  };
}

async function* eachWaitedFor<T>(items: AsyncIterable<T>, counters: Outside): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await counters.outside('object store', () => iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
