/**
 * One member of a consumer group (the classic protocol): joins, is given partitions, gives them
 * back. G1-G6 in README.md; `phases.ts` draws its life.
 */
import { ShrikeError } from '../../../core/errors.ts';
import type { TopicPartition } from '../../../core/ids.ts';
import type { Membership } from '../../../core/log.ts';
import type { CoordinatorTrouble } from './coordinator-calls.ts';
import type { GroupGeneration } from './generation.ts';
import { Holdings } from './holdings.ts';
import type { GroupMemberOptions } from './options.ts';
import { LOSSES, lossOf, type MemberPhase, phaseAfter } from './phases.ts';
import { Rounds } from './rounds.ts';
import { Session } from './session.ts';
import { Backoff } from './waiting.ts';

export type { GroupMemberOptions };

/** How long the first assignment is waited for while the coordinator cannot be reached. */
const JOIN_PATIENCE_MS = 30_000;
/** A coordinator that cannot be asked for longer than this is worth a word. */
const QUIET_MS = 500;
/**
 * How long one that leaves waits for an answer: to a join, whose new generation its last commits
 * need, and to its farewell.
 */
const LEAVE_PATIENCE_MS = 2000;

type Outcome = 'done' | 'again';

const nothing = () => {};

export class GroupMember implements Membership {
  readonly owner: string;
  readonly #options: GroupMemberOptions;
  readonly #instanceId: string | null;
  readonly #rounds: Rounds;
  readonly #session: Session;
  readonly #holdings: Holdings;
  readonly #backoff: Backoff;
  readonly #leave = new AbortController();
  readonly #end = new AbortController();
  #phase: MemberPhase = 'joining';
  #isTroubleTold = false;
  /** Ends the rest of a stable member. */
  #wake: () => void = nothing;
  /** Ends the wait for an answer. */
  #interrupt: () => void = nothing;
  #first: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  #life: Promise<void> = Promise.resolve();

