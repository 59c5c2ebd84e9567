/**
 * The log on Kafka: the port of `src/core/log.ts` over reader, group, transactions and admin.
 * README.md says why a commit is atomic and who is fenced by what.
 */
import type { Clock } from '../../core/clock.ts';
import { ShrikeError } from '../../core/errors.ts';
import type { Offset, TopicPartition } from '../../core/ids.ts';
import type {
  Append,
  CertificateEnd,
  Log,
  LogCommit,
  Membership,
  MembershipListener,
  OpenCommit,
  PartitionOffsets,
  ReadRequest,
  TopicDescription,
  TopicSpec,
} from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { SourceRead } from '../../core/records.ts';
import { KafkaAdmin } from './admin/admin.ts';
import { openCommits } from './admin/open-commits.ts';
import { ownCertificateEnds } from './certificates.ts';
import { Cluster } from './cluster.ts';
import { requireFitting } from './fitting-records.ts';
import type { AssignmentKind } from './group/assignors.ts';
import { GroupMember } from './group/member.ts';
import { Identities } from './identities.ts';
import { OwnWrites } from './own-writes.ts';
import { Ownership } from './ownership.ts';
import { listOffsets } from './reader/list-offsets.ts';
import { KafkaReader } from './reader/reader.ts';
import { TopicLimits } from './topic-limits.ts';
import { Appender } from './transactions/appender.ts';
import { undecidedIn } from './transactions/closing.ts';
import { whenKnown } from './transactions/known-topics.ts';
import { TransactionalProducer } from './transactions/producer.ts';
import { isVisible } from './transactions/visible-record.ts';
import type { Written } from './transactions/writes.ts';
import type { KafkaSettings } from './wire/settings.ts';

export interface KafkaLogOptions {
  readonly settings: KafkaSettings;
  /** Empty: a dynamic member. */
  readonly instanceId: string;
  readonly assignment: AssignmentKind;
  readonly sessionTimeoutMs: number;
  /** Stable for a process and its replacement, different for processes of one group. */
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
  /** What a former process of the same transactional id has written, and committed for (T8). */
  readonly inherits?: { readonly topics: readonly string[]; readonly groups: readonly string[] };
  /** Of topics that are created; -1: the broker's default. */
  readonly replicationFactor: number;
  readonly clock: Clock;
  readonly random: Random;
  /** What went wrong while nobody waited for it. */
  readonly onTrouble: (error: unknown) => void;
}

/** More than a leader waits for its replicas (10 s). */
const REQUEST_TIMEOUT_MS = 15_000;

interface Joined {
  readonly group: string;
  readonly member: GroupMember;
  readonly ownership: Ownership;
}

