/**
 * One member of a consumer group (the classic protocol): joins, is given partitions, gives them
 * back. G1-G6 in README.md; `phases.ts` draws its life.
 */
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { Membership, MembershipListener } from '../../../core/log.ts';
import type { Random } from '../../../core/random.ts';
import type { Cluster } from '../cluster.ts';
import { ASSIGNORS, type AssignmentKind, type Assignor } from './assignors.ts';
import { Backoff } from './backoff.ts';
import { decodeAssignment, encodeSubscription } from './consumer-protocol.ts';
import {
  type CoordinatorAnswer,
  CoordinatorCalls,
  type CoordinatorTrouble,
} from './coordinator-calls.ts';
import type { GroupGeneration } from './generation.ts';
import { sendHeartbeats } from './heartbeats.ts';
import { assignAsLeader, compareAssignment } from './leader.ts';
import { Lease } from './lease.ts';
import type { JoinedGroup } from './messages.ts';
import { type Loss, MEMBER_PHASES, type MemberPhase, phaseAfter } from './phases.ts';
import { within } from './within.ts';

export interface GroupMemberOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly random: Random;
  readonly group: string;
  readonly topic: string;
  /** Empty: a dynamic member. */
  readonly instanceId: string;
  readonly assignment: AssignmentKind;
  readonly sessionTimeoutMs: number;
  readonly listener: MembershipListener;
  readonly onTrouble: (error: unknown) => void;
}

/** How long the others wait for a member that has to let go of partitions before it joins. */
export const REBALANCE_TIMEOUT_MS = 60_000;
/** How long the first assignment is waited for while the coordinator cannot be reached. */
const JOIN_PATIENCE_MS = 30_000;
/** A coordinator that cannot be asked for longer than this is worth a word. */
const QUIET_MS = 500;
/** How long a member that leaves waits for a rebalance, so that its last commits are accepted. */
const LEAVE_PATIENCE_MS = 2000;

/** An answer to a join that is on its way does not take as long as so many heartbeats. */
const DOUBTS_MAX = 3;

type Outcome = 'done' | 'again';

export class GroupMember implements Membership {
  readonly owner: string;
  readonly #options: GroupMemberOptions;
  readonly #instanceId: string | null;
  readonly #assignor: Assignor;
  readonly #calls: CoordinatorCalls;
  readonly #lease: Lease;
  readonly #backoff: Backoff;
  readonly #owned = new Map<string, TopicPartition>();
  readonly #leave = new AbortController();
  readonly #end = new AbortController();
  #phase: MemberPhase = 'joining';
  #memberId = '';
  /** -1: none. */
  #generation = -1;
  #joined: JoinedGroup | undefined;
  #toYield: readonly TopicPartition[] = [];
  #isRebalancing = false;
  #isTroubleTold = false;
  #loss: Loss | undefined;
  /** Heartbeats in a row that denied the membership while a join was under way. */
  #doubts = 0;
  #wake: () => void = () => {};
  #interrupt: () => void = () => {};
  #settled: { done: () => void; failed: (error: unknown) => void } | undefined;
  #life: Promise<void> = Promise.resolve();

  private constructor(options: GroupMemberOptions) {
    const { cluster, clock, random, group, topic, instanceId, sessionTimeoutMs } = options;
    this.#options = options;
    this.#instanceId = instanceId === '' ? null : instanceId;
    this.#assignor = ASSIGNORS[options.assignment];
    this.#calls = new CoordinatorCalls(cluster, group);
    this.#lease = new Lease(clock, sessionTimeoutMs);
    this.#backoff = new Backoff(clock, random);
    this.owner = `${group}/${topic}@${instanceId}#${random.int(2 ** 32).toString(36)}`;
  }

