/**
 * How large a record may be, by topic: what the brokers say (`max.message.bytes`), and where they
 * do not tell, what they have refused. A limit holds for batches, so it is also where they are cut.
 */

import { DESCRIBE_TOPICS } from './admin/messages.ts';
import type { Cluster } from './cluster.ts';

/** Of a batch of one record (`transactions/record-batch.ts`): its head, … */
const HEAD_BYTES = 61;
/** … and, of a byte each: attributes, time, offset, headers, length of the key. */
const FIELD_BYTES = 5;

/**
 * Key and value of a lone record, to the byte: what others could write must be written again. (A
 * key of more than 63 bytes has a longer length; then the broker's answer tells.)
 */
function recordBytesOf(batchBytes: number): number {
  const bytes = Math.max(0, batchBytes - HEAD_BYTES - FIELD_BYTES);
  // The lengths of record and value: seven bits a byte, one of them for the sign.
  const lengthBytes = Math.ceil((1 + Math.log2(bytes + 1)) / 7);
  return Math.max(0, bytes - 2 * lengthBytes);
}

export const MAX_MESSAGE_BYTES = 'max.message.bytes';

/** A batch that a broker refused as too large. */
export interface RefusedBatch {
  readonly count: number;
  readonly bytes: number;
}

interface Refusal {
  /** A batch of one record: smaller ones may pass. */
  readonly recordBytes: number;
  /** A batch of several: they have to be cut smaller. */
  readonly batchBytes: number;
}

const NOTHING_REFUSED: Refusal = { recordBytes: Infinity, batchBytes: Infinity };

export class TopicLimits {
  readonly #cluster: Pick<Cluster, 'callAny'>;
  /** Undefined: asked, and not told, for want of the right to. */
  readonly #told = new Map<string, number | undefined>();
  /** Of what was told: to be asked for anew. */
  readonly #doubtful = new Set<string>();
  readonly #refused = new Map<string, Refusal>();
  #asking: Promise<void> | undefined;

  constructor(cluster: Pick<Cluster, 'callAny'>) {
    this.#cluster = cluster;
  }

  /** As a description of the topic says. A limit that has changed explains what was refused. */
  tell(topic: string, settings: ReadonlyMap<string, string> | undefined): void {
    const text = settings?.get(MAX_MESSAGE_BYTES);
    const max = text === undefined ? undefined : Number(text);
    if (max !== this.#told.get(topic)) this.#refused.delete(topic);
    this.#told.set(topic, max);
    this.#doubtful.delete(topic);
  }

  /** Asks for what is not known yet. @throws LOG_UNAVAILABLE, KAFKA_AUTH_FAILED */
  async know(topics: readonly string[]): Promise<void> {
    for (;;) {
      const unknown = topics.filter((topic) => !this.#told.has(topic) || this.#doubtful.has(topic));
      if (unknown.length === 0) return;
      this.#asking ??= this.#ask(unknown).finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
  }

  /** The limit may have been changed: it is asked for anew. */
  refused(topic: string, { count, bytes }: RefusedBatch): void {
    const before = this.#refused.get(topic) ?? NOTHING_REFUSED;
    this.#doubtful.add(topic);
    this.#refused.set(topic, {
      recordBytes: count === 1 ? Math.min(before.recordBytes, bytes - 1) : before.recordBytes,
      batchBytes: count > 1 ? Math.min(before.batchBytes, bytes >> 1) : before.batchBytes,
    });
  }

  /** Of a batch of several records; undefined: any. */
  batchBytesMax(topic: string): number | undefined {
    const { batchBytes } = this.#refused.get(topic) ?? NOTHING_REFUSED;
    const max = Math.min(this.#told.get(topic) ?? Infinity, batchBytes);
    return Number.isFinite(max) ? max : undefined;
  }

  /** Key and value together; undefined: any. */
  recordBytesMax(topic: string): number | undefined {
    const { recordBytes } = this.#refused.get(topic) ?? NOTHING_REFUSED;
    const max = Math.min(this.#told.get(topic) ?? Infinity, recordBytes);
    return Number.isFinite(max) ? recordBytesOf(max) : undefined;
  }

  async #ask(topics: readonly string[]): Promise<void> {
    const asked = { topics, names: [MAX_MESSAGE_BYTES] };
    const described = await this.#cluster.callAny(DESCRIBE_TOPICS, asked);
    const found = new Map(described.map((one) => [one.topic, one]));
    for (const topic of topics) {
      const one = found.get(topic);
      this.tell(topic, one?.error === 0 ? one.settings : undefined);
    }
  }
}
