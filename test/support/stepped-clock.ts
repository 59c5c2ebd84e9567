/** A clock whose turns a test hands out, so that it decides what happens in between. */
import type { Clock } from '../../src/core/clock.ts';

export class SteppedClock implements Clock {
  #waiting: (() => void)[] = [];

  nowMs(): number {
    return 0;
  }

  sleep(): Promise<void> {
    return this.yield();
  }

  yield(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets whoever has waited longest go on, and runs until everybody waits again. */
  async turn(): Promise<void> {
    this.#waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Turns until the promise is settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    while (!settled) await this.turn();
    return promise;
  }
}