  /**
   * Resolves when the first assignment is known; it may be empty.
   * @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE, KAFKA_AUTH_FAILED, KAFKA_NOT_AUTHORIZED,
   *   KAFKA_REQUEST_FAILED
   */
  static async join(options: GroupMemberOptions): Promise<GroupMember> {
    await options.cluster.partitions(options.topic);
    const member = new GroupMember(options);
    const first = new Promise<void>((done, failed) => {
      member.#settled = { done, failed };
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
    const isOver = this.#loss !== undefined || this.#lease.isExpired;
    if (isOver || this.#owned.size === 0 || this.#generation < 0) return undefined;
    return this.#self;
  }

  /** False for what was never assigned, and for what has been let go or lost. */
  owns(of: TopicPartition): boolean {
    return this.#owned.has(topicPartitionName(of));
  }

  /** The partitions are let go first (they may still commit), then the group is told. */
  leave(): Promise<void> {
    if (!this.#leave.signal.aborted) {
      this.#leave.abort();
      this.#wake();
      const { clock } = this.#options;
      clock.sleep(LEAVE_PATIENCE_MS, this.#end.signal).then(() => this.#interrupt());
    }
    return this.#life;
  }

  get #self(): GroupGeneration {
    return {
      generation: this.#generation,
      memberId: this.#memberId,
      instanceId: this.#instanceId,
    };
  }

  async #live(): Promise<void> {
    const { clock, sessionTimeoutMs } = this.#options;
    const beating = sendHeartbeats(
      {
        clock,
        sessionTimeoutMs,
        lease: this.#lease,
        sender: () => this.#sender(),
        beat: (as) => this.#calls.beat(as),
        answered: (as, answer) => this.#onBeat(as, answer),
        expired: () => this.#lose('expired'),
      },
      this.#end.signal,
    );
    while (this.#phase !== 'left') {
      const outcome = await this.#do(this.#phase).catch((error) => this.#onFault(error));
      this.#phase = phaseAfter(this.#phase, {
        outcome,
        loss: this.#loss,
        isLeaving: this.#leave.signal.aborted,
        isRebalancing: this.#isRebalancing,
        toYield: this.#toYield.length,
      });
      if (this.#phase === 'joining') this.#loss = undefined;
    }
    this.#end.abort();
    await beating;
  }

  /** A listener that throws, say: nothing is known for certain then, so it begins anew. */
  async #onFault(error: unknown): Promise<Outcome> {
    this.#options.onTrouble(error);
    await this.#backoff.wait(this.#leave.signal);
    this.#lose('stale');
    return 'again';
  }

