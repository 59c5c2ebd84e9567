/** Who waits for the next record of a partition. */
import type { Clock } from '../../core/clock.ts';

export class Arrivals {
  readonly #waiting = new Set<() => void>();

  wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next `wake`, after `waitMs`, or when `signal` aborts. */
  async wait(clock: Clock, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return;
    const over = new AbortController();
    // With a reason of its own: the default one costs a DOMException with a stack.
    const wake = () => over.abort('woken');
    this.#waiting.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
    await clock.sleep(waitMs, over.signal);
    this.#waiting.delete(wake);
    signal?.removeEventListener('abort', wake);
  }
}
