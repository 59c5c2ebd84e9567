/**
 * One transaction, in three rounds:
 *
 *     AddPartitionsToTxn  AddOffsetsToTxn     to the transaction's coordinator, pipelined
 *     Produce  Produce …  TxnOffsetCommit     to leaders and the group's coordinator, at once
 *     EndTxn                                  when every answer of the second round is in (T1)
 */
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { Cluster, Link } from '../cluster.ts';
import type { GroupGeneration } from '../group/generation.ts';
import type { Ending, ProducerIdentity, Reach } from './identity.ts';
import { ADD_OFFSETS, ADD_PARTITIONS, COMMIT_OFFSETS, END, type NextOffset } from './messages.ts';
import { type Answer, type Asking, ask, type Reply } from './patience.ts';
import { seal } from './record-batch.ts';
import { Shipment, worst } from './shipment.ts';
import type { BatchMemory, PartitionWrite } from './writes.ts';

/** A rebalance tells its members of the new generation one after the other. */
const GENERATION_WAIT_MS_MAX = 5000;
const GENERATION_LOOK_MS = 5;

/** The positions that go with the outputs. */
export interface OffsetsToCommit {
  readonly group: string;
  /** The member as it is now; undefined when it no longer owns what it commits for. */
  readonly generation: () => GroupGeneration | undefined;
  readonly offsets: readonly NextOffset[];
}

/** What one request adds to a transaction; it is refused as a whole. */
export type Part = { readonly partitions: readonly TopicPartition[] } | { readonly group: string };

export interface TransactionOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly identity: ProducerIdentity;
  readonly memory: BatchMemory;
  /** When to give up, as the clock has it. */
  readonly endMs: number;
}

type Request = Pick<Asking, 'step' | 'what' | 'once'> & Partial<Pick<Asking, 'elsewhere'>>;

export class Transaction {
  readonly #options: TransactionOptions;
  /** One part of the transaction has failed: the others need not try again. */
  readonly #over = new AbortController();
  #failure: unknown;
  #isCutOff = false;
  /** By which it begins. */
  #link: Promise<Link> | undefined;

  constructor(options: TransactionOptions) {
    this.#options = options;
  }

