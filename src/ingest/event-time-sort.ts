/**
 * External merge sort by event minute, in bounded memory.
 *
 *   items --> arena --full--> sorted run --> spill file      (then, at the end)
 *                                            runs --> heap of their first items --> items in order
 *
 * E1  Stable: items of one minute keep their order.
 * E2  Memory stays near `memoryBytesMax`, whatever the number of items; what fits in it never
 *     touches the disk.
 * E3  The spill file is gone when the generator ends, returns or throws.
 */
import { assert } from '../core/assert.ts';
import { mergeRuns, type Run } from './run-merge.ts';
import { ITEM_HEADER_BYTES, type SortCodec } from './sort-codec.ts';
import { SpillFile } from './spill-file.ts';

export interface SortOptions<T> {
  readonly codec: SortCodec<T>;
  readonly spillDir: string;
  /** Default 64 MiB, which 24 million payments fill 26 times. */
  readonly memoryBytesMax?: number | undefined;
  readonly batchItemsMax?: number | undefined;
  readonly openSpill?: (folder: string) => Promise<SpillFile>;
}

/** A sort key holds the minute and the place in the arena: 32 + 20 of a double's 53 bits. */
const ARENA_ITEMS_MAX = 2 ** 20;
const MEMORY_BYTES_DEFAULT = 64 << 20;
const ARENA_BYTES_MIN = 4096;
const WRITE_BYTES = 1 << 20;

/** The items of `source` in event-time order. @throws DISK_FULL, DATA_DIR_UNWRITABLE */
export async function* sortByEventTime<T>(
  source: AsyncIterable<readonly T[]>,
  options: SortOptions<T>,
): AsyncGenerator<T[]> {
  const { codec, batchItemsMax = 1024 } = options;
  const memoryBytesMax = options.memoryBytesMax ?? MEMORY_BYTES_DEFAULT;
  const arena = new Arena(codec, Math.max(ARENA_BYTES_MIN, memoryBytesMax));
  const runs: Run[] = [];
  let spill: SpillFile | undefined;
  try {
    for await (const items of source) {
      for (const item of items) {
        if (arena.add(item)) continue;
        spill ??= await (options.openSpill ?? SpillFile.open)(options.spillDir);
        runs.push(await arena.spillTo(spill));
        assert(arena.add(item), 'an item fits into an empty arena');
      }
    }
    if (spill === undefined) {
      yield* arena.sorted(batchItemsMax);
    } else {
      if (arena.count > 0) runs.push(await arena.spillTo(spill));
      arena.release();
      yield* mergeRuns({ spill, runs, codec, memoryBytesMax, batchItemsMax });
    }
  } finally {
    await spill?.close();
  }
}

/** Items in the order in which they came, as bytes; the sort moves keys only. */
class Arena<T> {
  readonly #codec: SortCodec<T>;
  readonly #bytesMax: number;
  #bytes = Buffer.alloc(0);
  #length = 0;
  #starts = new Uint32Array(1024);
  count = 0;

  constructor(codec: SortCodec<T>, bytesMax: number) {
    this.#codec = codec;
    this.#bytesMax = bytesMax;
  }

  /** False when there is no room: the arena must be spilled first. */
  add(item: T): boolean {
    const codec = this.#codec;
    const need = this.#length + ITEM_HEADER_BYTES + codec.bytesMax(item);
    if (this.count > 0 && (need > this.#bytesMax || this.count === ARENA_ITEMS_MAX)) return false;
    if (need > this.#bytes.length) this.#grow(need);
    const at = this.#length;
    const end = codec.write(item, this.#bytes, at + ITEM_HEADER_BYTES);
    this.#bytes.writeUInt32LE(codec.minute(item), at);
    this.#bytes.writeUInt16LE(end - at - ITEM_HEADER_BYTES, at + 4);
    if (this.count === this.#starts.length) {
      const starts = new Uint32Array(this.count * 2);
      starts.set(this.#starts);
      this.#starts = starts;
    }
    this.#starts[this.count++] = at;
    this.#length = end;
    return true;
  }

  *sorted(batchItemsMax: number): Generator<T[]> {
    let batch: T[] = [];
    for (const start of this.#order()) {
      const end = this.#end(start);
      const minute = this.#bytes.readUInt32LE(start);
      batch.push(this.#codec.read(minute, this.#bytes, start + ITEM_HEADER_BYTES, end));
      if (batch.length < batchItemsMax) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  /** Writes the items as one sorted run and empties the arena. */
  async spillTo(spill: SpillFile): Promise<Run> {
    const start = spill.length;
    const out = Buffer.allocUnsafe(Math.min(WRITE_BYTES, this.#length));
    let filled = 0;
    for (const at of this.#order()) {
      const end = this.#end(at);
      if (filled + end - at > out.length) {
        await spill.append(out.subarray(0, filled));
        filled = 0;
      }
      filled += this.#bytes.copy(out, filled, at, end);
    }
    await spill.append(out.subarray(0, filled));
    this.#length = 0;
    this.count = 0;
    return { start, end: spill.length };
  }

  release(): void {
    this.#bytes = Buffer.alloc(0);
    this.#starts = new Uint32Array(0);
  }

  /**
   * Starts of the items by (minute, place): a numeric sort of typed keys, which needs no
   * comparator.
   */
  #order(): Uint32Array {
    const keys = new Float64Array(this.count);
    for (let i = 0; i < this.count; i++) {
      keys[i] = this.#bytes.readUInt32LE(this.#starts[i]) * ARENA_ITEMS_MAX + i;
    }
    keys.sort();
    const order = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i++) {
      order[i] = this.#starts[(keys[i] as number) % ARENA_ITEMS_MAX] as number;
    }
    return order;
  }

  #end(start: number): number {
    return start + ITEM_HEADER_BYTES + this.#bytes.readUInt16LE(start + 4);
  }

  #grow(need: number): void {
    const doubled = Math.min(this.#bytesMax, Math.max(64 << 10, this.#bytes.length * 2));
    const larger = Buffer.allocUnsafe(Math.max(need, doubled));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