/** Asks the brokers, so that a wrong address or password shows at once. */
export async function openKafkaLog(options: KafkaLogOptions): Promise<Log> {
  const { settings, clock } = options;
  const cluster = new Cluster({ settings, clock, requestTimeoutMs: REQUEST_TIMEOUT_MS });
  try {
    await cluster.metadata([]);
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return new KafkaLog(options, cluster);
}

class KafkaLog implements Log {
  readonly kind = 'kafka';
  readonly #options: KafkaLogOptions;
  readonly #cluster: Cluster;
  readonly #admin: KafkaAdmin;
  readonly #limits: TopicLimits;
  readonly #reader: KafkaReader;
  readonly #committing: TransactionalProducer;
  readonly #appending: TransactionalProducer;
  readonly #appender: Appender;
  readonly #ownWrites: OwnWrites;
  readonly #identities: Identities;
  readonly #ownCertificates: readonly CertificateEnd[];
  readonly #joined = new Map<string, Joined>();
  #closing: Promise<void> | undefined;

  constructor(options: KafkaLogOptions, cluster: Cluster) {
    const { clock, random, transactionalId, replicationFactor } = options;
    this.#options = options;
    this.#cluster = cluster;
    const patienceMs = REQUEST_TIMEOUT_MS;
    const limits = new TopicLimits(cluster);
    this.#limits = limits;
    this.#admin = new KafkaAdmin({ cluster, clock, replicationFactor, patienceMs, limits });
    this.#reader = new KafkaReader({ cluster, clock });
    const producer = (id: string) =>
      new TransactionalProducer({ ...options, cluster, limits, transactionalId: id });
    this.#committing = producer(transactionalId);
    // Nobody continues what an append of a former process has left: a name of its own.
    const name = `${transactionalId}.append.${random.int(2 ** 32).toString(36)}`;
    this.#appending = producer(name);
    this.#appender = new Appender({
      ...options,
      producer: this.#appending,
      isVisible: (at, offset) => isVisible({ reader: this.#reader, clock }, at, offset),
    });
    this.#identities = new Identities(cluster);
    this.#ownCertificates = ownCertificateEnds(options.settings.tls);
    this.#ownWrites = new OwnWrites(clock, (of) => listOffsets(cluster, of));
  }

  ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#admin.ensureTopics(topics);
  }

  async topics(only?: readonly string[]): Promise<readonly TopicDescription[]> {
    const specs = await this.#admin.describe(only ?? null);
    const of = specs.flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    );
    const offsets = await this.#ownWrites.offsets(of);
    let at = 0;
    return specs.map((spec) => {
      const start = at;
      at += spec.partitions;
      return { ...spec, offsets: offsets.slice(start, at) };
    });
  }

  identity(topic: string): Promise<string> {
    return this.#identities.of(topic);
  }

  async recordBytesMax(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    await this.#limits.know(topics);
    const known = topics.map((topic) => [topic, this.#limits.recordBytesMax(topic)] as const);
    return new Map(known.filter((one): one is readonly [string, number] => one[1] !== undefined));
  }

  openCommits(): Promise<readonly OpenCommit[]> {
    return openCommits(this.#cluster);
  }

  async offsets(of: TopicPartition): Promise<PartitionOffsets> {
    const [found] = await this.#ownWrites.offsets([of]);
    return found as PartitionOffsets;
  }

  async read(request: ReadRequest): Promise<SourceRead> {
    const { waitMs, from, signal } = request;
    // A read that waits sees the markers come; one that does not must not miss what was written.
    if (waitMs === 0 && !signal?.aborted && this.#ownWrites.mayHide(request, from)) {
      await this.#ownWrites.offsets([request]);
    }
    return this.#reader.read(request);
  }

  async append(appends: readonly Append[]): Promise<readonly Offset[]> {
    // Before it is queued: one unknown topic, or large record, must not fail others' appends.
    await whenKnown({ cluster: this.#cluster, clock: this.#options.clock }, appends);
    requireFitting(appends, await this.recordBytesMax(appends.map(({ topic }) => topic)));
    const written = await this.#appender.append(appends);
    this.#wrote(appends, written);
    return Promise.all(
      appends.map(async (append, i) => {
        return written[i]?.baseOffset ?? (await this.offsets(append)).highWatermark;
      }),
    );
  }

  /** A commit under way is decided first: by its end, or because its producer is asked to abort. */
  async committed(
    group: string,
    partitions: readonly TopicPartition[],
    { asOfNow } = { asOfNow: false },
  ): Promise<readonly (Offset | undefined)[]> {
    await this.#identities.verify(partitions.map(({ topic }) => topic));
    if (asOfNow) return this.#admin.committed(group, partitions, { asOfNow });
    // If that fails, the broker still knows that something is undecided, and does not answer.
    await this.#committing.settle().catch(this.#options.onTrouble);
    return this.#admin.committed(group, partitions);
  }

  async join(group: string, topic: string, listener: MembershipListener): Promise<Membership> {
    // First, so that what a former process has left open is aborted when positions are asked for.
    const { topics = [], groups = [] } = this.#options.inherits ?? {};
    await this.#committing.take(async () => ({
      groups: [...new Set([...groups, group])],
      partitions: await undecidedIn(this.#cluster, topics),
    }));
    const ownership = new Ownership(listener);
    const joining = { cluster: this.#cluster, group, topic, listener: ownership };
    const member = await GroupMember.join({ ...this.#options, ...joining });
    const { owner } = member;
    this.#joined.set(owner, { group, member, ownership });
    return {
      owner,
      get isCounted() {
        return member.isCounted;
      },
      leave: async () => {
        await member.leave();
        this.#joined.delete(owner);
      },
    };
  }

  async commit({ group, owner, offsets, outputs }: LogCommit): Promise<void> {
    const joined = this.#joined.get(owner);
    if (joined?.group !== group) {
      throw new ShrikeError('COMMIT_FENCED', `${owner} is no member of the group ${group} here`);
    }
    const generation = joined.ownership.claim(joined.member, offsets);
    if (generation() === undefined) {
      throw new ShrikeError('COMMIT_FENCED', `${owner} has lost partitions that it commits for`);
    }
    const written = await this.#committing.commit(outputs, { group, generation, offsets });
    this.#wrote(outputs, written);
  }

  /** Nothing to do: a commit is answered when every replica that is in sync has it. */
  async sync(): Promise<void> {}

  deleteBefore(of: TopicPartition, before: Offset): Promise<void> {
    return this.#admin.deleteBefore(of, before);
  }

  /** Nothing to do: the brokers compact by themselves, and have no request for it. */
  async compact(): Promise<void> {}

  certificates(): readonly CertificateEnd[] {
    const endsAtMs = this.#cluster.certificateEndsAtMs;
    const broker = endsAtMs === undefined ? [] : [{ which: 'broker', endsAtMs } as const];
    return [...broker, ...this.#ownCertificates];
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { onTrouble } = this.#options;
    const members = [...this.#joined.values()].map(({ member }) => member.leave());
    await Promise.all(members);
    this.#appender.close();
    await Promise.all([this.#committing.close(), this.#appending.close()]);
    await this.#ownWrites.visible().catch(onTrouble);
    await this.#reader.close();
    await this.#cluster.close();
  }

  #wrote(appends: readonly Append[], written: readonly (Written | undefined)[]): void {
    for (const [i, append] of appends.entries()) {
      const place = written[i];
      if (place !== undefined) this.#ownWrites.wrote(append, place.nextOffset);
    }
  }
}