  private constructor(options: GroupMemberOptions) {
    const { clock, random, group, topic, instanceId, sessionTimeoutMs } = options;
    this.#options = options;
    this.#instanceId = instanceId === '' ? null : instanceId;
    this.owner = `${group}/${topic}@${instanceId}#${random.int(2 ** 32).toString(36)}`;
    this.#rounds = new Rounds(options, this.owner);
    this.#holdings = new Holdings(options);
    this.#backoff = new Backoff(clock, random);
    this.#session = new Session({
      clock,
      sessionTimeoutMs,
      instanceId: this.#instanceId,
      phase: () => this.#phase,
      beat: (as) => this.#rounds.beat(as),
      hangUp: () => this.#rounds.hangUpBeat(),
      onRebalance: () => this.#wake(),
      onLoss: () => this.#stopWaiting(),
    });
  }

  /**
   * Resolves when the first assignment is known; it may be empty.
   * @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE, KAFKA_AUTH_FAILED, KAFKA_NOT_AUTHORIZED,
   *   KAFKA_REQUEST_FAILED
   */
  static async join(options: GroupMemberOptions): Promise<GroupMember> {
    const member = new GroupMember(options);
    await member.#rounds.requireTopic();
    const first = new Promise<void>((resolve, reject) => {
      member.#first = { resolve, reject };
    });
    member.#life = member.#live();
    await first;
    return member;
  }

  /**
   * Live: a generation in which this member owns every partition that it has been assigned and has
   * not let go (G1). Undefined while there is none.
   */
  get generation(): GroupGeneration | undefined {
    return this.#session.isLive && !this.#holdings.isEmpty ? this.#session.self : undefined;
  }

  get isCounted(): boolean {
    return this.#session.isLive;
  }

  /** False for what was never assigned, and for what has been let go or lost. */
  owns(of: TopicPartition): boolean {
    return this.#session.isLive && this.#holdings.has(of);
  }

  /** The partitions are let go first (they may still commit), then the group is told. */
  leave(): Promise<void> {
    if (!this.#leave.signal.aborted) {
      this.#leave.abort();
      this.#wake();
      const late = this.#options.clock.sleep(LEAVE_PATIENCE_MS, this.#end.signal);
      void late.then(() => this.#interrupt());
    }
    return this.#life;
  }

  async #live(): Promise<void> {
    const beating = this.#session.beat(this.#end.signal);
    while (this.#phase !== 'left') {
      const outcome = await this.#do(this.#phase).catch((error) => this.#onFault(error));
      const { loss, isRebalancing } = this.#session;
      const isLeaving = this.#leave.signal.aborted;
      const { toYield } = this.#holdings;
      const facts = { outcome, loss, isLeaving, isRebalancing, toYield };
      const from = this.#phase;
      this.#phase = phaseAfter(from, facts);
      if (from === 'losing') this.#session.renew();
    }
    this.#end.abort();
    this.#rounds.hangUp();
    await beating;
  }

  async #do(phase: MemberPhase): Promise<Outcome> {
    switch (phase) {
      case 'joining':
        return this.#join();
      case 'syncing':
        return this.#sync();
      case 'yielding':
        await this.#holdings.yield();
        return 'done';
      case 'stable':
        return this.#rest();
      case 'losing':
        return this.#giveUp();
      case 'standby':
        await this.#rounds.untilFree(this.#instanceId, this.#leave.signal);
        return 'done';
      case 'leaving':
        return this.#goodbye();
      case 'left':
        return 'done';
    }
  }

  async #join(): Promise<Outcome> {
    const { isEmpty, all } = this.#holdings;
    const session = this.#session;
    session.beginJoin();
    const answered = await this.#unlessOver(this.#rounds.join(session.self, all));
    if (answered === undefined) return 'again';
    if (answered.trouble !== undefined) return this.#onTrouble(answered);
    const { generation, memberId } = answered.answer;
    if (answered.verdict === 'named') {
      session.memberId = memberId;
      return 'again';
    }
    // G3: a generation was made without this member; whatever it had, someone else may have now.
    if (!isEmpty && generation > session.generation + 1) {
      session.lose('stale');
      return 'again';
    }
    session.onJoined({ generation, memberId }, isEmpty);
    return 'done';
  }

  async #sync(): Promise<Outcome> {
    const sentMs = this.#options.clock.nowMs();
    const answered = await this.#unlessOver(this.#rounds.sync(this.#session.self));
    if (answered === undefined) return 'again';
    if (answered.trouble !== undefined) return this.#onTrouble(answered);
    this.#session.onSynced(sentMs);
    // What has been lost meanwhile is lost, whatever was assigned.
    if (this.#session.loss !== undefined) return 'again';
    this.#holdings.adopt(answered.answer);
    this.#backoff.reset();
    this.#isTroubleTold = false;
    this.#first?.resolve();
    this.#first = undefined;
    return 'done';
  }

  /** Until a heartbeat or the owner of this member says that there is something to do. */
  async #rest(): Promise<Outcome> {
    const isDue = () => this.#session.isRebalancing || this.#session.loss !== undefined;
    if (!isDue() && !this.#leave.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = nothing;
    }
    // Eager: nobody keeps anything over a rebalance.
    const isEager = this.#options.assignment === 'eager';
    if (isEager && this.#session.isRebalancing) this.#holdings.yieldAll();
    return 'done';
  }

  async #giveUp(): Promise<Outcome> {
    const { group, topic, onTrouble } = this.#options;
    const { loss, memberId } = this.#session;
    if (loss !== undefined && (!this.#holdings.isEmpty || loss === 'fenced')) {
      const message = `the member ${memberId} of group ${group} lost its partitions of ${topic}`;
      onTrouble(new ShrikeError('COMMIT_FENCED', `${message}: ${LOSSES[loss]}`));
    }
    await this.#holdings.clear();
    return 'done';
  }

  async #goodbye(): Promise<Outcome> {
    await this.#holdings.clear();
    // Fenced: whoever is in the group by this name now is another process.
    if (this.#session.memberId !== '' && this.#session.loss !== 'fenced') {
      const answered = await this.#rounds.leave(this.#session.self, LEAVE_PATIENCE_MS);
      const verdict = answered?.verdict;
      // What the coordinator cannot be told, the end of the session tells it.
      if (verdict === 'later' || verdict === 'refused') this.#options.onTrouble(answered?.trouble);
    }
    this.#first?.reject(new ShrikeError('LOG_UNAVAILABLE', 'the member left before it joined'));
    return 'done';
  }

  #stopWaiting(): void {
    this.#wake();
    this.#interrupt();
  }

  /** A listener that throws, say: nothing is known for certain then, so it begins anew. */
  async #onFault(error: unknown): Promise<Outcome> {
    this.#options.onTrouble(error);
    await this.#backoff.wait(this.#leave.signal);
    this.#session.lose('stale');
    return 'again';
  }

  async #onTrouble({ verdict, trouble }: CoordinatorTrouble): Promise<Outcome> {
    const loss = lossOf(verdict);
    if (loss !== undefined) this.#session.lose(loss);
    else if (verdict !== 'rebalance') await this.#pauseAfter(trouble, verdict === 'refused');
    return 'again';
  }

  async #pauseAfter(error: ShrikeError, isRefused: boolean): Promise<void> {
    const { elapsedMs } = this.#backoff;
    if (this.#first !== undefined && (isRefused || elapsedMs > JOIN_PATIENCE_MS)) {
      this.#first.reject(error);
      this.#first = undefined;
      this.#leave.abort();
      return;
    }
    // A coordinator that moves, or is just starting, is ordinary for a moment.
    if (!this.#isTroubleTold && (isRefused || elapsedMs > QUIET_MS)) {
      this.#isTroubleTold = true;
      this.#options.onTrouble(error);
    }
    await this.#backoff.wait(this.#leave.signal);
  }

  /** Undefined: the answer is not waited for any more. */
  async #unlessOver<T>(answer: Promise<T>): Promise<T | undefined> {
    const over = new Promise<undefined>((resolve) => {
      this.#interrupt = () => resolve(undefined);
    });
    const answered = await Promise.race([answer, over]);
    this.#interrupt = nothing;
    if (answered === undefined) this.#rounds.hangUp();
    return answered;
  }
}
