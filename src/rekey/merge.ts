/**
 * One round: what is at hand of all lanes, in the order of the records' timestamps, packed by the
 * partition of its user. Synchronous: between a round and its commit nothing can come in between.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { deadLetter, type Rejected } from '../core/dead-letter.ts';
import type { Offset, TopicPartition } from '../core/ids.ts';
import type { Append } from '../core/log.ts';
import { MergeHeap } from '../core/merge-heap.ts';
import { type PackedRecords, PackedRecordsBuilder } from '../core/records.ts';
import type { Lane } from './lane.ts';
import { PartitionPacker } from './partition-packer.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Of the key that a record gets: the digits of 2^53. */
const USER_BYTES_MAX = 16;

export interface Round {
  readonly moved: readonly { readonly lane: Lane; readonly nextOffset: Offset }[];
  readonly outputs: readonly Append[];
  readonly recordCount: number;
  readonly deadLetterCount: number;
}

export interface MergerOptions {
  readonly clock: Clock;
  readonly targetTopic: string;
  readonly deadLetterTopic: string;
  /** Of both topics. */
  readonly partitions: number;
  readonly recordsMax: number;
}

export class Merger {
  readonly #options: MergerOptions;
  readonly #packers: readonly PartitionPacker[];
  readonly #letters = new Map<number, PackedRecordsBuilder>();
  #deadLetterCount = 0;
  #bytesMax: ReadonlyMap<string, number> = new Map();

  constructor(options: MergerOptions) {
    this.#options = options;
    this.#packers = Array.from({ length: options.partitions }, () => new PartitionPacker());
  }

  /**
   * Ends early where a lane has nothing at hand and more in the log: its next record may be older
   * than those of the others.
   * @param recordBytesMax `Log.recordBytesMax` of both topics
   */
  round(lanes: readonly Lane[], recordBytesMax: ReadonlyMap<string, number>): Round {
    this.#bytesMax = recordBytesMax;
    const heap = new MergeHeap(lanes.length);
    lanes.forEach((lane, i) => {
      if (lane.peek()) heap.push(lane.timestampMs, i);
    });
    this.#deadLetterCount = 0;
    let recordCount = 0;
    while (heap.size > 0 && recordCount < this.#options.recordsMax) {
      const lane = lanes[heap.least] as Lane;
      this.#pass(lane);
      recordCount++;
      if (lane.peek()) heap.replaceLeast(lane.timestampMs);
      else {
        heap.pop();
        if (lane.isAwaited) break;
      }
    }
    const moved = lanes
      .filter((lane) => lane.hasMoved)
      .map((lane) => ({ lane, nextOffset: lane.position as Offset }));
    const deadLetterCount = this.#deadLetterCount;
    return { moved, outputs: this.#finish(), recordCount, deadLetterCount };
  }

  #pass(lane: Lane): void {
    const user = lane.key;
    const { partitions } = this.#options;
    const records = lane.records as PackedRecords;
    const large = user < 0 ? undefined : this.#tooLarge(lane, records);
    if (user < 0) this.#reject(lane, lane.takeReject());
    else if (large !== undefined) this.#reject(lane, large);
    else (this.#packers[user % partitions] as PartitionPacker).add(records, lane.index, user);
    lane.advance();
  }

  /** What the internal topic would not take would stop all that comes behind it. */
  #tooLarge({ index }: Lane, records: PackedRecords): Rejected['reject'] {
    const max = this.#bytesMax.get(this.#options.targetTopic);
    if (max === undefined) return undefined;
    const bytes = USER_BYTES_MAX + (records.valueEnds[index] as number) - records.valueStart(index);
    if (bytes <= max) return undefined;
    const reason = `${bytes} bytes, and ${this.#options.targetTopic} takes ${max}`;
    return { index, code: 'RECORD_TOO_LARGE', reason };
  }

  #reject(lane: Lane, reject: Rejected['reject']): void {
    const { clock, partitions, deadLetterTopic } = this.#options;
    const { of: read, index: i, offset } = lane;
    const records = lane.records as PackedRecords;
    const bytesMax = this.#bytesMax.get(deadLetterTopic);
    const { record } = deadLetter({ read, records, i, offset, reject, bytesMax, sha256 });
    // The input may have more partitions than the topics that are Shrike's own.
    const home = read.partition % partitions;
    const builder = this.#letters.get(home) ?? new PackedRecordsBuilder();
    this.#letters.set(home, builder);
    builder.add({ ...record, timestampMs: clock.nowMs() });
    this.#deadLetterCount++;
  }

  #finish(): readonly Append[] {
    const { targetTopic, deadLetterTopic } = this.#options;
    const appends: Append[] = [];
    const add = (of: TopicPartition, records: Uint8Array) => appends.push({ ...of, records });
    for (const [partition, packer] of this.#packers.entries()) {
      for (const part of packer.finish()) add({ topic: targetTopic, partition }, part);
    }
    for (const [partition, builder] of this.#letters) {
      if (builder.count > 0) add({ topic: deadLetterTopic, partition }, builder.finish());
    }
    return appends;
  }
}
