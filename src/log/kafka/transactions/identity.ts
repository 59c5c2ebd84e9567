/**
 * Who a producer is to the brokers: one transactional id, and the newest epoch of it that this
 * process was given. Every request carries the epoch; a broker refuses an older one.
 *
 *     none ──► ready ──► open ──► ready      a commit, every answer in hand
 *                ▲        └─────► doubtful   a commit failed, or an answer was lost
 *                │                   │ aborted, or it was committed before
 *                │                decided
 *                │                   │ the next epoch
 *                └──────────────── closing   an empty transaction with the same end
 *     fenced ── back off ────────────▲       from any of them: somebody has a newer epoch
 *
 * T3  An epoch of which a request may still be under way somewhere is not used for another
 *     transaction.
 * T8  Nor does one begin before the partitions of a doubtful one have markers of a newer epoch.
 */
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { Random } from '../../../core/random.ts';
import type { Cluster, Link } from '../cluster.ts';
import { BROKER_ERRORS } from '../wire/broker-errors.ts';
import { DESCRIBE_TRANSACTIONS, type DescribedTransaction } from './described.ts';
import {
  END,
  INIT_PRODUCER_ID,
  NO_PRODUCER,
  type ProducerEpoch,
  type Writing,
} from './messages.ts';
import { type Answer, ask, type Reply } from './patience.ts';

export interface ProducerOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly random: Random;
  readonly transactionalId: string;
  /** After so long the broker aborts a transaction by itself. */
  readonly transactionTimeoutMs: number;
}

/** What a transaction is about: what it writes, and the groups whose offsets it commits. */
export interface Reach {
  readonly partitions: readonly TopicPartition[];
  readonly groups: readonly string[];
}

export type Ending = 'commit' | 'abort';

interface IdentityOptions extends ProducerOptions {
  /** Waits for the leaders and coordinators of what is to be closed. @throws LOG_UNAVAILABLE */
  readonly awaitLeaders: (reach: Reach) => Promise<void>;
  /**
   * Runs an empty transaction to its end.
   * @returns by which connection it was answered; undefined when there was nothing to close
   * @throws COMMIT_FAILED, COMMIT_FENCED, LOG_UNAVAILABLE
   */
  readonly close: (reach: Reach, ending: Ending) => Promise<Link | undefined>;
}

type Phase = 'none' | 'ready' | 'open' | 'doubtful' | 'decided' | 'closing' | 'fenced';

/** Long enough for a heartbeat to tell a process that came back from the dead that it was dead. */
const BACK_OFF_MS_MIN = 250;
const BACK_OFF_MS_MAX = 10_000;
/** Without a fence for so long, the next one is the first again. */
const PEACE_MS = 60_000;
const WHAT = {
  init: (id: string) => `${id} as a producer`,
  describe: (id: string) => `what became of the transaction of ${id}`,
  abort: (id: string) => `to abort the transaction of ${id}`,
} as const;
/** States of a transactional id that has left nothing to close; the first: nobody has used it. */
const UNUSED = ['', 'Empty', 'Dead'];
const UNSETTLED: readonly Phase[] = ['doubtful', 'decided', 'closing'];
const SEQUENCE_END = 2 ** 31;
/** Longer silence is trouble that has to be told, and not a commit that takes its time. */
const PATIENCE_MS_MAX = 20_000;

/** How long a commit goes on: after the time-out the broker has aborted it by itself. */
export function patienceMs(of: Pick<ProducerOptions, 'transactionTimeoutMs'>): number {
  return Math.min(of.transactionTimeoutMs, PATIENCE_MS_MAX);
}

export class ProducerIdentity {
  readonly #options: IdentityOptions;
  readonly #sequences = new Map<string, number>();
  #phase: Phase = 'none';
  #epoch: ProducerEpoch = NO_PRODUCER;
  #changing: Promise<void> | undefined;
  #isLost = false;
  /** Of the last transaction that has begun in this epoch, or is to be closed in it. */
  #reach: Reach | undefined;
  /** How it ends: not known until its end is answered. */
  #ending: Ending | 'unknown' = 'abort';
  /** By which it was answered. */
  #link: Link | undefined;
  #hasBegun = false;
  #fenceCount = 0;
  #fencedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  get writing(): Writing {
    return { transactionalId: this.#options.transactionalId, ...this.#epoch };
  }

