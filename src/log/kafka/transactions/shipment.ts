/** Batches to the leaders of their partitions, one request a leader, side by side. */
import { codeOf, ShrikeError } from '../../../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { Cluster } from '../cluster.ts';
import { BROKER_ERRORS, brokerError } from '../wire/broker-errors.ts';
import { type PartitionBatch, PRODUCE } from './messages.ts';
import type { Reply } from './patience.ts';
import { type Step, type Verdict, verdict } from './verdict.ts';
import type { PartitionWrite } from './writes.ts';

/** How long a leader waits for its replicas before it answers. */
const REPLICAS_WAIT_MS = 10_000;
/** Brokers refuse requests of more than 100 MiB (`socket.request.max.bytes`). */
const REQUEST_BYTES = 8 << 20;

/** The second one: beyond `segment.bytes`. */
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];

/** One batch of each partition: a request may hold no more. */
export class Shipment {
  readonly #cluster: Cluster;
  readonly #transactionalId: string;
  /** What no leader has confirmed yet. */
  readonly #left = new Map<string, PartitionBatch & { readonly write: PartitionWrite }>();

  constructor(cluster: Cluster, transactionalId: string) {
    this.#cluster = cluster;
    this.#transactionalId = transactionalId;
  }

  /** Takes the write's next batch, which is sealed: sent again, it is known by its number. */
  add(write: PartitionWrite): void {
    const { at, batch } = write;
    if (batch === undefined) return;
    this.#left.set(topicPartitionName(at), { ...at, batch: batch.bytes, write });
  }

  /** Sends what is left. @throws LOG_UNAVAILABLE, COMMIT_FAILED */
  async send(): Promise<Reply> {
    const requests: Promise<readonly Reply[]>[] = [];
    const byLeader = await this.#byLeader();
    if (byLeader === undefined) return { error: BROKER_ERRORS.UNKNOWN_TOPIC_OR_PARTITION };
    for (const [node, batches] of byLeader) {
      for (const part of parts(batches)) requests.push(this.#sendTo(node, part));
    }
    const replies: Reply[] = [];
    let lost: PromiseRejectedResult | undefined;
    for (const settled of await Promise.allSettled(requests)) {
      if (settled.status === 'fulfilled') replies.push(...settled.value);
      else lost = settled;
    }
    const reply = worst('produce', replies);
    if (lost !== undefined && rank('produce', reply) < REFUSED) throw lost.reason;
    return reply;
  }

  forgetLeaders(): void {
    for (const { topic } of this.#left.values()) this.#cluster.forgetTopic(topic);
  }

  /** Undefined: a broker does not know a topic that was there when the commit began. */
  async #byLeader(): Promise<Map<number, PartitionBatch[]> | undefined> {
    const byLeader = new Map<number, PartitionBatch[]>();
    for (const one of this.#left.values()) {
      const node = await this.#cluster.leader(one).catch((error: unknown) => {
        if (codeOf(error) === 'LOG_TOPIC_UNKNOWN') return undefined;
        throw error;
      });
      if (node === undefined) return undefined;
      const batches = byLeader.get(node);
      if (batches === undefined) byLeader.set(node, [one]);
      else batches.push(one);
    }
    return byLeader;
  }

  async #sendTo(node: number, batches: readonly PartitionBatch[]): Promise<readonly Reply[]> {
    const answer = await this.#cluster.call({ node, lane: 'produce' }, PRODUCE, {
      transactionalId: this.#transactionalId,
      timeoutMs: REPLICAS_WAIT_MS,
      batches,
    });
    if (answer.length !== batches.length) {
      const message = `broker ${node} answers about ${answer.length} of ${batches.length} batches`;
      throw new ShrikeError('COMMIT_FAILED', message);
    }
    return answer.map(({ error, baseOffset, reason, ...at }) => {
      const name = topicPartitionName(at);
      if (error === 0) {
        this.#left.get(name)?.write.stored(baseOffset);
        this.#left.delete(name);
      }
      return { error, reason: this.#reasonOf(at, error, reason) };
    });
  }

  /** A batch that is refused for its size changes what is known of the topic's limit. */
  #reasonOf(at: TopicPartition, error: number, reason: string | null): string {
    const name = topicPartitionName(at);
    const write = this.#left.get(name)?.write;
    if (!TOO_LARGE.includes(brokerError(error)) || write?.batch === undefined) {
      return reason ? `${name}: ${reason}` : name;
    }
    const { count, bytes } = write.batch;
    write.refused();
    const limit = `larger than the topic's max.message.bytes, which is asked for anew`;
    return `${name}: a batch of ${count} records and ${bytes.byteLength} bytes is ${limit}`;
  }
}

function parts(batches: readonly PartitionBatch[]): readonly PartitionBatch[][] {
  const all: PartitionBatch[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of batches) {
    bytes += one.batch.byteLength;
    if (bytes > REQUEST_BYTES) {
      all.push([]);
      bytes = one.batch.byteLength;
    }
    all.at(-1)?.push(one);
  }
  return all;
}

/**
 * The reply that decides: one that cannot pass, or else one that says to look elsewhere, or to try
 * again.
 */
export function worst(step: Step, replies: readonly Reply[]): Reply {
  let found: Reply = { error: 0 };
  for (const reply of replies) if (rank(step, reply) > rank(step, found)) found = reply;
  return found;
}

const PASSING: readonly Verdict[] = ['done', 'again', 'elsewhere'];
const REFUSED = PASSING.length;

function rank(step: Step, { error }: Reply): number {
  // Said of the other partitions when one is refused: any other error is the cause.
  if (error === BROKER_ERRORS.OPERATION_NOT_ATTEMPTED) return 0.5;
  const at = PASSING.indexOf(verdict(step, error));
  return at < 0 ? REFUSED : at;
}
