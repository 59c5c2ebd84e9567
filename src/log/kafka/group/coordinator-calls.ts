/** Requests to the coordinator of one group: found when it must be, never throwing. */
import { codeOf, explain, ShrikeError } from '../../../core/errors.ts';
import type { Cluster, GroupLane, Lane } from '../cluster.ts';
import type { Api } from '../wire/api.ts';
import { brokerError } from '../wire/broker-errors.ts';
import type { GroupGeneration } from './generation.ts';
import {
  DESCRIBE_GROUP,
  type DescribedGroup,
  HEARTBEAT,
  JOIN_GROUP,
  type JoinedGroup,
  type JoinGroup,
  LEAVE_GROUP,
  SYNC_GROUP,
  type SyncGroup,
} from './messages.ts';
import { type Verdict, verdictOf } from './verdicts.ts';

export type CoordinatorAnswer<A> =
  | { readonly verdict: 'ok' | 'named'; readonly answer: A; readonly trouble?: undefined }
  | CoordinatorTrouble;

export interface CoordinatorTrouble {
  readonly verdict: Exclude<Verdict, 'ok' | 'named'>;
  readonly answer?: undefined;
  readonly trouble: ShrikeError;
}

export class CoordinatorCalls {
  readonly #cluster: Cluster;
  readonly #group: string;
  readonly #lane: GroupLane;

  /** `member`: a name of its own within this process. */
  constructor(cluster: Cluster, group: string, member: string) {
    this.#cluster = cluster;
    this.#group = group;
    this.#lane = `group ${member}`;
  }

  join(request: Omit<JoinGroup, 'group'>): Promise<CoordinatorAnswer<JoinedGroup>> {
    const full = { ...request, group: this.#group };
    return this.#ask(this.#lane, JOIN_GROUP, { request: full, errorOf: ({ error }) => error });
  }

  sync(
    request: Omit<SyncGroup, 'group'>,
  ): Promise<CoordinatorAnswer<{ readonly assignment: Buffer }>> {
    const full = { ...request, group: this.#group };
    return this.#ask(this.#lane, SYNC_GROUP, { request: full, errorOf: ({ error }) => error });
  }

  beat(as: GroupGeneration): Promise<CoordinatorAnswer<number>> {
    const request = { ...as, group: this.#group };
    return this.#ask('heartbeat', HEARTBEAT, { request, errorOf: (error) => error });
  }

  leave(memberId: string, instanceId: string | null): Promise<CoordinatorAnswer<number>> {
    const request = { group: this.#group, memberId, instanceId };
    return this.#ask('heartbeat', LEAVE_GROUP, { request, errorOf: (error) => error });
  }

  describe(): Promise<CoordinatorAnswer<DescribedGroup>> {
    const errorOf = ({ error }: DescribedGroup) => error;
    return this.#ask('heartbeat', DESCRIBE_GROUP, { request: this.#group, errorOf });
  }

  /** Ends a join or sync whose answer is not waited for any more: the next one needs its lane. */
  hangUp(): void {
    this.#cluster.hangUp(this.#lane);
  }

  /** Ends a heartbeat that takes so long that its connection may be broken. */
  hangUpBeat(): void {
    this.#cluster.hangUp('heartbeat');
  }

  async #ask<Q, A>(
    lane: Lane,
    api: Api<Q, A>,
    { request, errorOf }: { readonly request: Q; readonly errorOf: (answer: A) => number },
  ): Promise<CoordinatorAnswer<A>> {
    try {
      const node = await this.#cluster.coordinator('group', this.#group);
      const answer = await this.#cluster.call({ node, lane }, api, request);
      const error = errorOf(answer);
      const verdict = verdictOf(error);
      if (verdict === 'ok' || verdict === 'named') return { verdict, answer };
      if (verdict === 'later') this.#cluster.forgetCoordinator('group', this.#group);
      return { verdict, trouble: this.#trouble(api.name, error) };
    } catch (error) {
      this.#cluster.forgetCoordinator('group', this.#group);
      const code = codeOf(error);
      const trouble =
        error instanceof ShrikeError
          ? error
          : new ShrikeError('LOG_UNAVAILABLE', `${api.name}: ${explain(error)}`, { cause: error });
      return { verdict: code === 'LOG_UNAVAILABLE' ? 'later' : 'refused', trouble };
    }
  }

  #trouble(api: string, error: number): ShrikeError {
    const name = brokerError(error);
    const message = `the coordinator of group ${this.#group} answers ${api} with ${name}`;
    if (name.endsWith('AUTHORIZATION_FAILED')) {
      const right = `no right to read as a member of the group ${this.#group} (${name})`;
      return new ShrikeError('KAFKA_NOT_AUTHORIZED', right);
    }
    const reason = REASONS.get(name);
    if (reason !== undefined) {
      return new ShrikeError('KAFKA_REQUEST_FAILED', `${message}: ${reason}`);
    }
    const isLater = verdictOf(error) === 'later';
    return new ShrikeError(isLater ? 'LOG_UNAVAILABLE' : 'KAFKA_REQUEST_FAILED', message);
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  [
    'INCONSISTENT_GROUP_PROTOCOL',
    'its members assign in another way: kafka.assignment must be the same for all',
  ],
  [
    'INVALID_SESSION_TIMEOUT',
    "kafka.sessionTimeoutMs must be within the broker's group.min.session.timeout.ms and max (6,000 to 1,800,000 by default)",
  ],
]);
