/** The partitions that this member has been assigned and has not let go. */
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { GroupMemberOptions } from './options.ts';

export class Holdings {
  readonly #options: Pick<GroupMemberOptions, 'listener' | 'onTrouble'>;
  readonly #owned = new Map<string, TopicPartition>();
  #toYield: readonly TopicPartition[] = [];

  constructor(options: Pick<GroupMemberOptions, 'listener' | 'onTrouble'>) {
    this.#options = options;
  }

  get all(): readonly TopicPartition[] {
    return [...this.#owned.values()];
  }

  get isEmpty(): boolean {
    return this.#owned.size === 0;
  }

  /** How many have to be let go before the next join. */
  get toYield(): number {
    return this.#toYield.length;
  }

  has(of: TopicPartition): boolean {
    return this.#owned.has(topicPartitionName(of));
  }

  /** Takes what is new at once: by the time it is assigned, nobody else has it (G2). */
  adopt(assigned: readonly TopicPartition[]): void {
    const names = new Set(assigned.map(topicPartitionName));
    const added = assigned.filter((one) => !this.has(one));
    this.#toYield = this.all.filter((one) => !names.has(topicPartitionName(one)));
    for (const one of added) this.#owned.set(topicPartitionName(one), one);
    if (added.length > 0) this.#options.listener.assigned(added);
  }

  yieldAll(): void {
    this.#toYield = this.all;
  }

  /** Lets go of what an assignment has taken away. */
  async yield(): Promise<void> {
    await this.#letGo(this.#toYield);
    this.#toYield = [];
  }

  async clear(): Promise<void> {
    await this.#letGo(this.all);
    this.#toYield = [];
  }

  async #letGo(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    try {
      await this.#options.listener.revoked(partitions);
    } catch (error) {
      // It is not known what still works on them: they are no longer owned, so nothing commits.
      this.#options.onTrouble(error);
    }
    for (const one of partitions) this.#owned.delete(topicPartitionName(one));
  }
}
