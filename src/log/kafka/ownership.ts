/**
 * What a member of a group may commit for. A commit that was begun for a partition counts only for
 * as long as the member has that partition without a break (T4): the broker's fence knows members
 * and generations, and a member that lost a partition and was given it back is in both again.
 */
import { type Offset, type TopicPartition, topicPartitionName } from '../../core/ids.ts';
import type { MembershipListener } from '../../core/log.ts';
import type { GroupGeneration } from './group/generation.ts';

/** As far as a commit needs to know it. */
export interface Member {
  readonly generation: GroupGeneration | undefined;
}

export class Ownership implements MembershipListener {
  readonly #listener: MembershipListener;
  /** Of each partition that is owned: a number that no earlier ownership had. */
  readonly #terms = new Map<string, number>();
  #lastTerm = 0;

  constructor(listener: MembershipListener) {
    this.#listener = listener;
  }

  assigned(partitions: readonly TopicPartition[]): void {
    for (const of of partitions) this.#terms.set(topicPartitionName(of), ++this.#lastTerm);
    this.#listener.assigned(partitions);
  }

  async revoked(partitions: readonly TopicPartition[]): Promise<void> {
    try {
      await this.#listener.revoked(partitions); // and may commit until it resolves
    } finally {
      for (const of of partitions) this.#terms.delete(topicPartitionName(of));
    }
  }

  /** The member as it is now, whenever asked; undefined once one of the partitions went away. */
  claim(
    member: Member,
    offsets: readonly (TopicPartition & { readonly nextOffset: Offset })[],
  ): () => GroupGeneration | undefined {
    const names = offsets.map(topicPartitionName);
    const terms = names.map((name) => this.#terms.get(name));
    return () => {
      const isHeld = names.every(
        (name, i) => terms[i] !== undefined && this.#terms.get(name) === terms[i],
      );
      return isHeld ? member.generation : undefined;
    };
  }
}
