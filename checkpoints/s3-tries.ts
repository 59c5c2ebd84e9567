/**
 * Tries a request until it succeeds, is refused, or its deadline has come.
 *
 *   try -> passing failure -> wait (exponential, full jitter) -> try … -> OBJECT_STORE_UNAVAILABLE
 *      \-> final failure -> OBJECT_STORE_REFUSED
 *
 * A store that has let a deadline pass is down: until it answers again each operation has one try.
 * So who waits for many operations in turn, as an engine that stops, does not wait for many
 * deadlines.
 */
import type { Clock } from '../src/core/clock.ts';
import { type ErrorCode, ShrikeError } from '../src/core/errors.ts';
import type { Random } from '../src/core/random.ts';
import { failureText, verdictOf } from './s3-failures.ts';

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 5000;
const DOUBTFUL_TRIES_MAX = 3;

export interface Try {
  readonly signal: AbortSignal;
  /** An earlier try may have taken effect, its answer being lost. */
  readonly isRepeat: boolean;
}

export interface TriesOptions {
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** For messages: which bucket, where. */
  readonly place: string;
}

export class Tries {
  readonly #options: TriesOptions;
  #isDown = false;

  constructor(options: TriesOptions) {
    this.#options = options;
  }

  /** When an operation that starts now must have succeeded. */
  endMs(): number {
    return this.#options.clock.nowMs() + this.#options.deadlineMs;
  }

  /** @throws OBJECT_STORE_UNAVAILABLE, OBJECT_STORE_REFUSED: naming request and place. */
  async run<T>(
    request: string,
    call: (one: Try) => Promise<T>,
    endMs: number = this.endMs(),
  ): Promise<T> {
    const { clock, random } = this.#options;
    const isPatient = !this.#isDown;
    for (let failures = 0; ; ) {
      try {
        const result = await this.#once(
          (signal) => call({ signal, isRepeat: failures > 0 }),
          endMs,
        );
        this.#isDown = false;
        return result;
      } catch (error) {
        failures += 1;
        const verdict = verdictOf(error);
        if (verdict === 'final' || (verdict === 'doubtful' && failures >= DOUBTFUL_TRIES_MAX)) {
          throw this.#failed('OBJECT_STORE_REFUSED', request, { error, failures });
        }
        const ceilingMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** failures);
        const waitMs = random.next() * ceilingMs;
        if (!isPatient || clock.nowMs() + waitMs >= endMs) {
          this.#isDown = true;
          throw this.#failed('OBJECT_STORE_UNAVAILABLE', request, { error, failures });
        }
        await clock.sleep(waitMs);
      }
    }
  }

  /** The race: credentials may be on their way, and nothing there listens to a signal. */
  async #once<T>(call: (signal: AbortSignal) => Promise<T>, endMs: number): Promise<T> {
    const { clock } = this.#options;
    const leftMs = Math.max(1, endMs - clock.nowMs());
    const request = new AbortController();
    const timer = new AbortController();
    const late = clock.sleep(leftMs, timer.signal).then(() => {
      if (timer.signal.aborted) return new Promise<never>(() => undefined);
      request.abort();
      throw new Error('no answer before the deadline');
    });
    try {
      return await Promise.race([call(request.signal), late]);
    } finally {
      timer.abort();
    }
  }

  #failed(
    code: ErrorCode,
    request: string,
    why: { error: unknown; failures: number },
  ): ShrikeError {
    const tries = why.failures === 1 ? '' : ` after ${why.failures} tries`;
    return new ShrikeError(
      code,
      `${this.#options.place}: ${request} failed${tries}: ${failureText(why.error)}`,
      { cause: why.error },
    );
  }
}
