/**
 * Keeps a partition's profiles up to date: read to their end before the first payment, then as they
 * come.
 */
import type { Profiles } from '../core/flow.ts';
import type { Offset } from '../core/ids.ts';
import { PackedRecords, type SourceRead } from '../core/records.ts';
import type { EventSink, SourcePort } from './ports.ts';

export interface ProfileReaderOptions<E> {
  readonly profiles: Profiles<E, unknown>;
  readonly source: SourcePort;
  readonly partition: number;
  readonly fetchBytesMax: number;
  readonly emitEvent: EventSink;
}

export class ProfileReader<E> {
  readonly #options: ProfileReaderOptions<E>;
  readonly #positions = new Map<string, Offset>();

  constructor(options: ProfileReaderOptions<E>) {
    this.#options = options;
  }

  /** Reads every profile topic from where this reader stands to its end as of now. */
  async catchUp(stop: () => boolean): Promise<void> {
    const { profiles, source, partition } = this.#options;
    for (const topic of profiles.topics) {
      const { earliest, highWatermark } = await source.offsets({ topic, partition });
      let at = Math.max(this.#positions.get(topic) ?? earliest, earliest);
      while (at < highWatermark && !stop()) at = await this.#readOnce(topic, at, 0);
      this.#positions.set(topic, at);
    }
  }

  /** Applies what has come since, without waiting for more. */
  async poll(): Promise<void> {
    for (const topic of this.#options.profiles.topics) {
      const at = this.#positions.get(topic) as Offset;
      this.#positions.set(topic, await this.#readOnce(topic, at, 0));
    }
  }

  async #readOnce(topic: string, from: Offset, waitMs: number): Promise<Offset> {
    const { source, partition, fetchBytesMax: bytesMax } = this.#options;
    const read = await source.read({ topic, partition, from, bytesMax, waitMs });
    return this.#apply(read, from);
  }

  #apply(read: SourceRead, from: Offset): Offset {
    const { profiles, emitEvent, partition } = this.#options;
    let at = from;
    for (const { bytes, baseOffset, nextOffset } of read.batches) {
      const records = PackedRecords.of(bytes);
      let first = 0;
      while (first < records.count && records.offset(baseOffset, first) < at) first++;
      for (const { index, code, reason } of profiles.apply(
        read.topic,
        records,
        baseOffset,
        first,
      )) {
        // A profile shapes features only: the record is named and left out, payments go on with -1.
        const offset = records.offset(baseOffset, index);
        emitEvent('warn', 'profile left out', {
          topic: read.topic,
          partition,
          offset,
          code,
          reason,
        });
      }
      at = nextOffset;
    }
    return at;
  }
}
