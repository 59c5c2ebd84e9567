/**
 * Appends outside any group: whatever was asked for while one transaction ran is in the next.
 *
 * T7  What became of an append without an answer is found out, however long the brokers are away:
 *     when the transaction is decided, its first record is looked for, read committed. So an append
 *     succeeds once, or fails and has left nothing; it may be asked for again.
 */
import type { Clock } from '../../../core/clock.ts';
import { codeOf, explain, ShrikeError } from '../../../core/errors.ts';
import type { Offset, TopicPartition } from '../../../core/ids.ts';
import type { Append } from '../../../core/log.ts';
import type { TransactionalProducer } from './producer.ts';
import type { Written } from './writes.ts';

/** Of one transaction, unless a single append is larger. */
const BYTES_MAX = 16 << 20;
const WAIT_MS_MIN = 100;
const WAIT_MS_MAX = 5000;

type WrittenAll = readonly (Written | undefined)[];

interface Waiting {
  readonly appends: readonly Append[];
  readonly bytes: number;
  readonly resolve: (written: WrittenAll) => void;
  readonly reject: (error: unknown) => void;
}

export interface AppenderOptions {
  readonly producer: Pick<TransactionalProducer, 'commit' | 'settle' | 'doubt'>;
  readonly clock: Clock;
  /** Whether a record lies there, once it is decided. @throws LOG_UNAVAILABLE */
  readonly isVisible: (at: TopicPartition, offset: Offset) => Promise<boolean>;
  /** The outcome cannot be found out yet. */
  readonly onTrouble: (error: unknown) => void;
}

export class Appender {
  readonly #options: AppenderOptions;
  readonly #closed = new AbortController();
  #queue: Waiting[] = [];
  #isRunning = false;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /**
   * @throws LOG_UNAVAILABLE: nothing was appended, it may be tried again; COMMIT_FAILED when the
   * brokers refuse it; LOG_TOPIC_UNKNOWN, KAFKA_NOT_AUTHORIZED
   */
  append(appends: readonly Append[]): Promise<WrittenAll> {
    return new Promise((resolve, reject) => {
      let bytes = 0;
      for (const { records } of appends) bytes += records.byteLength;
      this.#queue.push({ appends, bytes, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Nobody waits any longer for what cannot be found out. */
  close(): void {
    this.#closed.abort();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // One turn, so that appends which are asked for together go together.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#commit(this.#take());
    this.#isRunning = false;
  }

  #take(): readonly Waiting[] {
    let [count, bytes] = [0, 0];
    for (const waiting of this.#queue) {
      bytes += waiting.bytes;
      if (count > 0 && bytes > BYTES_MAX) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #commit(taken: readonly Waiting[]): Promise<void> {
    try {
      const appends = taken.flatMap((one) => one.appends);
      const written = await this.#options.producer
        .commit(appends, undefined)
        .catch((error: unknown) => this.#afterFailure(error));
      let at = 0;
      for (const { appends: own, resolve } of taken) resolve(Array.from(own, () => written[at++]));
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }

  /** @returns where it lies after all @throws when nothing of it is there */
  async #afterFailure(error: unknown): Promise<WrittenAll> {
    const { producer, isVisible } = this.#options;
    const doubt = producer.doubt;
    const first = doubt?.first;
    if (doubt !== undefined && first !== undefined) {
      const isThere = await this.#patiently(error, async () => {
        await producer.settle();
        return isVisible(first, first.offset);
      });
      if (isThere) return doubt.written;
    }
    if (!isPassing(error)) throw error;
    const message = `nothing was appended: ${(error as Error).message}`;
    throw new ShrikeError('LOG_UNAVAILABLE', message, { cause: error });
  }

  /** @throws COMMIT_FAILED when it was closed before it was known */
  async #patiently<T>(failure: unknown, attempt: () => Promise<T>): Promise<T> {
    const { clock, onTrouble } = this.#options;
    const { signal } = this.#closed;
    for (let waitMs = WAIT_MS_MIN; ; waitMs = Math.min(2 * waitMs, WAIT_MS_MAX)) {
      try {
        return await attempt();
      } catch (error) {
        if (signal.aborted) {
          const message = 'whether it was appended was not found out before the log was closed';
          throw new ShrikeError('COMMIT_FAILED', message, { cause: failure });
        }
        if (error instanceof ShrikeError && error.kind.retry === 'never') throw error;
        const what = `whether it was appended is not known yet: ${explain(error)}`;
        onTrouble(new ShrikeError('LOG_UNAVAILABLE', what, { cause: error }));
        await clock.sleep(waitMs, signal);
      }
    }
  }
}

/** An outage, or a transaction that the broker ended because one took too long. */
function isPassing(error: unknown): boolean {
  if (codeOf(error) === 'COMMIT_FENCED') return true;
  const cause = error instanceof ShrikeError ? error.cause : undefined;
  return codeOf(error) === 'COMMIT_FAILED' && codeOf(cause) === 'LOG_UNAVAILABLE';
}
