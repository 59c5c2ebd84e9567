/**
 * Which member of a group owns a topic. There is one process, so a member gets all partitions at
 * once, and a later one takes them all from it.
 *
 * E3: from the call of `join` on, commits of the previous owner are fenced (L4), whether or not it
 *     answers; it is asked to let go next, and the new one is assigned after that.
 * E4: `assigned` is called before `join` resolves; `leave` asks the member to let go (it may still
 *     commit while it does) and then takes its ownership.
 */
import { ShrikeError } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/ids.ts';
import type { Membership, MembershipListener } from '../../core/log.ts';

export interface Joining {
  readonly group: string;
  readonly topic: string;
  readonly partitions: readonly TopicPartition[];
  readonly listener: MembershipListener;
}

interface Member extends Joining {
  readonly owner: string;
  previous: Member | undefined;
  phase: 'joining' | 'assigned' | 'gone';
  released: Promise<void> | undefined;
}

export class Memberships {
  readonly #newest = new Map<string, Member>();
  #generation = 0;

  /** `settle` resolves when no commit that was checked before is still being written. */
  async join(joining: Joining, settle: () => Promise<void>): Promise<Membership> {
    const name = nameOf(joining.group, joining.topic);
    this.#generation += 1;
    const member: Member = {
      ...joining,
      owner: `${joining.group}/${joining.topic}#${this.#generation}`,
      previous: this.#newest.get(name),
      phase: 'joining',
      released: undefined,
    };
    this.#newest.set(name, member);
    try {
      if (member.previous) await release(member.previous);
      member.previous = undefined;
      await settle();
    } catch (error) {
      this.#forget(name, member);
      throw error;
    }
    if (this.#newest.get(name) === member) {
      member.phase = 'assigned';
      member.listener.assigned(member.partitions);
    }
    return { owner: member.owner, isCounted: true, leave: () => this.#leave(name, member) };
  }

  /** @throws COMMIT_FENCED */
  requireOwner(group: string, topic: string, owner: string): void {
    const newest = this.#newest.get(nameOf(group, topic));
    if (newest?.owner === owner) return;
    throw new ShrikeError(
      'COMMIT_FENCED',
      `${owner || 'a member without a name'} may not commit offsets of ${topic} for group ` +
        `${group}: ${newest ? `${newest.owner} owns it` : 'no member owns it'}`,
    );
  }

  async #leave(name: string, member: Member): Promise<void> {
    try {
      await release(member);
    } finally {
      this.#forget(name, member);
    }
  }

  #forget(name: string, member: Member): void {
    if (this.#newest.get(name) === member) this.#newest.delete(name);
  }
}

function nameOf(group: string, topic: string): string {
  return `${group}\n${topic}`;
}

/** Once for each member; a member that was replaced while joining waits for those before it. */
function release(member: Member): Promise<void> {
  member.released ??= (async () => {
    if (member.phase === 'joining' && member.previous) await release(member.previous);
    if (member.phase === 'assigned') await member.listener.revoked(member.partitions);
    member.phase = 'gone';
  })();
  return member.released;
}
