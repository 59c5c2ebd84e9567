/**
 * A coordinator that says what a test tells it to, for answers that a real one gives once in a
 * year. It stands in for the whole cluster: a member sees nothing else of it.
 */
import type { Cluster } from '../../src/log/kafka/cluster.ts';
import { encodeAssignment } from '../../src/log/kafka/group/consumer-protocol.ts';
import type { GroupGeneration } from '../../src/log/kafka/group/generation.ts';
import type { JoinedGroup, JoinGroup } from '../../src/log/kafka/group/messages.ts';
import { BROKER_ERRORS, type BrokerError } from '../../src/log/kafka/wire/broker-errors.ts';

/** A refusal, no answer at all, or what a coordinator says that is content. */
export type Refusal = BrokerError | 'silence';
export type JoinAnswer = Refusal | { readonly generation: number };
export type SyncAnswer = Refusal | readonly number[];

export interface CoordinatorScript {
  /** One for each join; the last one is repeated. */
  readonly join: readonly JoinAnswer[];
  readonly sync: readonly SyncAnswer[];
  /** Of the heartbeat that follows this many joins. */
  readonly beat?: (joins: number, as: GroupGeneration) => Refusal;
}

export class ScriptedCoordinator {
  /** What it was asked, without heartbeats. */
  readonly asked: string[] = [];
  readonly joins: JoinGroup[] = [];
  readonly #script: CoordinatorScript;
  #syncs = 0;

  constructor(script: CoordinatorScript) {
    this.#script = script;
  }

  get cluster(): Cluster {
    const cluster = {
      partitions: async () => 4,
      coordinator: async () => 1,
      forgetCoordinator: () => {},
      hangUp: () => {},
      call: (_to: object, api: { name: string }, request: never) => this.#answer(api.name, request),
    };
    return cluster as unknown as Cluster;
  }

  #answer(name: string, request: JoinGroup & GroupGeneration): Promise<unknown> {
    if (name !== 'Heartbeat') this.asked.push(name);
    switch (name) {
      case 'JoinGroup':
        this.joins.push(request);
        return this.#onJoin(turn(this.#script.join, this.joins.length - 1), request);
      case 'SyncGroup':
        this.#syncs += 1;
        return this.#onSync(turn(this.#script.sync, this.#syncs - 1));
      case 'Heartbeat':
        return unlessSilent(this.#script.beat?.(this.joins.length, request) ?? 'NONE', errorOf);
      default:
        return Promise.resolve(0);
    }
  }

  #onJoin(answer: JoinAnswer, { protocol }: JoinGroup): Promise<JoinedGroup> {
    const joined = { error: 0, protocol, leader: 'other', memberId: 'me', members: [] };
    if (typeof answer !== 'string') return Promise.resolve({ ...joined, ...answer });
    return unlessSilent(answer, (name) => ({ ...joined, error: errorOf(name), generation: -1 }));
  }

  #onSync(answer: SyncAnswer): Promise<unknown> {
    if (typeof answer === 'string')
      return unlessSilent(answer, (name) => ({ error: errorOf(name) }));
    const partitions = answer.map((partition) => ({ topic: 't', partition }));
    return Promise.resolve({ error: 0, assignment: Buffer.from(encodeAssignment(partitions)) });
  }
}

const errorOf = (name: BrokerError): number => BROKER_ERRORS[name];

function turn<T>(answers: readonly T[], at: number): T {
  return answers[Math.min(at, answers.length - 1)] as T;
}

function unlessSilent<T>(answer: Refusal, say: (name: BrokerError) => T): Promise<T> {
  return answer === 'silence' ? new Promise(() => {}) : Promise.resolve(say(answer));
}