  /** Its coordinator went away before anything could be written. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** Resolves when it is committed. @throws COMMIT_FENCED, COMMIT_FAILED, KAFKA_NOT_AUTHORIZED */
  async run(
    writes: readonly PartitionWrite[],
    offsets: OffsetsToCommit | undefined,
  ): Promise<void> {
    const { identity } = this.#options;
    const reach = {
      partitions: writes.map(({ at }) => at),
      groups: offsets === undefined ? [] : [offsets.group],
    };
    await this.#together([this.#begin(reach), this.#encode(writes)]);
    identity.begun(reach);
    await this.#together([this.#produce(writes), this.#commitOffsets(offsets)]);
    identity.committing();
    identity.end(await this.#end('commit'));
  }

  /**
   * Without anything in it: for its markers (T8). What may not be written any more is left out.
   * @returns by which connection it was answered; undefined when nothing was left
   * @throws COMMIT_FENCED, COMMIT_FAILED, KAFKA_NOT_AUTHORIZED
   */
  async runEmpty(parts: readonly Part[], ending: Ending): Promise<Link | undefined> {
    let count = 0;
    for (const part of parts) {
      const answer = await this.#ask(this.#adding(part));
      if (answer.verdict === 'not-authorized') continue;
      this.#heed(answer);
      count += 1;
    }
    return count === 0 ? undefined : this.#end(ending);
  }

  /** @returns by which connection it was answered */
  async #end(ending: Ending): Promise<Link> {
    const { cluster, identity } = this.#options;
    let link: Link | undefined;
    await this.#done({
      step: ending,
      what: `to ${ending}`,
      once: async () => {
        const request = { ...identity.writing, commit: ending === 'commit' };
        const node = await this.#coordinator();
        link = await cluster.link({ node, lane: 'transaction' });
        return link.call(END, request);
      },
    });
    // The coordinator is another, or has begun anew: as if an answer had been lost.
    if (link !== (await this.#link)) identity.lost();
    return link as Link;
  }

  async #begin({ partitions, groups }: Reach): Promise<void> {
    const parts = groups.map((group) => this.#adding({ group }));
    if (partitions.length > 0) parts.unshift(this.#adding({ partitions }));
    await this.#together(parts.map((part) => this.#done(part)));
  }

  /**
   * T8: by the connection that has answered for the transaction before, or not at all. Over
   * another one the coordinator may have begun anew, and the markers of that one be missing.
   */
  #adding(part: Part) {
    const { cluster, identity } = this.#options;
    const once = async (): Promise<Reply> => {
      this.#link ??= this.#open();
      const link = await this.#link;
      if ('group' in part) return link.call(ADD_OFFSETS, { ...identity.writing, ...part });
      const found = await link.call(ADD_PARTITIONS, { ...identity.writing, ...part });
      return worst(
        'add',
        found.map(({ error, ...at }) => ({ error, reason: topicPartitionName(at) })),
      );
    };
    const elsewhere = () => {
      cluster.forgetCoordinator('transaction', identity.writing.transactionalId);
      this.#isCutOff = true;
      this.#over.abort();
    };
    const of = 'group' in part ? ` of the group ${part.group}` : '';
    return { step: 'add', what: `to begin a commit${of}`, once, elsewhere } as const;
  }

  async #open(): Promise<Link> {
    const { cluster, identity } = this.#options;
    const node = await this.#coordinator();
    return identity.link ?? cluster.link({ node, lane: 'transaction' });
  }

  /** While the coordinator works; one turn later, so that the requests are on their way. */
  async #encode(writes: readonly PartitionWrite[]): Promise<void> {
    if (writes.length === 0) return;
    await this.#options.clock.yield();
    this.#options.memory.encode(writes);
  }

  /** One batch of each partition a round; all but the largest commits have one round. */
  async #produce(writes: readonly PartitionWrite[]): Promise<void> {
    const { cluster, identity } = this.#options;
    let left = writes;
    while (left.length > 0) {
      const shipment = new Shipment(cluster, identity.writing.transactionalId);
      for (const write of left) {
        const { at, batch } = write;
        if (batch === undefined) continue;
        seal(batch.bytes, identity.writing, identity.sequence(at, batch.count));
        shipment.add(write);
      }
      await this.#done({
        step: 'produce',
        what: 'to write records',
        once: () => shipment.send(),
        elsewhere: () => shipment.forgetLeaders(),
      });
      left = left.filter(({ batch }) => batch !== undefined);
    }
  }

  async #commitOffsets(of: OffsetsToCommit | undefined): Promise<void> {
    if (of === undefined) return;
    const { clock } = this.#options;
    const { group } = of;
    let endMs = Number.POSITIVE_INFINITY;
    for (;;) {
      const member = of.generation();
      if (member === undefined) {
        throw new ShrikeError('COMMIT_FENCED', `the partitions of ${group} went elsewhere`);
      }
      const answer = await this.#askGroup(of, member);
      if (answer.verdict !== 'outdated') return this.#heed(answer);
      endMs = Math.min(endMs, clock.nowMs() + GENERATION_WAIT_MS_MAX);
      while (of.generation()?.generation === member.generation) {
        if (clock.nowMs() > endMs || this.#over.signal.aborted) throw answer.error;
        await clock.sleep(GENERATION_LOOK_MS);
      }
    }
  }

  #askGroup({ group, offsets }: OffsetsToCommit, member: GroupGeneration): Promise<Answer> {
    const { cluster, identity } = this.#options;
    return this.#ask({
      step: 'offsets',
      what: `to commit offsets of the group ${group}`,
      once: async () => {
        const node = await cluster.coordinator('group', group);
        const request = { ...identity.writing, group, member, offsets };
        const found = await cluster.call({ node, lane: 'transaction' }, COMMIT_OFFSETS, request);
        return worst('offsets', found);
      },
      elsewhere: () => cluster.forgetCoordinator('group', group),
    });
  }

  #coordinator(): Promise<number> {
    const { cluster, identity } = this.#options;
    return cluster.coordinator('transaction', identity.writing.transactionalId);
  }

  #ask(request: Request): Promise<Answer> {
    const { cluster, clock, identity, endMs } = this.#options;
    return ask(clock, {
      endMs,
      signal: this.#over.signal,
      lost: () => identity.lost(),
      elsewhere: () => cluster.forgetCoordinator('transaction', identity.writing.transactionalId),
      ...request,
    });
  }

  async #done(request: Request): Promise<void> {
    this.#heed(await this.#ask(request));
  }

  #heed(answer: Answer): void {
    this.#options.identity.heard(answer);
    if (answer.error !== undefined) throw answer.error;
  }

  /**
   * Waits for all, also after one has failed: nothing of a transaction is asked for once it is
   * over. The first failure counts; the others may follow from it.
   */
  async #together(parts: readonly Promise<void>[]): Promise<void> {
    const failed = (error: unknown) => {
      this.#failure ??= error;
      this.#over.abort();
    };
    await Promise.all(parts.map((part) => part.catch(failed)));
    if (this.#failure !== undefined) throw this.#failure;
  }
}
