/** Actors of one partition in RocksDB: one folder, one handle, one thread. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../src/core/assert.ts';
import type { Clock } from '../src/core/clock.ts';
import { ShrikeError } from '../src/core/errors.ts';
import type { ActorKey } from '../src/core/ids.ts';
import { PackedCursor, packActors } from '../src/core/packed-actors.ts';
import type { ActorStore, ActorStores, PackedActors, StoreMeta } from '../src/core/state.ts';
import { CheckedScan } from './checked-scan.ts';
import { isLocked, rocksError } from './rocksdb-error.ts';
import { RocksHandle, type RocksOptions, type RocksRows } from './rocksdb-handle.ts';
import { decodeMeta, encodeMeta } from './store-meta.ts';

const META_KEY = Buffer.from([0]);
const ACTORS_FROM = Buffer.from([1]);
const ACTORS_END = Buffer.from([2]);
const KEY_BYTES = 9;

// A worker that dies closes its stores while the next one opens them: wait for it, but not for
// ever.
const LOCK_RETRY_MS = 50;
const LOCK_RETRIES_MAX = 100;

// Puts between two turns of the event loop: 3 µs each and the copy of 256 KiB make about 1 ms.
const WRITE_SLICE_ACTORS = 256;
const WRITE_SLICE_BYTES = 256 << 10;

export interface RocksDbStoresOptions extends RocksOptions {
  /** Holds one folder a partition: `p-0007`. */
  readonly dir: string;
  readonly clock: Clock;
}

export class RocksDbStores implements ActorStores {
  readonly #options: RocksDbStoresOptions;

  constructor(options: RocksDbStoresOptions) {
    this.#options = options;
  }

