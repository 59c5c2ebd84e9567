/** A restore that waits for a store which is down is not stuck, and shows as what it is. */
import type { Checkpoints } from '../core/checkpoint.ts';
import type { PackedActors } from '../core/state.ts';
import type { TaskCounters } from './task-counters.ts';

type Outside = Pick<TaskCounters, 'outside'>;

/** The same checkpoints; what waits for them is counted as waiting for the object store. */
export function waitedFor(checkpoints: Checkpoints, counters: Outside): Checkpoints {
  return {
    open: (of) => checkpoints.open(of),
    list: (of) => counters.outside('object store', () => checkpoints.list(of)),
    read: (manifest) => blocksOf(checkpoints.read(manifest), counters),
  };
}

async function* blocksOf(
  blocks: AsyncIterable<PackedActors>,
  counters: Outside,
): AsyncGenerator<PackedActors> {
  const iterator = blocks[Symbol.asyncIterator]();
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
