/** Appends outside any group: whatever was asked for while one transaction ran is in the next. */
import type { Append } from '../../../core/log.ts';
import type { TransactionalProducer } from './producer.ts';
import type { Written } from './writes.ts';

/** Of one transaction, unless a single append is larger. */
const BYTES_MAX = 16 << 20;

interface Waiting {
  readonly appends: readonly Append[];
  readonly bytes: number;
  readonly resolve: (written: readonly (Written | undefined)[]) => void;
  readonly reject: (error: unknown) => void;
}

export class Appender {
  readonly #producer: Pick<TransactionalProducer, 'commit'>;
  #queue: Waiting[] = [];
  #isRunning = false;

  constructor(producer: Pick<TransactionalProducer, 'commit'>) {
    this.#producer = producer;
  }

  /** @throws COMMIT_FENCED, COMMIT_FAILED, LOG_TOPIC_UNKNOWN, KAFKA_NOT_AUTHORIZED */
  append(appends: readonly Append[]): Promise<readonly (Written | undefined)[]> {
    return new Promise((resolve, reject) => {
      let bytes = 0;
      for (const { records } of appends) bytes += records.byteLength;
      this.#queue.push({ appends, bytes, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
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
      const written = await this.#producer.commit(
        taken.flatMap(({ appends }) => appends),
        undefined,
      );
      let at = 0;
      for (const { appends, resolve } of taken) {
        resolve(Array.from(appends, () => written[at++]));
      }
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }
}
