/**
 * One RocksDB handle on one folder, with errors in the words of the error table.
 *
 * E2: after a failed write nothing more goes through the same handle. RocksDB 6.17 leaves a torn
 *     record in its write-ahead log and appends behind it; recovery stops at the tear, so writes
 *     acknowledged after it would be gone at the next open (measured: 10 of 10). `mend` closes the
 *     handle and opens it anew, which cuts the tear off, and takes back what the failed write may
 *     have left whole.
 */
import { mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import rocksdb from 'rocksdb';
import { assert } from '../../core/assert.ts';
import { isDiskFull, ShrikeError } from '../../core/errors.ts';

type RocksDb = ReturnType<typeof rocksdb>;
export type Operation =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

export interface Range {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly values?: boolean;
}

// Memtable: 32 MiB took half the CPU of the default 4 MiB in appending 200 MB (fewer compactions).
// The block cache stays small: scans do not fill it, and live readers are served by the tail cache.
const OPEN = { writeBufferSize: 32 << 20, blockSize: 16 << 10, cacheSize: 8 << 20 };
// 256 KiB a trip to the thread pool; at the default of 16 KiB a scan is mostly thread switches.
const SCAN = { fillCache: false, highWaterMark: 256 << 10 };
/** Beyond the write-ahead log itself, what an open writes: a manifest, options, a table's index. */
const REOPEN_SPARE_BYTES = 1 << 20;

export class Store {
  readonly #folder: string;
  #db: RocksDb | undefined;
  #scans = 0;
  #whenQuiet: (() => void) | undefined;
  #mending: Promise<void> | undefined;
  #undo: Operation[] | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws DATA_DIR_LOCKED, DATA_DIR_UNWRITABLE, DISK_FULL, LOG_CORRUPT, LOG_UNAVAILABLE */
  static async open(folder: string): Promise<Store> {
    const store = new Store(folder);
    try {
      await mkdir(folder, { recursive: true });
    } catch (cause) {
      throw openError(folder, cause);
    }
    await store.#open();
    return store;
  }

  /** True after a failed write, until `mend`. */
  get torn(): boolean {
    return this.#undo !== undefined;
  }

  /**
   * All operations or none. `undo`: what takes them back, should they turn out to be on disk
   * although the write was reported as failed.
   * @throws DISK_FULL, COMMIT_FAILED
   */
  async write(
    operations: readonly Operation[],
    options: { sync: boolean; undo: () => Operation[] },
  ): Promise<void> {
    assert(!this.torn, 'E2: a torn store is mended before it is written');
    const db = this.#handle();
    try {
      await called((done) => db.batch(operations as Operation[], { sync: options.sync }, done));
    } catch (cause) {
      this.#undo = options.undo();
      throw new ShrikeError(
        isDiskFull(cause) ? 'DISK_FULL' : 'COMMIT_FAILED',
        `writing to the log in ${this.#folder} failed; nothing of the write is visible`,
        { cause },
      );
    }
  }

  /** Makes a torn store whole. @throws DISK_FULL while there is too little room to try. */
  async mend(): Promise<void> {
    await this.#requireRoom();
    this.#mending = this.#reopen().finally(() => {
      this.#mending = undefined;
    });
    await this.#mending;
  }

  /**
   * Walks a range on a snapshot taken at the call, until `take` answers false.
   * @throws LOG_UNAVAILABLE, LOG_CORRUPT
   */
  async scan(range: Range, take: (key: Buffer, value: Buffer) => boolean): Promise<void> {
    while (this.#mending) await this.#mending.catch(() => undefined); // `mend` reports it
    const iterator = this.#handle().iterator({ ...SCAN, ...range });
    this.#scans += 1;
    try {
      while (true) {
        const entry = await nextOf(iterator);
        if (!entry || !take(entry.key, entry.value)) return;
      }
    } catch (cause) {
      throw cause instanceof ShrikeError ? cause : readError(this.#folder, cause);
    } finally {
      await called((done) => iterator.end(done));
      this.#scans -= 1;
      if (this.#scans === 0) this.#whenQuiet?.();
    }
  }

  async close(): Promise<void> {
    await this.#quiet();
    const db = this.#db;
    this.#db = undefined;
    if (db) await called((done) => db.close(done));
  }

  #handle(): RocksDb {
    if (this.#db) return this.#db;
    throw new ShrikeError('LOG_UNAVAILABLE', `the log in ${this.#folder} is not open`);
  }

  async #open(): Promise<void> {
    const db = rocksdb(this.#folder);
    try {
      await called((done) => db.open({ ...OPEN }, done));
    } catch (cause) {
      throw openError(this.#folder, cause);
    }
    this.#db = db;
  }

  async #reopen(): Promise<void> {
    await this.close();
    await this.#open();
    const db = this.#handle();
    // Synced, so that what is gone from memory does not come back after a power cut.
    await called((done) => db.batch(this.#undo as Operation[], { sync: true }, done));
    this.#undo = undefined;
  }

  /** Closing under a running iterator would leave its end unanswered: wait for the scans. */
  async #quiet(): Promise<void> {
    if (this.#scans === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenQuiet = resolve;
    });
    this.#whenQuiet = undefined;
  }

  /** Opening turns the write-ahead log into a table of its size: without room it would fail. */
  async #requireRoom(): Promise<void> {
    let needBytes = REOPEN_SPARE_BYTES;
    for (const name of await readdir(this.#folder)) {
      if (name.endsWith('.log')) needBytes += (await stat(join(this.#folder, name))).size;
    }
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize >= needBytes) return;
    throw new ShrikeError(
      'DISK_FULL',
      `the log in ${this.#folder} ran out of space; it goes on when ${needBytes} bytes are free`,
    );
  }
}

/** A callback API's call as a promise. */
function called(call: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
}

function nextOf(
  iterator: ReturnType<RocksDb['iterator']>,
): Promise<{ key: Buffer; value: Buffer } | undefined> {
  return new Promise((resolve, reject) => {
    iterator.next((error, key, value) => {
      if (error) reject(error);
      else resolve(key && value ? { key, value } : undefined);
    });
  });
}

function readError(folder: string, cause: unknown): ShrikeError {
  const corrupt = /Corruption|No such file/i.test(String(cause));
  return new ShrikeError(
    corrupt ? 'LOG_CORRUPT' : 'LOG_UNAVAILABLE',
    `reading the log in ${folder} failed`,
    { cause },
  );
}

function openError(folder: string, cause: unknown): ShrikeError {
  const text = String(cause);
  if (isDiskFull(cause)) {
    return new ShrikeError('DISK_FULL', `no space to open the log in ${folder}`, { cause });
  }
  if (/lock hold by|LOCK: (Resource temporarily|No locks)/i.test(text)) {
    return new ShrikeError('DATA_DIR_LOCKED', `the log in ${folder} is open already`, { cause });
  }
  if (/EACCES|EPERM|EROFS|EEXIST|ENOTDIR|Permission denied|Read-only|Not a directory/.test(text)) {
    return new ShrikeError('DATA_DIR_UNWRITABLE', `the log cannot write to ${folder}`, { cause });
  }
  if (/Corruption|No such file|Invalid argument/.test(text)) {
    return new ShrikeError('LOG_CORRUPT', `the log in ${folder} is damaged`, { cause });
  }
  return new ShrikeError('LOG_UNAVAILABLE', `the log in ${folder} does not open`, { cause });
}