  /** By which the next transaction begins; undefined when nothing came before it in this epoch. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** The number of the partition's next record, of which so many are about to be sent. */
  sequence(of: TopicPartition, count: number): number {
    const name = topicPartitionName(of);
    const sequence = this.#sequences.get(name) ?? 0;
    this.#sequences.set(name, (sequence + count) % SEQUENCE_END);
    return sequence;
  }

  /**
   * Takes the transactional id over, unless that is done.
   * @param reach what the id's former owner may have left without its markers (T8)
   * @throws COMMIT_FAILED
   */
  async take(reach: () => Promise<Reach>): Promise<void> {
    await this.settle();
    if (this.#phase === 'none') await this.#change(() => this.#inherit(reach));
  }

  /**
   * Resolves when a transaction begins.
   * @param isOwner asked before the id is taken from somebody else
   * @throws COMMIT_FENCED, COMMIT_FAILED, KAFKA_NOT_AUTHORIZED
   */
  async begin(isOwner: () => boolean): Promise<void> {
    await this.settle();
    if (this.#is('fenced')) {
      await this.#backOff();
      if (!isOwner()) throw this.#fenced('and the partitions went elsewhere, too');
    }
    if (!this.#is('ready')) {
      await this.#change(() => this.#init(NO_PRODUCER));
      if (this.#is('closing')) this.#ready();
    }
    if (!this.#is('ready')) throw this.#fenced('while it was being taken');
    this.#phase = 'open';
    this.#isLost = false;
    this.#hasBegun = false;
  }

  /** The coordinator has all that the transaction is about: from now on it may be written. */
  begun(reach: Reach): void {
    this.#reach = reach;
    this.#ending = 'abort';
    this.#hasBegun = true;
  }

  /** Its end is about to be asked for. */
  committing(): void {
    this.#ending = 'unknown';
  }

  /** The transaction has ended as it should. */
  end(link: Link): void {
    if (this.#phase !== 'open') return;
    this.#ending = 'commit';
    this.#link = link;
    this.#phase = this.#isLost ? 'doubtful' : 'ready';
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
    // With nothing open no time-out can have raised the epoch: it was a twin, who closes.
    if (this.#phase === 'ready' || this.#phase === 'decided') this.#reach = undefined;
    const { clock } = this.#options;
    if (clock.nowMs() - this.#fencedAtMs > PEACE_MS) this.#fenceCount = 0;
    this.#fenceCount += 1;
    this.#fencedAtMs = clock.nowMs();
    this.#phase = 'fenced';
  }

  /** Something may be open, or waits for its markers. */
  get isInDoubt(): boolean {
    return UNSETTLED.includes(this.#phase);
  }

  /** Resolves when the last transaction is decided, one way or the other. @throws COMMIT_FAILED */
  async settle(): Promise<void> {
    if (this.#changing !== undefined) return this.#changing;
    if (!this.isUnsettled) return;
    return this.#change(() => this.#settle());
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

  /** There is something to do before another transaction begins. */
  get isUnsettled(): boolean {
    if (this.#phase === 'fenced') return this.#reach !== undefined;
    // The coordinator that was to write the markers may be gone.
    if (this.#phase === 'ready') return this.#link?.isUsable === false;
    return this.isInDoubt;
  }

  /** Goes on where it was when it failed the last time. */
  async #settle(): Promise<void> {
    while (this.isUnsettled) await this.#step();
  }

  #step(): Promise<void> {
    switch (this.#phase) {
      case 'fenced':
        return this.#learn();
      case 'decided':
        return this.#raise();
      case 'closing':
        return this.#close();
      default:
        return this.#decide();
    }
  }

  /**
   * Asks for an abort. A commit that was decided stays: then there is nothing to abort. If somebody
   * has a newer epoch, this one is told.
   *
   * What has not begun is empty, wherever the request that was to begin it has gone. It ends as the
   * one before, whose markers may be missing: with another end its own would count for that one.
   */
  async #decide(): Promise<void> {
    const { cluster } = this.#options;
    const commit = !this.#hasBegun && this.#ending === 'commit';
    const asked = await this.#ask('abort', (node) => {
      const request = { ...this.writing, commit };
      return cluster.call({ node, lane: 'transaction' }, END, request);
    });
    if (asked.verdict !== 'done' && asked.verdict !== 'ended') return this.#heardOrThrow(asked);
    // What cannot be aborted was committed, if that was asked for; else it had not begun.
    if (this.#ending === 'unknown') this.#ending = asked.verdict === 'ended' ? 'commit' : 'abort';
    // Refused before it began, by the coordinator that has completed the one before.
    if (!this.#hasBegun && !this.#isLost && this.#link?.isUsable) this.#reach = undefined;
    this.#phase = 'decided';
  }

  /** Leaders first: once the epoch is raised, nobody else can tell what is to be closed. */
  async #raise(): Promise<void> {
    if (this.#reach !== undefined) await this.#options.awaitLeaders(this.#reach);
    await this.#init(this.#isLost ? NO_PRODUCER : this.#epoch);
  }

  /**
   * T8. With requests that may arrive late, a decision is not enough: markers of the same epoch do
   * not keep a leader from accepting what comes after them. And brokers of 4.3 forget the markers
   * of partitions that have no leader at that moment (KAFKA-20734): what lies there would take
   * part in whatever this producer commits there next. Markers of a newer epoch help with both.
   */
  async #close(): Promise<void> {
    const reach = this.#reach;
    if (reach === undefined || this.#ending === 'unknown') return this.#ready();
    let link: Link | undefined;
    try {
      link = await this.#options.close(reach, this.#ending);
    } catch (error) {
      // Fenced, it is learned by whom.
      if (this.#is('closing')) throw error;
      return;
    }
    if (link === undefined) return this.#ready();
    // Its own markers may be missing, too, and a request of it may arrive late.
    if (this.#isLost) return this.#init(NO_PRODUCER);
    this.#link = link;
    this.#phase = 'ready';
  }

  /**
   * Who has fenced it: the broker itself aborts what takes too long, and raises the epoch by one.
   * Else it was a twin, who closes what it finds.
   */
  async #learn(): Promise<void> {
    await this.#backOff();
    const { state, producerId, epoch } = await this.#described();
    const isNext = producerId === this.#epoch.producerId && epoch === this.#epoch.epoch + 1;
    if (isNext && state === 'CompleteAbort') {
      if (this.#ending === 'unknown') this.#ending = 'abort';
      this.#isLost = true;
      this.#phase = 'decided';
    } else this.#reach = undefined;
  }

  /** What the coordinator knows, when it is decided. */
  async #described(): Promise<Pick<DescribedTransaction, 'state' | keyof ProducerEpoch>> {
    const { cluster, transactionalId } = this.#options;
    let known: DescribedTransaction | undefined;
    const asked = await this.#ask('describe', async (node) => {
      const at = { node, lane: 'transaction' } as const;
      [known] = await cluster.call(at, DESCRIBE_TRANSACTIONS, transactionalId);
      const isDeciding = known?.state.startsWith('Prepare') ?? false;
      return { error: isDeciding ? BROKER_ERRORS.CONCURRENT_TRANSACTIONS : (known?.error ?? 0) };
    });
    if (asked.error !== undefined) throw asked.error;
    return known ?? { ...NO_PRODUCER, state: '' };
  }

  async #inherit(reach: () => Promise<Reach>): Promise<void> {
    let { state } = await this.#described();
    let left: Reach | undefined;
    if (!UNUSED.includes(state)) {
      left = await reach();
      await this.#options.awaitLeaders(left);
      // As late as can be: the former owner may still be at work.
      ({ state } = await this.#described());
    }
    await this.#init(NO_PRODUCER);
    this.#ending = state === 'CompleteCommit' ? 'commit' : 'abort';
    this.#reach = left;
    await this.#settle();
  }

  /** With nothing left behind. */
  #ready(): void {
    this.#phase = 'ready';
    this.#reach = undefined;
    this.#ending = 'abort';
    this.#link = undefined;
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
    this.#link = undefined;
    this.#isLost = false;
    this.#phase = 'closing';
  }

  #heardOrThrow(answer: Answer): void {
    this.heard(answer);
    // Fenced or forgotten: whoever did that has decided the transaction that was open.
    if (answer.verdict !== 'fenced' && answer.verdict !== 'forgotten') throw answer.error;
  }

  #ask(step: keyof typeof WHAT, once: (node: number) => Promise<Reply>): Promise<Answer> {
    const { cluster, clock, transactionalId: id } = this.#options;
    return ask(clock, {
      step,
      what: WHAT[step](id),
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
