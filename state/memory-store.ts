/**
 * Stores in memory, for tests and the simulator: a disk that survives a simulated crash, and faults
 * that a real disk has.
 */
import { assert } from '../src/core/assert.ts';
import { ShrikeError } from '../src/core/errors.ts';
import type { ActorKey } from '../src/core/ids.ts';
import { packActors, unpackActors } from '../src/core/packed-actors.ts';
import type { ActorStore, ActorStores, PackedActors, StoreMeta } from '../src/core/state.ts';
import { CheckedScan } from './checked-scan.ts';
import { decodeMeta, encodeMeta } from './store-meta.ts';

interface Write {
  readonly before: ReadonlyMap<ActorKey, Uint8Array | undefined>;
  readonly metaBefore: Buffer | undefined;
}

/** One partition's folder. */
export class MemoryDisk {
  readonly actors = new Map<ActorKey, Uint8Array>();
  meta: Buffer | undefined;
  readonly #undo: Write[] = [];
  readonly #undoMax: number;

  /** @param undoMax how many of the last writes a power cut may take */
  constructor(undoMax = 4) {
    this.#undoMax = undoMax;
  }

  write(actors: PackedActors, meta: StoreMeta): void {
    const before = new Map<ActorKey, Uint8Array | undefined>();
    for (const [key, bytes] of unpackActors(actors)) {
      before.set(key, this.actors.get(key));
      this.actors.set(key, bytes.slice());
    }
    this.#undo.push({ before, metaBefore: this.meta });
    if (this.#undo.length > this.#undoMax) this.#undo.shift();
    this.meta = encodeMeta(meta);
  }

  /**
   * A power cut: writes are not synced, so the last ones may be gone; always whole ones, from the
   * end.
   */
  loseWrites(count: number): void {
    for (let i = 0; i < count; i++) {
      const write = this.#undo.pop();
      if (write === undefined) return;
      for (const [key, bytes] of write.before) {
        if (bytes === undefined) this.actors.delete(key);
        else this.actors.set(key, bytes);
      }
      this.meta = write.metaBefore;
    }
  }
}

/** What goes wrong with a write: no space, or a tear that leaves nothing of it. */
export type WriteFault = 'disk-full' | 'torn';

export interface MemoryStoresOptions {
  /** Asked before each write. */
  readonly faultOf?: (partition: number, meta: StoreMeta) => WriteFault | undefined;
  /** Waited for inside each write, before and after it takes effect: places for a crash. */
  readonly pause?: () => Promise<void>;
}

export class MemoryStores implements ActorStores {
  readonly #durable: Map<number, MemoryDisk>;
  readonly #options: MemoryStoresOptions;
  readonly #open = new Map<number, MemoryStore>();

  constructor(durable: Map<number, MemoryDisk>, options: MemoryStoresOptions = {}) {
    this.#durable = durable;
    this.#options = options;
  }

  async open(partition: number): Promise<ActorStore> {
    if (this.#open.has(partition)) {
      throw new ShrikeError('DATA_DIR_LOCKED', `the store of partition ${partition} is open`);
    }
    let disk = this.#durable.get(partition);
    if (disk === undefined) {
      disk = new MemoryDisk();
      this.#durable.set(partition, disk);
    }
    const store = new MemoryStore(partition, disk, {
      ...this.#options,
      onClose: () => this.#open.delete(partition),
    });
    this.#open.set(partition, store);
    return store;
  }

  async destroy(partition: number): Promise<void> {
    assert(!this.#open.has(partition), 'a store is closed before it is destroyed');
    this.#durable.delete(partition);
  }

  /** The process dies: what its stores are doing has no effect any more. */
  async crash(): Promise<void> {
    for (const store of [...this.#open.values()]) await store.close();
  }
}

class MemoryStore implements ActorStore {
  meta: StoreMeta | undefined;
  readonly #partition: number;
  readonly #disk: MemoryDisk;
  readonly #options: MemoryStoresOptions & { readonly onClose: () => void };
  #closed = false;
  #writing = false;

  constructor(
    partition: number,
    disk: MemoryDisk,
    options: MemoryStoresOptions & { readonly onClose: () => void },
  ) {
    this.#partition = partition;
    this.#disk = disk;
    this.#options = options;
    this.meta = disk.meta && decodeMeta(disk.meta, `memory partition ${partition}`);
  }

  async getMany(keys: readonly ActorKey[]): Promise<readonly (Uint8Array | undefined)[]> {
    assert(!this.#closed, 'the store is open');
    return keys.map((key) => this.#disk.actors.get(key)?.slice());
  }

  async write(actors: PackedActors, meta: StoreMeta): Promise<void> {
    assert(!this.#writing, 'writes do not overlap');
    this.#writing = true;
    try {
      await this.#options.pause?.();
      assert(!this.#closed, 'the store is open');
      const fault = this.#options.faultOf?.(this.#partition, meta);
      if (fault !== undefined) {
        throw new ShrikeError(
          'DISK_FULL',
          `write at offset ${meta.nextOffset} of partition ${this.#partition} failed: ${fault}`,
        );
      }
      this.#disk.write(actors, meta);
      this.meta = meta;
      await this.#options.pause?.();
    } finally {
      this.#writing = false;
    }
  }

  scan(blockBytes: number): AsyncIterable<PackedActors> {
    assert(!this.#closed, 'the store is open');
    const entries = [...this.#disk.actors].sort((a, b) => a[0] - b[0]);
    const { meta } = this;
    const facts = { meta: () => meta, folder: `memory partition ${this.#partition}` };
    return new CheckedScan(blocksOf(entries, blockBytes), facts);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.onClose();
  }
}

async function* blocksOf(
  entries: readonly (readonly [ActorKey, Uint8Array])[],
  blockBytes: number,
): AsyncGenerator<PackedActors, undefined> {
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    bytes += (entries[i] as readonly [ActorKey, Uint8Array])[1].byteLength;
    if (bytes < blockBytes && i < entries.length - 1) continue;
    yield packActors(entries.slice(from, i + 1));
    from = i + 1;
    bytes = 0;
  }
  return undefined;
}