  async #do(phase: MemberPhase): Promise<Outcome> {
    switch (phase) {
      case 'joining':
        return this.#join();
      case 'syncing':
        return this.#sync();
      case 'yielding':
        await this.#letGo(this.#toYield);
        this.#toYield = [];
        return 'done';
      case 'stable':
        return this.#rest();
      case 'losing':
        return this.#giveUp();
      case 'standby':
        return this.#standBy();
      case 'leaving':
        return this.#goodbye();
      case 'left':
        return 'done';
    }
  }

  async #join(): Promise<Outcome> {
    const { clock, topic, sessionTimeoutMs } = this.#options;
    this.#isRebalancing = false;
    this.#doubts = 0;
    const asking = this.#calls.join({
      sessionTimeoutMs,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      memberId: this.#memberId,
      instanceId: this.#instanceId,
      protocol: this.#assignor.protocol,
      metadata: encodeSubscription({
        topics: [topic],
        owned: [...this.#owned.values()],
        generation: this.#owned.size > 0 ? this.#generation : -1,
      }),
    });
    const answered = await this.#unlessOver(asking);
    if (answered === undefined) return 'again';
    if (answered.trouble !== undefined) return this.#onTrouble(answered);
    const { generation, memberId } = answered.answer;
    if (answered.verdict === 'named') {
      this.#memberId = memberId;
      return 'again';
    }
    // G3: a generation was made without this member; whatever it had, someone else may have now.
    if (this.#owned.size > 0 && generation > this.#generation + 1) {
      this.#lose('stale');
      return 'again';
    }
    this.#generation = generation;
    this.#memberId = memberId;
    this.#joined = answered.answer;
    if (this.#owned.size === 0) this.#lease.renew(clock.nowMs());
    return 'done';
  }

  async #sync(): Promise<Outcome> {
    const { clock, cluster, topic } = this.#options;
    const { leader, protocol, members } = this.#joined as JoinedGroup;
    let assignments: ReadonlyMap<string, Uint8Array> = new Map();
    if (leader === this.#memberId) {
      try {
        const as = { assignor: this.#assignor, topic };
        assignments = await assignAsLeader(cluster, as, members);
      } catch (error) {
        await this.#pauseAfter(error);
        return 'again';
      }
    }
    const sentMs = clock.nowMs();
    const asking = this.#calls.sync({ ...this.#self, protocol, assignments });
    const answered = await this.#unlessOver(asking);
    if (answered === undefined) return 'again';
    if (answered.trouble !== undefined) return this.#onTrouble(answered);
    this.#lease.renew(sentMs);
    if (this.#loss === undefined) this.#adopt(decodeAssignment(answered.answer.assignment));
    return 'done';
  }

  #adopt(assigned: readonly TopicPartition[]): void {
    const { added, gone } = compareAssignment(this.#owned, assigned);
    for (const one of added) this.#owned.set(topicPartitionName(one), one);
    this.#toYield = gone;
    this.#backoff.reset();
    this.#isTroubleTold = false;
    if (added.length > 0) this.#options.listener.assigned(added);
    this.#settled?.done();
    this.#settled = undefined;
  }

  /** Until a heartbeat or the owner of this member says that there is something to do. */
  async #rest(): Promise<Outcome> {
    if (!this.#isRebalancing && this.#loss === undefined && !this.#leave.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    // Eager: nobody keeps anything over a rebalance.
    if (this.#isRebalancing && this.#options.assignment === 'eager') {
      this.#toYield = [...this.#owned.values()];
    }
    return 'done';
  }

  async #giveUp(): Promise<Outcome> {
    const { group, topic, onTrouble } = this.#options;
    const loss = this.#loss as Loss;
    if (this.#owned.size > 0 || loss === 'fenced') {
      const message = `the member ${this.#memberId} of group ${group} lost its partitions of ${topic}`;
      onTrouble(new ShrikeError('COMMIT_FENCED', `${message}: ${LOSSES[loss]}`));
    }
    await this.#letGo([...this.#owned.values()]);
    this.#toYield = [];
    this.#generation = -1;
    if (loss === 'forgotten' || loss === 'fenced') this.#memberId = '';
    return 'done';
  }

  /** Waits until the twin has gone (G5). */
  async #standBy(): Promise<Outcome> {
    const pause = new Backoff(this.#options.clock, this.#options.random, STANDBY_POLL);
    while (!this.#leave.signal.aborted) {
      await pause.wait(this.#leave.signal);
      const { answer, verdict, trouble } = await this.#calls.describe();
      if (verdict === 'refused') this.#options.onTrouble(trouble);
      const isTaken = ({ instanceId }: { instanceId: string | null }) =>
        instanceId === this.#instanceId;
      if (answer !== undefined && !answer.members.some(isTaken)) break;
    }
    return 'done';
  }

  async #goodbye(): Promise<Outcome> {
    await this.#letGo([...this.#owned.values()]);
    // Whoever is in the group by this name now, it is another process.
    const isMember = this.#memberId !== '' && this.#loss !== 'fenced';
    if (isMember) {
      const { clock, onTrouble } = this.#options;
      const leaving = this.#calls.leave(this.#memberId, this.#instanceId);
      const left = await within(leaving, clock, { waitMs: LEAVE_PATIENCE_MS });
      // What the coordinator cannot be told, the end of the session tells it.
      if (left?.verdict === 'later' || left?.verdict === 'refused') onTrouble(left.trouble);
    }
    this.#settled?.failed(new ShrikeError('LOG_UNAVAILABLE', 'the member left before it joined'));
    return 'done';
  }

  async #letGo(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    try {
      await this.#options.listener.revoked(partitions);
    } catch (error) {
      this.#options.onTrouble(error);
    }
    for (const one of partitions) this.#owned.delete(topicPartitionName(one));
  }

  #sender(): GroupGeneration | undefined {
    if (!MEMBER_PHASES[this.#phase].beats || this.#loss !== undefined) return undefined;
    return this.#generation < 0 ? undefined : this.#self;
  }

  #onBeat(as: GroupGeneration, { verdict }: CoordinatorAnswer<number>): void {
    if (as.generation !== this.#generation || as.memberId !== this.#memberId) return;
    const isLoss = verdict === 'stale' || verdict === 'forgotten' || verdict === 'fenced';
    if (!MEMBER_PHASES[this.#phase].listens) {
      // The answer to the join overtakes this one, or is lost on a broken way.
      this.#doubts = isLoss ? this.#doubts + 1 : 0;
      if (isLoss && this.#doubts >= DOUBTS_MAX) this.#lose(verdict);
      return;
    }
    if (isLoss) this.#lose(verdict);
    if (verdict === 'rebalance') this.#isRebalancing = true;
    if (verdict === 'rebalance') this.#wake();
  }

  #lose(loss: Loss): void {
    this.#loss ??= loss;
    this.#wake();
    this.#interrupt();
  }

  async #onTrouble({ verdict, trouble }: CoordinatorTrouble): Promise<Outcome> {
    if (verdict === 'stale' || verdict === 'forgotten' || verdict === 'fenced') this.#lose(verdict);
    else if (verdict !== 'rebalance') await this.#pauseAfter(trouble, verdict === 'refused');
    return 'again';
  }

  async #pauseAfter(error: unknown, isRefused = false): Promise<void> {
    if (this.#settled !== undefined && (isRefused || this.#backoff.waitedMs > JOIN_PATIENCE_MS)) {
      this.#settled.failed(error);
      this.#settled = undefined;
      this.#leave.abort();
      return;
    }
    // A coordinator that moves, or is just starting, is ordinary for a moment.
    const isNews = !this.#isTroubleTold && this.#backoff.waitedMs > QUIET_MS;
    if (isRefused || isNews) {
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
    this.#interrupt = () => {};
    if (answered === undefined) this.#calls.hangUp();
    return answered;
  }
}

const STANDBY_POLL = { minMs: 1000, maxMs: 15_000 };

const LOSSES: Record<Loss, string> = {
  expired: 'its session is over, no heartbeat was answered in time',
  stale: 'the group has gone on to a new generation without it',
  forgotten: 'the coordinator does not know it any more',
  fenced: 'another process has joined by the same instance id; this one stands by until it leaves',
};