  /** @throws STATE_CORRUPT, DATA_DIR_LOCKED, DATA_DIR_VERSION, DATA_DIR_UNWRITABLE, DISK_FULL */
  async open(partition: number): Promise<RocksDbStore> {
    const folder = this.folderOf(partition);
    try {
      await mkdir(folder, { recursive: true });
    } catch (cause) {
      throw new ShrikeError('DATA_DIR_UNWRITABLE', `cannot make the folder ${folder}`, { cause });
    }
    for (let retries = 0; ; retries++) {
      try {
        return await RocksDbStore.open(folder, this.#options);
      } catch (error) {
        if (!isLocked(error) || retries === LOCK_RETRIES_MAX) throw error;
        await this.#options.clock.sleep(LOCK_RETRY_MS);
      }
    }
  }

  async destroy(partition: number): Promise<void> {
    await rm(this.folderOf(partition), { recursive: true, force: true });
  }

  folderOf(partition: number): string {
    return join(this.#options.dir, `p-${String(partition).padStart(4, '0')}`);
  }
}

export class RocksDbStore implements ActorStore {
  readonly #options: RocksDbStoresOptions;
  #handle: RocksHandle;
  #meta: StoreMeta | undefined;
  #writing: Promise<void> | undefined;
  #openScans = 0;
  readonly #keyBuffers: Buffer[] = [];
  /** A write failed: RocksDB may refuse all further ones until it is opened again. */
  #ailing = false;
  /** Lost: closed to be opened again, which has not succeeded yet. */
  #phase: 'open' | 'lost' | 'closed' = 'open';
  #reopening: Promise<void> | undefined;

  private constructor(handle: RocksHandle, options: RocksDbStoresOptions) {
    this.#handle = handle;
    this.#options = options;
  }

  static async open(folder: string, options: RocksDbStoresOptions): Promise<RocksDbStore> {
    const store = new RocksDbStore(await RocksHandle.open(folder, options), options);
    try {
      store.#meta = await store.#readMeta();
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  get meta(): StoreMeta | undefined {
    return this.#meta;
  }

  async getMany(keys: readonly ActorKey[]): Promise<readonly (Uint8Array | undefined)[]> {
    await this.#opened();
    return this.#handle.getMany(this.#encodeKeys(keys));
  }

  /** In buffers that are used again: the binding copies keys before it returns. */
  #encodeKeys(keys: readonly ActorKey[]): Buffer[] {
    const buffers = this.#keyBuffers;
    while (buffers.length < keys.length) buffers.push(Buffer.allocUnsafe(KEY_BYTES));
    return keys.map((key, i) => writeKey(buffers[i] as Buffer, key));
  }

  async write(actors: PackedActors, meta: StoreMeta): Promise<void> {
    assert(this.#phase !== 'closed', 'the store is open');
    assert(this.#writing === undefined, 'writes do not overlap');
    this.#writing = this.#recoverAndWrite(actors, meta);
    try {
      await this.#writing;
      this.#meta = meta;
    } catch (error) {
      this.#ailing = true;
      throw error;
    } finally {
      this.#writing = undefined;
    }
  }

  async #recoverAndWrite(actors: PackedActors, meta: StoreMeta): Promise<void> {
    if (this.#ailing) await this.#recover(actors.byteLength);
    await this.#write(actors, meta);
  }

  scan(blockBytes: number): AsyncIterable<PackedActors> {
    assert(this.#phase === 'open', 'a scan starts while the store is open');
    this.#openScans += 1;
    const { folder } = this.#handle;
    // The meta entry comes through the same view: a write that is under way is in both, or in none.
    const rows = this.#handle.rows(META_KEY, ACTORS_END);
    const blocks = new RowBlocks(rows, { blockBytes, onEnd: () => (this.#openScans -= 1) });
    const meta = () => blocks.meta && decodeMeta(blocks.meta, folder);
    return new CheckedScan(blocks, { meta, folder });
  }

  /** Estimated bytes on disk and in memory (memtables, indexes and filters, block cache). */
  rocksBytes(): { readonly disk: number; readonly memory: number } {
    // The binding would follow a null pointer.
    if (this.#phase !== 'open') return { disk: 0, memory: 0 };
    const property = (name: string) => this.#handle.property(`rocksdb.${name}`);
    return {
      disk: property('total-sst-files-size'),
      memory:
        property('cur-size-all-mem-tables') +
        property('estimate-table-readers-mem') +
        property('block-cache-usage'),
    };
  }

  /**
   * After what is under way: the binding would write to a store that is gone, and crash the
   * process.
   */
  async close(): Promise<void> {
    // Whoever began them has their errors.
    await Promise.allSettled([this.#writing, this.#reopening]);
    const { isOpen } = this.#handle;
    this.#phase = 'closed';
    if (isOpen) await this.#handle.close();
  }

  /** S1: entries and meta in one batch, which RocksDB writes as one record of its log. */
  async #write(actors: PackedActors, meta: StoreMeta): Promise<void> {
    const batch = this.#handle.newBatch();
    let sliceActors = 0;
    let sliceBytes = 0;
    const bytes = Buffer.from(actors.buffer, actors.byteOffset, actors.byteLength);
    const key = Buffer.allocUnsafe(KEY_BYTES); // the batch copies keys and values at once
    const cursor = new PackedCursor(actors);
    while (cursor.next()) {
      batch.put(writeKey(key, cursor.key), bytes.subarray(cursor.start, cursor.end));
      sliceActors += 1;
      sliceBytes += cursor.end - cursor.start;
      if (sliceActors < WRITE_SLICE_ACTORS && sliceBytes < WRITE_SLICE_BYTES) continue;
      sliceActors = 0;
      sliceBytes = 0;
      await this.#options.clock.yield();
    }
    batch.put(META_KEY, encodeMeta(meta));
    await this.#handle.write(batch);
  }

  /**
   * Opens the store again after a failed write. It stays open for reads until there is space for
   * the batch, its flush and the files of an open: a store that could not be opened again could not
   * be read either.
   */
  async #recover(batchBytes: number): Promise<void> {
    const { folder } = this.#handle;
    if (this.#openScans > 0) {
      throw new ShrikeError('DISK_FULL', `${folder} recovers when the scan of it has ended`);
    }
    const probe = join(folder, 'space.probe');
    try {
      await writeFile(probe, Buffer.alloc(2 * batchBytes + (1 << 20)));
    } catch (cause) {
      throw rocksError(cause, 'make room in', folder);
    } finally {
      await rm(probe, { force: true });
    }
    this.#phase = 'lost';
    await this.#opened();
    this.#ailing = false;
  }

  /**
   * Opening again may fail, for want of space above all; the next call that needs the store tries
   * again.
   */
  #opened(): Promise<void> | undefined {
    assert(this.#phase !== 'closed', 'the store is open');
    if (this.#phase === 'open') return undefined;
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #reopen(): Promise<void> {
    if (this.#handle.isOpen) await this.#handle.close();
    this.#handle = await RocksHandle.open(this.#handle.folder, this.#options);
    this.#meta = await this.#readMeta();
    this.#phase = 'open';
  }

  async #readMeta(): Promise<StoreMeta | undefined> {
    const { folder } = this.#handle;
    const [bytes] = await this.#handle.getMany([META_KEY]);
    if (bytes !== undefined) return decodeMeta(bytes, folder);
    const rows = this.#handle.rows(ACTORS_FROM, ACTORS_END);
    try {
      if (!(await rows.some(() => false))) return undefined;
    } finally {
      await rows.end();
    }
    throw new ShrikeError('STATE_CORRUPT', `${folder} holds actors but no meta entry`);
  }
}

interface RowBlocksOptions {
  readonly blockBytes: number;
  readonly onEnd: () => void;
}

/**
 * Its view is of the moment it was made, which a generator's, started by the first `next`, is not.
 */
class RowBlocks implements AsyncIterator<PackedActors, undefined> {
  /** The meta entry, once the first block has been read. */
  meta: Buffer | undefined;
  readonly #rows: RocksRows;
  readonly #options: RowBlocksOptions;
  #ended = false;

  constructor(rows: RocksRows, options: RowBlocksOptions) {
    this.#rows = rows;
    this.#options = options;
  }

  async next(): Promise<IteratorResult<PackedActors, undefined>> {
    if (this.#ended) return { done: true, value: undefined };
    const entries: [ActorKey, Uint8Array][] = [];
    let bytes = 0;
    try {
      await this.#rows.some((key, value) => {
        if (key.equals(META_KEY)) {
          this.meta = value;
          return true;
        }
        entries.push([decodeKey(key), value]);
        bytes += value.byteLength;
        return bytes < this.#options.blockBytes;
      });
    } catch (error) {
      await this.return();
      throw error;
    }
    if (entries.length === 0) return this.return();
    return { done: false, value: packActors(entries) };
  }

  async return(): Promise<IteratorResult<PackedActors, undefined>> {
    if (!this.#ended) {
      this.#ended = true;
      try {
        await this.#rows.end();
      } finally {
        this.#options.onEnd();
      }
    }
    return { done: true, value: undefined };
  }
}

/** Big-endian, so that bytes ascend as keys do. */
function writeKey(bytes: Buffer, key: ActorKey): Buffer {
  bytes[0] = ACTORS_FROM[0] as number;
  bytes.writeUInt32BE(Math.floor(key / 2 ** 32), 1);
  bytes.writeUInt32BE(key % 2 ** 32, 5);
  return bytes;
}

function decodeKey(bytes: Buffer): ActorKey {
  return bytes.readUInt32BE(1) * 2 ** 32 + bytes.readUInt32BE(5);
}
