/**
 * Who a producer is to the brokers: one transactional id, and the newest epoch of it that this
 * process was given. Every request carries the epoch; a broker refuses an older one.
 *
 *     none ──────► ready ──► open ──► ready        a commit, every answer in hand
 *                    ▲        └─────► doubtful     a commit failed, or an answer was lost
 *     fenced ────────┘ ◄─ back off ─┐    │
 *        ▲                          │    ├──► ready   aborted (or decided before), next epoch
 *        └──────────────────────────┴────┴──► fenced  somebody else has a newer epoch
 *
 * T3  An epoch of which a request may still be under way somewhere is not used for another
 *     transaction.
 */
import { assert } from '../../../core/assert.ts';
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { Random } from '../../../core/random.ts';
import type { Cluster } from '../cluster.ts';
import {
  ADD_OFFSETS,
  ADD_PARTITIONS,
  END,
  INIT_PRODUCER_ID,
  NO_PRODUCER,
  type ProducerEpoch,
  type Writing,
} from './messages.ts';
import { type Answer, ask, type Reply } from './patience.ts';
import type { Step } from './verdict.ts';

export interface ProducerOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly random: Random;
  readonly transactionalId: string;
  /** After so long the broker aborts a transaction by itself. */
  readonly transactionTimeoutMs: number;
}

/** A partition that is written, or the group whose offsets are committed. */
export type Beginning = TopicPartition | string;

type Phase = 'none' | 'ready' | 'open' | 'doubtful' | 'fenced';

/** Long enough for a heartbeat to tell a process that came back from the dead that it was dead. */
const BACK_OFF_MS_MIN = 250;
const BACK_OFF_MS_MAX = 10_000;
/** Without a fence for so long, the next one is the first again. */
const PEACE_MS = 60_000;
const SEQUENCE_END = 2 ** 31;
/** Longer silence is trouble that has to be told, and not a commit that takes its time. */
const PATIENCE_MS_MAX = 20_000;

/** How long a commit goes on: after the time-out the broker has aborted it by itself. */
export function patienceMs(of: Pick<ProducerOptions, 'transactionTimeoutMs'>): number {
  return Math.min(of.transactionTimeoutMs, PATIENCE_MS_MAX);
}

export class ProducerIdentity {
  readonly #options: ProducerOptions;
  readonly #sequences = new Map<string, number>();
  #phase: Phase = 'none';
  #epoch: ProducerEpoch = NO_PRODUCER;
  #changing: Promise<void> | undefined;
  #isLost = false;
  #first: Beginning | undefined;
  #fenceCount = 0;
  #fencedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  get writing(): Writing {
    return { transactionalId: this.#options.transactionalId, ...this.#epoch };
  }

  /** The number of the partition's next record, of which so many are about to be sent. */
  sequence(of: TopicPartition, count: number): number {
    const name = topicPartitionName(of);
    const sequence = this.#sequences.get(name) ?? 0;
    this.#sequences.set(name, (sequence + count) % SEQUENCE_END);
    return sequence;
  }

