/** Waits that grow, and waits that end. */
import type { Clock } from '../../../core/clock.ts';
import type { Random } from '../../../core/random.ts';

interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Waits that grow, each a random part shorter, so that many do not come back at once. */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: BackoffLimits;
  #nextMs: number;
  #sinceMs: number | undefined;

  constructor(clock: Clock, random: Random, limits: BackoffLimits = { minMs: 20, maxMs: 1000 }) {
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
    this.#nextMs = limits.minMs;
  }

  /** Since the first wait after the last reset. */
  get elapsedMs(): number {
    return this.#sinceMs === undefined ? 0 : this.#clock.nowMs() - this.#sinceMs;
  }

  reset(): void {
    this.#nextMs = this.#limits.minMs;
    this.#sinceMs = undefined;
  }

  async wait(signal: AbortSignal): Promise<void> {
    this.#sinceMs ??= this.#clock.nowMs();
    const waitMs = this.#nextMs * (0.5 + this.#random.next() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#limits.maxMs);
    await this.#clock.sleep(waitMs, signal);
  }
}

/** Undefined when the promise takes longer; it is left to itself then, so it must not reject. */
export async function within<T>(
  promise: Promise<T>,
  clock: Clock,
  { waitMs, stop }: { readonly waitMs: number; readonly stop?: AbortSignal },
): Promise<T | undefined> {
  const over = new AbortController();
  const end = () => over.abort();
  stop?.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([promise, clock.sleep(waitMs, over.signal).then(() => undefined)]);
  } finally {
    end();
    stop?.removeEventListener('abort', end);
  }
}
