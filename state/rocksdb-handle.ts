/** Promises over the callbacks of the RocksDB binding, with its errors told in our words. */
import rocksdb from 'rocksdb';
import { rocksError } from './rocksdb-error.ts';

type Db = ReturnType<typeof rocksdb>;
type Rows = ReturnType<Db['iterator']>;
/** The overload without arguments: a batch that is built put by put. */
type Batch = ReturnType<Db['batch']>;

export interface RocksOptions {
  /** Block cache of one store. */
  readonly cacheBytes: number;
  /** One memtable; RocksDB keeps up to two of them a store. */
  readonly writeBufferBytes: number;
}

// The binding reads sizes as 32-bit unsigned numbers.
const SIZE_MAX = 2 ** 32 - 1;
// Of one store; with 8 of them a process stays far under the usual 1,024 descriptors.
const OPEN_FILES_MAX = 64;

export class RocksHandle {
  readonly folder: string;
  isOpen = false;
  readonly #db: Db;

  private constructor(folder: string, db: Db) {
    this.folder = folder;
    this.#db = db;
  }

  /** @throws DATA_DIR_LOCKED, DATA_DIR_UNWRITABLE, DISK_FULL, STATE_CORRUPT */
  static async open(folder: string, options: RocksOptions): Promise<RocksHandle> {
    const handle = new RocksHandle(folder, rocksdb(folder));
    await handle.#call<void>('open', (done) =>
      handle.#db.open(
        {
          createIfMissing: true,
          cacheSize: Math.min(options.cacheBytes, SIZE_MAX),
          writeBufferSize: Math.min(options.writeBufferBytes, SIZE_MAX),
          maxOpenFiles: OPEN_FILES_MAX,
          // Amounts and times barely compress; leaving it out saves the CPU of every flush and
          // compaction.
          compression: false,
        },
        done,
      ),
    );
    handle.isOpen = true;
    return handle;
  }

  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.#call('read', (done) => this.#db.getMany(keys, {}, done));
  }

  newBatch(): Batch {
    return this.#db.batch();
  }

  /**
   * No sync: RocksDB replays its write-ahead log in order and stops at the first torn record, so a
   * power cut leaves the store as it was after some earlier write. L only ever gets older, and
   * replay makes up for it.
   */
  write(batch: Batch): Promise<void> {
    return this.#call('write', (done) => batch.write({ sync: false }, done));
  }

  /** A consistent view of the keys [gte, lt) from now on. */
  rows(gte: Buffer, lt: Buffer): RocksRows {
    // 256 KiB a round trip; at the default of 16 KiB, eight actors, a scan is mostly thread
    // switches.
    const options = { gte, lt, fillCache: false, highWaterMark: 256 << 10 };
    return new RocksRows(this.folder, this.#db.iterator(options));
  }

  property(name: string): number {
    return Number(this.#db.getProperty(name)) || 0;
  }

  close(): Promise<void> {
    this.isOpen = false;
    return this.#call('close', (done) => this.#db.close(done));
  }

  #call<T>(doing: string, start: Start<T>): Promise<T> {
    return called(doing, this.folder, start);
  }
}

type Start<T> = (done: (error?: Error | null, value?: T) => void) => void;

function called<T>(doing: string, folder: string, start: Start<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error) reject(rocksError(error, doing, folder));
      else resolve(value as T);
    });
  });
}

/**
 * An iterator; it must be ended, or it holds its view, and the files under it, until the store
 * closes.
 */
export class RocksRows {
  readonly #folder: string;
  readonly #rows: Rows;
  #ended = false;

  constructor(folder: string, rows: Rows) {
    this.#folder = folder;
    this.#rows = rows;
  }

  /**
   * Passes entries to `take` until it says false. Callbacks, not a promise an entry: a scan of a
   * million entries would make a million promises. @returns false when there are no more
   */
  some(take: (key: Buffer, value: Buffer) => boolean): Promise<boolean> {
    return called('scan', this.#folder, (done) => {
      const next = (): void =>
        this.#rows.next((error, key, value) => {
          if (error) return done(error);
          if (key === undefined || value === undefined) return done(null, false);
          if (take(key, value)) next();
          else done(null, true);
        });
      next();
    });
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await called<void>('end a scan of', this.#folder, (done) => this.#rows.end(done));
  }
}
