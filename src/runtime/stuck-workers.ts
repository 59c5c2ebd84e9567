/**
 * Finds workers that have gone silent. It counts looks, not seconds: a machine that slept wakes
 * with a clock that has jumped, and nobody has been stuck.
 */
import type { EngineStatus } from '../core/status.ts';

interface Seen {
  readonly atMs: number;
  readonly looks: number;
}

export interface StuckWorker {
  readonly worker: number;
  /** What its partitions were at when it was last heard. */
  readonly lastSeen: readonly string[];
}

export class StuckWorkers {
  readonly #looksMax: number;
  readonly #seen = new Map<number, Seen>();

  /** @param looksMax looks in a row without a word from a worker that make it stuck */
  constructor(looksMax: number) {
    this.#looksMax = looksMax;
  }

  look({ workers }: EngineStatus): readonly StuckWorker[] {
    const stuck: StuckWorker[] = [];
    for (const { worker, atMs, partitions } of workers) {
      const seen = this.#seen.get(worker);
      const looks = seen?.atMs === atMs ? seen.looks + 1 : 0;
      this.#seen.set(worker, { atMs, looks });
      if (looks < this.#looksMax) continue;
      const lastSeen = partitions.map((p) => `partition ${p.partition} in ${p.stage}`);
      stuck.push({ worker, lastSeen });
    }
    return stuck;
  }
}