  /** Takes the transactional id over, unless that is done. @throws COMMIT_FAILED */
  async take(): Promise<void> {
    await this.settle();
    if (this.#phase === 'none') await this.#change(() => this.#init(NO_PRODUCER));
  }

  /**
   * Resolves when a transaction may begin.
   * @param isOwner asked before the id is taken from somebody else
   * @throws COMMIT_FENCED, COMMIT_FAILED, KAFKA_NOT_AUTHORIZED
   */
  async ready(isOwner: () => boolean): Promise<void> {
    await this.settle();
    if (this.#is('ready')) return;
    if (this.#is('fenced')) {
      await this.#backOff();
      if (!isOwner()) throw this.#fenced('and the partitions went elsewhere, too');
    }
    await this.#change(() => this.#init(NO_PRODUCER));
    if (!this.#is('ready')) throw this.#fenced('while it was being taken');
  }

  /** @param first what the transaction begins with, to ask for again after a failure */
  begin(first: Beginning): void {
    assert(this.#phase === 'ready', 'T3: a transaction begins with nothing in doubt');
    this.#phase = 'open';
    this.#isLost = false;
    this.#first = first;
  }

  /** The transaction has ended as it should. */
  end(): void {
    if (this.#phase === 'open') this.#phase = this.#isLost ? 'doubtful' : 'ready';
  }

  /** The transaction has failed: perhaps it is still open. */
  fail(): void {
    if (this.#phase === 'open') this.#phase = 'doubtful';
  }

  /** An answer was lost: the request may still reach the broker, at any time. */
  lost(): void {
    this.#isLost = true;
  }

  /** Draws the consequences of a refusal. */
  heard({ verdict }: Answer): void {
    if (verdict === 'forgotten') this.#phase = 'none';
    if (verdict !== 'fenced' || this.#phase === 'fenced') return;
    const { clock } = this.#options;
    if (clock.nowMs() - this.#fencedAtMs > PEACE_MS) this.#fenceCount = 0;
    this.#fenceCount += 1;
    this.#fencedAtMs = clock.nowMs();
    this.#phase = 'fenced';
  }

  /** Resolves when the last transaction is decided, one way or the other. @throws COMMIT_FAILED */
  async settle(): Promise<void> {
    if (this.#changing !== undefined) return this.#changing;
    if (this.#phase !== 'doubtful') return;
    return this.#change(() => (this.#isLost ? this.#raise() : this.#abort()));
  }

  #is(phase: Phase): boolean {
    return this.#phase === phase;
  }

  #change(work: () => Promise<void>): Promise<void> {
    this.#changing ??= work().finally(() => {
      this.#changing = undefined;
    });
    return this.#changing;
  }

  /** Aborts what is open. A commit that was decided stays: then there is nothing to abort. */
  async #abort(): Promise<void> {
    const aborted = await this.#ask('abort', (node) =>
      this.#options.cluster.call({ node, lane: 'transaction' }, END, {
        ...this.writing,
        commit: false,
      }),
    );
    if (aborted.verdict === 'done') return this.#init(this.#epoch);
    this.#heardOrThrow(aborted);
  }

  /**
   * With requests that may arrive late, to abort is not enough: markers of the same epoch do not
   * keep a leader from accepting what comes after them. To take the id over aborts by markers of a
   * higher epoch. That would do the same to a twin, so it is asked first whether there is one, by a
   * request that changes nothing (or begins what is aborted at once).
   */
  async #raise(): Promise<void> {
    const { cluster } = this.#options;
    const probed = await this.#ask('probe', async (node) => {
      const first = this.#first as Beginning;
      if (typeof first === 'string') {
        const request = { ...this.writing, group: first };
        return cluster.call({ node, lane: 'transaction' }, ADD_OFFSETS, request);
      }
      const request = { ...this.writing, partitions: [first] };
      const [found] = await cluster.call({ node, lane: 'transaction' }, ADD_PARTITIONS, request);
      return found ?? { error: 0 };
    });
    if (probed.verdict === 'done') return this.#init(NO_PRODUCER);
    this.#heardOrThrow(probed);
  }

  /** A new epoch: whatever older ones have sent and is still under way is refused from now on. */
  async #init(as: ProducerEpoch): Promise<void> {
    const { cluster, transactionalId, transactionTimeoutMs } = this.#options;
    const asked = await this.#ask('init', async (node) => {
      const request = { transactionalId, transactionTimeoutMs, ...as };
      const found = await cluster.call({ node, lane: 'transaction' }, INIT_PRODUCER_ID, request);
      if (found.error === 0) this.#epoch = { producerId: found.producerId, epoch: found.epoch };
      return found;
    });
    if (asked.verdict !== 'done') return this.#heardOrThrow(asked);
    this.#sequences.clear();
    this.#phase = 'ready';
  }

  #heardOrThrow(answer: Answer): void {
    this.heard(answer);
    // Fenced or forgotten: whoever did that has decided the transaction that was open.
    if (answer.verdict !== 'fenced' && answer.verdict !== 'forgotten') throw answer.error;
  }

  #ask(step: Step, once: (node: number) => Promise<Reply>): Promise<Answer> {
    const { cluster, clock, transactionalId: id } = this.#options;
    return ask(clock, {
      step,
      what: step === 'init' ? `${id} as a producer` : `to abort the transaction of ${id}`,
      endMs: clock.nowMs() + patienceMs(this.#options),
      once: async () => once(await cluster.coordinator('transaction', id)),
      elsewhere: () => cluster.forgetCoordinator('transaction', id),
      lost: () => undefined, // each of them may be asked twice
    });
  }

  async #backOff(): Promise<void> {
    const { clock, random } = this.#options;
    const backOffMs = Math.min(BACK_OFF_MS_MIN * 2 ** (this.#fenceCount - 1), BACK_OFF_MS_MAX);
    // Two that fence each other must not do so in step.
    const waitMs = this.#fencedAtMs + backOffMs * (1 + random.next()) - clock.nowMs();
    if (waitMs > 0) await clock.sleep(waitMs);
  }

  #fenced(how: string): ShrikeError {
    const { transactionalId: id } = this.#options;
    const message = `another producer has taken the transactional id ${id}, ${how}`;
    return new ShrikeError('COMMIT_FENCED', message);
  }
}
