/**
 * One write at a time, each with all that gathered while the last one ran (group commit).
 * E6: a write is staged when its turn comes, after every earlier one has succeeded or been undone;
 *     so a check made while staging (a fence, an end offset) holds for as long as the write runs.
 */
import type { Clock } from '../../core/clock.ts';
import type { Operation, Store } from './store.ts';

export interface Write {
  /** Throwing refuses this write alone. Must leave nothing behind when it throws. */
  stage(): readonly Operation[];
  /** The operations are on disk: show them. */
  applied(): void;
  /** The operations failed: forget what was staged. @returns what takes them back on disk. */
  undo(): Operation[];
}

export interface SyncPolicy {
  readonly sync: 'commit' | 'interval';
  readonly syncIntervalMs: number;
  readonly clock: Clock;
}

interface Waiting {
  readonly write: Write;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writes of one group: enough for every partition task at once, few enough for memory. */
const GROUP_WRITES_MAX = 64;
const SYNC_MARK: Operation = {
  type: 'put',
  key: Buffer.from('\x00synced'),
  value: Buffer.from('1'), // A write without operations would not reach the disk.
};

export class WriteQueue {
  readonly #store: Store;
  readonly #policy: SyncPolicy;
  /** Checks a mended store against memory. */
  readonly #verify: () => Promise<void>;
  readonly #closing = new AbortController();
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #inFlight: Promise<void> = Promise.resolve();
  #unsynced = false;
  #syncTimer: Promise<void> | undefined;
  #fatal: unknown;

  constructor(store: Store, policy: SyncPolicy, verify: () => Promise<void>) {
    this.#store = store;
    this.#policy = policy;
    this.#verify = verify;
  }

  /** @throws what `stage` throws, DISK_FULL, COMMIT_FAILED */
  submit(write: Write): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when the write that runs now has ended. */
  settled(): Promise<void> {
    return this.#inFlight;
  }

  async sync(): Promise<void> {
    if (this.#policy.sync === 'commit' || (!this.#unsynced && !this.#running)) {
      return this.settled();
    }
    await this.submit({ stage: () => [SYNC_MARK], applied: () => undefined, undo: () => [] });
  }

  /** Ends when all that was submitted has ended, and is synced. */
  async close(): Promise<void> {
    this.#closing.abort('closing');
    await this.#syncTimer;
    await this.#running;
    if (this.#store.torn) await this.#mend();
    if (this.#unsynced) await this.sync();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // lets everything that is submitted in this turn join the first group
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, GROUP_WRITES_MAX);
      this.#inFlight = this.#writeGroup(group);
      await this.#inFlight;
    }
    this.#running = undefined;
  }

  /** Never rejects: each of the group learns its own outcome. */
  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const staged: Waiting[] = [];
    try {
      await this.#requireWhole();
      const operations: Operation[] = [];
      for (const waiting of group) {
        const own = attempt(() => waiting.write.stage(), waiting.reject);
        if (!own) continue;
        staged.push(waiting);
        for (const operation of own) operations.push(operation);
      }
      if (operations.length > 0) await this.#write(operations, staged);
    } catch (error) {
      for (const { reject } of group) reject(error); // no effect on those that were refused
      return;
    }
    for (const { write, resolve } of staged) {
      write.applied();
      resolve();
    }
  }

  async #write(operations: readonly Operation[], staged: readonly Waiting[]): Promise<void> {
    const sync = this.#policy.sync === 'commit' || operations.includes(SYNC_MARK);
    // Newest first, so that what two of them changed ends as it was before the first.
    const undo = () => staged.toReversed().flatMap(({ write }) => write.undo());
    await this.#store.write(operations, { sync, undo });
    this.#unsynced = !sync;
    if (this.#unsynced) this.#syncTimer ??= this.#syncLater();
  }

  async #requireWhole(): Promise<void> {
    if (this.#fatal) throw this.#fatal;
    if (this.#store.torn) await this.#mend();
  }

  async #mend(): Promise<void> {
    await this.#store.mend();
    this.#unsynced = false; // opening wrote all that was logged to a table, and synced it
    try {
      await this.#verify();
    } catch (error) {
      this.#fatal = error;
      throw error;
    }
  }

  async #syncLater(): Promise<void> {
    await this.#policy.clock.sleep(this.#policy.syncIntervalMs, this.#closing.signal);
    this.#syncTimer = undefined;
    if (this.#closing.signal.aborted) return;
    // A failure leaves the store torn: the next write must mend it, which syncs, or says why not.
    await this.sync().catch(() => undefined);
  }
}

function attempt<T>(action: () => T, failed: (error: unknown) => void): T | undefined {
  try {
    return action();
  } catch (error) {
    failed(error);
    return undefined;
  }
}
