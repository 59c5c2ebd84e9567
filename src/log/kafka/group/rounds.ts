/** The steps of a rebalance, and what they say to the coordinator. */
import { codeOf, ShrikeError } from '../../../core/errors.ts';
import type { TopicPartition } from '../../../core/ids.ts';
import { ASSIGNORS, type Assignor } from './assignors.ts';
import { decodeAssignment, encodeSubscription } from './consumer-protocol.ts';
import { type CoordinatorAnswer, CoordinatorCalls } from './coordinator-calls.ts';
import type { GroupGeneration } from './generation.ts';
import { assignAsLeader } from './leader.ts';
import type { JoinedGroup } from './messages.ts';
import type { GroupMemberOptions } from './options.ts';
import { Backoff, within } from './waiting.ts';

/** How long the others wait for a member that has to let go of partitions before it joins. */
const REBALANCE_TIMEOUT_MS = 60_000;
/** A topic that was made a moment ago is not known to every broker. */
const TOPIC_PATIENCE_MS = 1000;
const NEVER = new AbortController().signal;
const STANDBY_POLL = { minMs: 1000, maxMs: 15_000 };

export class Rounds {
  readonly #options: GroupMemberOptions;
  readonly #assignor: Assignor;
  readonly #calls: CoordinatorCalls;
  #joined: JoinedGroup | undefined;

  constructor(options: GroupMemberOptions, member: string) {
    this.#options = options;
    this.#assignor = ASSIGNORS[options.assignment];
    this.#calls = new CoordinatorCalls(options.cluster, options.group, member);
  }

  /** @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE */
  async requireTopic(): Promise<void> {
    const { cluster, clock, random, topic } = this.#options;
    const pause = new Backoff(clock, random);
    for (;;) {
      try {
        await cluster.partitions(topic);
        return;
      } catch (error) {
        if (codeOf(error) !== 'LOG_TOPIC_UNKNOWN' || pause.elapsedMs > TOPIC_PATIENCE_MS)
          throw error;
      }
      await pause.wait(NEVER);
    }
  }

  async join(
    { generation, memberId, instanceId }: GroupGeneration,
    owned: readonly TopicPartition[],
  ): Promise<CoordinatorAnswer<JoinedGroup>> {
    const { topic, sessionTimeoutMs } = this.#options;
    const answered = await this.#calls.join({
      sessionTimeoutMs,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      memberId,
      instanceId,
      protocol: this.#assignor.protocol,
      metadata: encodeSubscription({
        topics: [topic],
        owned,
        generation: owned.length > 0 ? generation : -1,
      }),
    });
    this.#joined = answered.answer;
    return answered;
  }

  /** Assigns for all, if this is the leader, and answers what this member is assigned. */
  async sync(self: GroupGeneration): Promise<CoordinatorAnswer<readonly TopicPartition[]>> {
    const { cluster, topic } = this.#options;
    const { leader, protocol, members } = this.#joined as JoinedGroup;
    let assignments: ReadonlyMap<string, Uint8Array> = new Map();
    if (leader === self.memberId) {
      try {
        assignments = await assignAsLeader(cluster, { assignor: this.#assignor, topic }, members);
      } catch (error) {
        return { verdict: 'later', trouble: asTrouble(error, this.#options.group) };
      }
    }
    const answered = await this.#calls.sync({ ...self, protocol, assignments });
    if (answered.trouble !== undefined) return answered;
    const { verdict, answer } = answered;
    return { verdict, answer: decodeAssignment(answer.assignment) };
  }

  beat(self: GroupGeneration): Promise<CoordinatorAnswer<number>> {
    return this.#calls.beat(self);
  }

  /** Undefined: no answer for so long. */
  leave(
    { memberId, instanceId }: GroupGeneration,
    waitMs: number,
  ): Promise<CoordinatorAnswer<number> | undefined> {
    return within(this.#calls.leave(memberId, instanceId), this.#options.clock, { waitMs });
  }

  hangUp(): void {
    this.#calls.hangUp();
  }

  hangUpBeat(): void {
    this.#calls.hangUpBeat();
  }

  /** Resolves when nobody in the group has the instance id, or the signal aborts (G5). */
  async untilFree(instanceId: string | null, stop: AbortSignal): Promise<void> {
    const { clock, random, onTrouble } = this.#options;
    const pause = new Backoff(clock, random, STANDBY_POLL);
    while (!stop.aborted) {
      await pause.wait(stop);
      const { answer, verdict, trouble } = await this.#calls.describe();
      if (verdict === 'refused') onTrouble(trouble);
      if (answer === undefined) continue;
      if (answer.members.every((member) => member.instanceId !== instanceId)) return;
    }
  }
}

function asTrouble(error: unknown, group: string): ShrikeError {
  if (error instanceof ShrikeError) return error;
  const message = `this member leads group ${group} and cannot read what the others have sent`;
  return new ShrikeError('LOG_UNAVAILABLE', message, { cause: error });
}
