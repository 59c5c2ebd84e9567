import type { ActorTableStats } from '../src/core/state.ts';
import type { ActorCache } from './actor-cache.ts';

/** Of the pause the last snapshot's is kept: who reads it once a snapshot misses none. */
export function liveStats(cache: ActorCache): ActorTableStats {
  return {
    hits: 0,
    misses: 0,
    snapshotPauseMsMax: 0,
    snapshotMs: 0,
    get cachedActors() {
      return cache.size;
    },
    get cachedBytes() {
      return cache.bytes;
    },
    get evicted() {
      return cache.evicted;
    },
  };
}

/** Another one begins. */
export function forgetSnapshot(stats: ActorTableStats): void {
  stats.snapshotPauseMsMax = 0;
  stats.snapshotMs = 0;
}

/** Times the slices of a snapshot. */
export class SliceTimer {
  readonly #stats: ActorTableStats;
  #startedMs = performance.now();

  constructor(stats: ActorTableStats) {
    this.#stats = stats;
  }

  start(): void {
    this.#startedMs = performance.now();
  }

  stop(): void {
    const ms = performance.now() - this.#startedMs;
    this.#stats.snapshotMs += ms;
    if (ms > this.#stats.snapshotPauseMsMax) this.#stats.snapshotPauseMsMax = ms;
  }
}
