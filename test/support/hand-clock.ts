/** A clock that a test moves. */
import type { Clock } from '../../src/core/clock.ts';

export class HandClock implements Clock {
  #nowMs: number;

  /** Where it begins. */
  constructor(nowMs = 1000) {
    this.#nowMs = nowMs;
  }
  #sleepers: { readonly dueMs: number; readonly wake: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((wake) => {
      if (signal?.aborted) return wake();
      this.#sleepers.push({ dueMs: this.#nowMs + ms, wake });
      signal?.addEventListener('abort', () => wake(), { once: true });
    });
  }

  yield(): Promise<void> {
    return Promise.resolve();
  }

  async advance(ms: number): Promise<void> {
    // Whoever is about to sleep does so first.
    await new Promise((resolve) => setImmediate(resolve));
    this.#nowMs += ms;
    const due = this.#sleepers.filter(({ dueMs }) => dueMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ dueMs }) => dueMs > this.#nowMs);
    for (const { wake } of due) wake();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
