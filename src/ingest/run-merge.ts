/** Merges the sorted runs of a spill file: the least first item of all runs comes next. */
import { assert } from '../core/assert.ts';
import { MergeHeap } from '../core/merge-heap.ts';
import { ITEM_HEADER_BYTES, type SortCodec } from './sort-codec.ts';
import type { SpillFile } from './spill-file.ts';

/** Bytes [start, end) of the spill file. */
export interface Run {
  readonly start: number;
  readonly end: number;
}

export interface MergeOptions<T> {
  readonly spill: SpillFile;
  readonly runs: readonly Run[];
  readonly codec: SortCodec<T>;
  readonly memoryBytesMax: number;
  readonly batchItemsMax: number;
}

/** Reads beyond 1 MiB are no faster; below a page they are slow. */
const WINDOW_BYTES_MAX = 1 << 20;
const WINDOW_BYTES_MIN = 4096;

export async function* mergeRuns<T>(options: MergeOptions<T>): AsyncGenerator<T[]> {
  const { spill, runs, codec, memoryBytesMax, batchItemsMax } = options;
  const share = Math.floor(memoryBytesMax / runs.length);
  const windowBytes = Math.min(WINDOW_BYTES_MAX, Math.max(WINDOW_BYTES_MIN, share));
  const heap = new MergeHeap(runs.length);
  const windows: RunWindow[] = [];
  for (const run of runs) {
    const window = new RunWindow(spill, run, windowBytes);
    if (!window.holdsItem) await window.fill();
    heap.push(window.minute, windows.length);
    windows.push(window);
  }
  let batch: T[] = [];
  while (heap.size > 0) {
    const window = windows[heap.least] as RunWindow;
    batch.push(codec.read(window.minute, window.bytes, window.at + ITEM_HEADER_BYTES, window.end));
    window.at = window.end;
    if (window.done) {
      heap.pop();
    } else {
      if (!window.holdsItem) await window.fill();
      heap.replaceLeast(window.minute);
    }
    if (batch.length < batchItemsMax) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** The part of a run that is in memory; `at` is its next item. */
class RunWindow {
  readonly #spill: SpillFile;
  readonly #run: Run;
  /** Where in the file the bytes after the window start. */
  #next: number;
  #filled = 0;
  bytes: Buffer;
  at = 0;

  constructor(spill: SpillFile, run: Run, bytes: number) {
    this.#spill = spill;
    this.#run = run;
    this.#next = run.start;
    this.bytes = Buffer.allocUnsafe(Math.min(bytes, run.end - run.start));
  }

  get done(): boolean {
    return this.at === this.#filled && this.#next === this.#run.end;
  }

  get holdsItem(): boolean {
    return this.at + ITEM_HEADER_BYTES <= this.#filled && this.end <= this.#filled;
  }

  get minute(): number {
    return this.bytes.readUInt32LE(this.at);
  }

  get end(): number {
    return this.at + ITEM_HEADER_BYTES + this.bytes.readUInt16LE(this.at + 4);
  }

  /** Reads on until the next item is whole. */
  async fill(): Promise<void> {
    const rest = this.bytes.subarray(this.at, this.#filled);
    const need =
      rest.length >= ITEM_HEADER_BYTES
        ? ITEM_HEADER_BYTES + rest.readUInt16LE(4)
        : ITEM_HEADER_BYTES;
    const into = need > this.bytes.length ? Buffer.allocUnsafe(need) : this.bytes;
    into.set(rest);
    this.bytes = into;
    this.at = 0;
    const want = Math.min(into.length - rest.length, this.#run.end - this.#next);
    const read = await this.#spill.read(into.subarray(rest.length, rest.length + want), this.#next);
    assert(read === want && want > 0, 'the spill file holds what was written to it');
    this.#next += read;
    this.#filled = rest.length + read;
    // A first read that showed only a header tells how long the item is.
    if (!this.holdsItem) await this.fill();
  }
}
