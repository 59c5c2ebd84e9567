/** Commits: outputs and offsets in one transaction, one after the other. README, T1 to T8. */
import { ShrikeError } from '../../../core/errors.ts';
import type { Offset, TopicPartition } from '../../../core/ids.ts';
import type { Append } from '../../../core/log.ts';
import { TopicLimits } from '../topic-limits.ts';
import { led, runEmpty } from './closing.ts';
import { ProducerIdentity, type ProducerOptions, patienceMs, type Reach } from './identity.ts';
import { whenKnown } from './known-topics.ts';
import { type OffsetsToCommit, Transaction, type TransactionOptions } from './transaction.ts';
import { BatchMemory, type PartitionWrite, type Written, writesOf } from './writes.ts';

export interface TransactionalProducerOptions extends ProducerOptions {
  /** A failure that nobody waits for; what is asked of the producer next tries again. */
  readonly onTrouble: (error: unknown) => void;
  /** Shared with whoever else asks for them. */
  readonly limits?: TopicLimits;
}

/** Coordinators that go away one after the other are trouble that has to be told. */
const BEGINS_MAX = 4;
const TEND_MS = 1000;

interface Attempt {
  readonly writes: readonly PartitionWrite[];
  readonly positions: OffsetsToCommit | undefined;
  readonly isLast: boolean;
}

/** What lies where, if a commit that failed took effect all the same. */
export interface Doubt {
  readonly written: readonly (Written | undefined)[];
  /** One of its records. */
  readonly first: (TopicPartition & { readonly offset: Offset }) | undefined;
}

export class TransactionalProducer {
  readonly #options: TransactionalProducerOptions;
  readonly #identity: ProducerIdentity;
  readonly #memory = new BatchMemory();
  readonly #limits: TopicLimits;
  #last: Promise<unknown> = Promise.resolve();
  readonly #tending: NodeJS.Timeout;
  #isClosed = false;
  /** Of the last commit, when it failed: it may have happened if all of it was stored. */
  doubt: Doubt | undefined;

  constructor(options: TransactionalProducerOptions) {
    this.#options = options;
    this.#identity = new ProducerIdentity({
      ...options,
      awaitLeaders: async (reach) => {
        await led(options.cluster, reach);
      },
      close: (reach, ending) =>
        runEmpty(options.cluster, { reach, ending }, () => this.#transaction()),
    });
    this.#tending = setInterval(() => this.#tend(), TEND_MS);
    this.#tending.unref();
    this.#limits = options.limits ?? new TopicLimits(options.cluster);
  }

  /**
   * Takes the transactional id: whatever its former owner has left open is aborted.
   * @param reach where that may be
   * @throws COMMIT_FAILED, KAFKA_NOT_AUTHORIZED
   */
  take(reach: () => Promise<Reach>): Promise<void> {
    return this.#identity.take(reach);
  }

  /**
   * All of it becomes visible, or nothing. One at a time; others wait for their turn.
   * @returns where each output came to lie; an output without records lies nowhere (undefined)
   * @throws COMMIT_FENCED, COMMIT_FAILED, LOG_TOPIC_UNKNOWN, KAFKA_NOT_AUTHORIZED. After
   * COMMIT_FENCED and COMMIT_FAILED it may have happened all the same (T5).
   */
  commit(
    outputs: readonly Append[],
    offsets: OffsetsToCommit | undefined,
  ): Promise<readonly (Written | undefined)[]> {
    const commit = this.#last.then(() => this.#commit(outputs, offsets));
    this.#last = commit.catch(() => undefined); // whoever asked for it hears of the failure
    return commit;
  }

  /** Resolves when every commit so far is decided. @throws COMMIT_FAILED */
  async settle(): Promise<void> {
    await this.#last;
    await this.#identity.settle();
  }

  /** Waits for the commit under way, and aborts what a failed one may have left open. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#tending);
    await this.#last;
    // What else there may be to settle, whoever takes the id next will see to.
    if (this.#identity.isInDoubt) await this.settle().catch(this.#options.onTrouble);
  }

  /** What is hidden for want of a marker must not wait for the next commit. */
  #tend(): void {
    if (this.#identity.isUnsettled) this.#identity.settle().catch(this.#options.onTrouble);
  }

  async #commit(outputs: readonly Append[], offsets: OffsetsToCommit | undefined) {
    if (this.#isClosed) throw new ShrikeError('LOG_UNAVAILABLE', 'the producer is closed');
    const positions = offsets?.offsets.length === 0 ? undefined : offsets;
    const written: Written[] = [];
    let writes: readonly PartitionWrite[] = [];
    this.doubt = undefined;
    try {
      await whenKnown(this.#options, outputs);
      await this.#limits.know(outputs.map(({ topic }) => topic));
      const isOwner = () => offsets === undefined || offsets.generation() !== undefined;
      for (let isDone = false, left = BEGINS_MAX; !isDone; left--) {
        writes = writesOf(outputs, this.#limits);
        if (writes.length === 0 && positions === undefined) return written;
        await this.#identity.begin(isOwner);
        isDone = await this.#run({ writes, positions, isLast: left === 1 });
      }
    } catch (error) {
      this.#identity.fail();
      this.doubt = doubtOf(writes);
      throw asCommitError(error);
    } finally {
      // At once, also if nobody asks again: whoever takes over the partitions waits for it.
      this.#identity.settle().catch(this.#options.onTrouble);
    }
    for (const write of writes) write.report(written);
    return written;
  }

  /** False when it could not begin because its coordinator went away: it may be tried again. */
  async #run({ writes, positions, isLast }: Attempt): Promise<boolean> {
    const transaction = new Transaction(this.#transaction());
    try {
      await transaction.run(writes, positions);
      return true;
    } catch (error) {
      if (!transaction.isCutOff || isLast) throw error;
      this.#identity.fail();
      return false;
    }
  }

  #transaction(): TransactionOptions {
    const { cluster, clock } = this.#options;
    const endMs = clock.nowMs() + patienceMs(this.#options);
    return { cluster, clock, identity: this.#identity, memory: this.#memory, endMs };
  }
}

function asCommitError(error: unknown): unknown {
  if (!(error instanceof ShrikeError) || error.code !== 'LOG_UNAVAILABLE') return error;
  return new ShrikeError('COMMIT_FAILED', `the commit failed: ${error.message}`, { cause: error });
}

/** Before all of it is stored EndTxn is not sent (T1). */
function doubtOf(writes: readonly PartitionWrite[]): Doubt | undefined {
  if (!writes.every(({ isStored }) => isStored)) return undefined;
  const written: Written[] = [];
  for (const write of writes) write.report(written);
  const [first] = writes;
  return { written, first: first && { ...first.at, offset: first.baseOffset as Offset } };
}
