/**
 * Who this member is to the coordinator, and for how long it may believe so: its id, the newest
 * generation that it has been told of, and what the heartbeats hear.
 */
import type { Clock } from '../../../core/clock.ts';
import type { CoordinatorAnswer } from './coordinator-calls.ts';
import type { GroupGeneration } from './generation.ts';
import { sendHeartbeats } from './heartbeats.ts';
import { Lease } from './lease.ts';
import { type Loss, lossOf, MEMBER_PHASES, type MemberPhase } from './phases.ts';

export interface SessionOptions {
  readonly clock: Clock;
  readonly sessionTimeoutMs: number;
  readonly instanceId: string | null;
  readonly phase: () => MemberPhase;
  readonly beat: (as: GroupGeneration) => Promise<CoordinatorAnswer<number>>;
  readonly hangUp: () => void;
  /** There is a rebalance to join. */
  readonly onRebalance: () => void;
  readonly onLoss: () => void;
}

/** An answer to a join that is on its way does not take as long as so many heartbeats. */
const DOUBTS_MAX = 3;

export class Session {
  readonly #options: SessionOptions;
  readonly #lease: Lease;
  /** Empty: the coordinator has not given it one. */
  memberId = '';
  /** -1: none. */
  generation = -1;
  isRebalancing = false;
  #loss: Loss | undefined;
  /** Heartbeats in a row that denied the membership while a join was under way. */
  #doubts = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#lease = new Lease(options.clock, options.sessionTimeoutMs);
  }

  get self(): GroupGeneration {
    const { generation, memberId } = this;
    return { generation, memberId, instanceId: this.#options.instanceId };
  }

  /** Checked when it is read: a process that was stopped finds out before its first commit. */
  get isLive(): boolean {
    return this.#loss === undefined && this.generation >= 0 && !this.#lease.isExpired;
  }

  get loss(): Loss | undefined {
    return this.#loss;
  }

  lose(loss: Loss): void {
    this.#loss ??= loss;
    this.#options.onLoss();
  }

  /** After a loss, with nothing owned: joins as a new member does. */
  renew(): void {
    // A coordinator that still knows the id may keep it; one that does not says so.
    if (this.#loss === 'forgotten' || this.#loss === 'fenced') this.memberId = '';
    this.generation = -1;
    this.#loss = undefined;
  }

  beginJoin(): void {
    this.isRebalancing = false;
    this.#doubts = 0;
  }

  /** `isFresh`: nothing is owned that could be lost by trusting an answer of unknown age. */
  onJoined(as: Pick<GroupGeneration, 'generation' | 'memberId'>, isFresh: boolean): void {
    this.generation = as.generation;
    this.memberId = as.memberId;
    if (isFresh) this.#lease.renew(this.#options.clock.nowMs());
  }

  onSynced(sentMs: number): void {
    this.#lease.renew(sentMs);
  }

  /** Runs until the signal aborts. */
  beat(stop: AbortSignal): Promise<void> {
    const options = {
      ...this.#options,
      lease: this.#lease,
      sender: () => this.#sender(),
      answered: (as: GroupGeneration, answer: CoordinatorAnswer<number>) =>
        this.#onBeat(as, answer),
      expired: () => this.lose('expired'),
    };
    return sendHeartbeats(options, stop);
  }

  #sender(): GroupGeneration | undefined {
    const { beats } = MEMBER_PHASES[this.#options.phase()];
    return beats && this.#loss === undefined && this.generation >= 0 ? this.self : undefined;
  }

  #onBeat(as: GroupGeneration, { verdict }: CoordinatorAnswer<number>): void {
    if (as.generation !== this.generation || as.memberId !== this.memberId) return;
    const loss = lossOf(verdict);
    if (MEMBER_PHASES[this.#options.phase()].listens) {
      if (loss !== undefined) this.lose(loss);
      if (verdict !== 'rebalance') return;
      this.isRebalancing = true;
      this.#options.onRebalance();
      return;
    }
    // The answer to the join says the same, and more; but it may be lost on a broken way.
    this.#doubts = loss === undefined ? 0 : this.#doubts + 1;
    if (loss !== undefined && this.#doubts >= DOUBTS_MAX) this.lose(loss);
  }
}
