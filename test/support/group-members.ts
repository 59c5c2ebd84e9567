/**
 * Members of a consumer group, and a journal of who had which partition when.
 *
 *     const members = new GroupMembers(bootstrap, { group, topic, assignment: 'cooperative' });
 *     const a = await members.join('a');               static; { instanceId: '' } is dynamic
 *     a.partitions                                     [0, 1]
 *     members.journal                                  ['a + 0 1', 'a - 1', …] as it happened
 *     members.overlaps                                 times two had one partition: []
 *     await a.crash()                                  it says nothing any more, to anybody
 *     await members.close()
 */
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { codeOf } from '../../src/core/errors.ts';
import type { TopicPartition } from '../../src/core/ids.ts';
import { seeded } from '../../src/core/random.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import type { AssignmentKind } from '../../src/log/kafka/group/assignors.ts';
import { GroupMember } from '../../src/log/kafka/group/member.ts';
import { bootstrapOf } from './kafka-log.ts';

export interface GroupMembersOptions {
  readonly group: string;
  readonly topic: string;
  readonly assignment: AssignmentKind;
}

export interface JoinOptions {
  /** Default: the name. */
  readonly instanceId?: string;
  readonly bootstrap?: string;
  /** Of another member of the same process. */
  readonly cluster?: Cluster;
  readonly clock?: Clock;
  readonly sessionTimeoutMs?: number;
  /** What it does before it lets go. */
  readonly onRevoked?: (partitions: readonly TopicPartition[]) => Promise<void>;
}

export class GroupMembers {
  readonly journal: string[] = [];
  readonly overlaps: string[] = [];
  readonly #bootstrap: string;
  readonly #options: GroupMembersOptions;
  readonly #owners = new Map<number, string>();
  readonly #all: JoinedMember[] = [];

  constructor(bootstrap: string, options: GroupMembersOptions) {
    this.#bootstrap = bootstrap;
    this.#options = options;
  }

  async join(name: string, options: JoinOptions = {}): Promise<JoinedMember> {
    const joined = new JoinedMember(
      name,
      options.cluster ?? clusterAt(options.bootstrap ?? this.#bootstrap),
    );
    this.#all.push(joined);
    joined.member = await GroupMember.join({
      ...this.#options,
      cluster: joined.cluster,
      clock: options.clock ?? systemClock,
      random: seeded(this.#all.length),
      instanceId: options.instanceId ?? name,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 6000,
      listener: {
        assigned: (partitions) => this.#assigned(joined, partitions),
        revoked: async (partitions) => {
          await options.onRevoked?.(partitions);
          this.#revoked(joined, partitions);
        },
      },
      onTrouble: (error) => joined.troubles.push(codeOf(error)),
    });
    return joined;
  }

  /** Every partition has an owner, and these have so many. */
  areBalanced(...counts: readonly (readonly [JoinedMember, number])[]): boolean {
    return counts.every(([{ partitions }, count]) => partitions.length === count);
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.close()));
  }

  #assigned(joined: JoinedMember, partitions: readonly TopicPartition[]): void {
    this.#write(joined, '+', partitions);
    for (const { partition } of partitions) {
      const owner = this.#owners.get(partition);
      if (owner !== undefined) this.overlaps.push(`${partition}: ${owner} and ${joined.name}`);
      this.#owners.set(partition, joined.name);
      joined.owned.add(partition);
    }
  }

  #revoked(joined: JoinedMember, partitions: readonly TopicPartition[]): void {
    this.#write(joined, '-', partitions);
    for (const { partition } of partitions) {
      if (this.#owners.get(partition) === joined.name) this.#owners.delete(partition);
      joined.owned.delete(partition);
    }
  }

  #write({ name }: JoinedMember, what: '+' | '-', partitions: readonly TopicPartition[]): void {
    const numbers = partitions.map(({ partition }) => partition).sort((a, b) => a - b);
    this.journal.push(`${name} ${what} ${numbers.join(' ')}`);
  }
}

export class JoinedMember {
  readonly name: string;
  readonly cluster: Cluster;
  readonly owned = new Set<number>();
  readonly troubles: string[] = [];
  member: GroupMember | undefined;

  constructor(name: string, cluster: Cluster) {
    this.name = name;
    this.cluster = cluster;
  }

  get partitions(): readonly number[] {
    return [...this.owned].sort((a, b) => a - b);
  }

  get generation() {
    return this.member?.generation;
  }

  async leave(): Promise<void> {
    await this.member?.leave();
  }

  /** As by kill -9: its connections end, and nobody is told anything. */
  async crash(): Promise<void> {
    await this.cluster.close();
  }

  async close(): Promise<void> {
    await this.member?.leave();
    await this.cluster.close();
  }
}

function clusterAt(bootstrap: string): Cluster {
  const settings = bootstrapOf(bootstrap);
  return new Cluster({ settings, clock: systemClock, requestTimeoutMs: 10_000 });
}
