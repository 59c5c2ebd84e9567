/**
 * The slice of rocksdb 5.2.1 (N-API binding of RocksDB) that Shrike uses; the package ships no
 * types.
 */
declare module 'rocksdb' {
  type Done = (error?: Error | null) => void;

  interface OpenOptions {
    createIfMissing?: boolean;
    errorIfExists?: boolean;
    compression?: boolean;
    /** Bytes of the block cache. */
    cacheSize?: number;
    /** Bytes of one memtable. */
    writeBufferSize?: number;
    blockSize?: number;
    maxOpenFiles?: number;
    maxFileSize?: number;
    readOnly?: boolean;
    infoLogLevel?: 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'header' | null;
  }

  interface IteratorOptions {
    gt?: Buffer;
    gte?: Buffer;
    lt?: Buffer;
    lte?: Buffer;
    reverse?: boolean;
    limit?: number;
    keys?: boolean;
    values?: boolean;
    keyAsBuffer?: boolean;
    valueAsBuffer?: boolean;
    fillCache?: boolean;
    /** Bytes that one trip to the thread pool fetches; 16 KiB when it is not given. */
    highWaterMark?: number;
  }

  interface RocksIterator {
    seek(target: Buffer): void;
    next(callback: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void;
    end(callback: Done): void;
  }

  interface ChainedBatch {
    put(key: Buffer, value: Buffer): this;
    del(key: Buffer): this;
    clear(): this;
    write(options: { sync?: boolean }, callback: Done): void;
  }

  type Operation = { type: 'put'; key: Buffer; value: Buffer } | { type: 'del'; key: Buffer };

  interface RocksDb {
    open(options: OpenOptions, callback: Done): void;
    close(callback: Done): void;
    get(
      key: Buffer,
      options: { fillCache?: boolean },
      callback: (error: Error | null | undefined, value?: Buffer) => void,
    ): void;
    getMany(
      keys: Buffer[],
      options: { fillCache?: boolean },
      callback: (error: Error | null | undefined, values?: (Buffer | undefined)[]) => void,
    ): void;
    put(key: Buffer, value: Buffer, options: { sync?: boolean }, callback: Done): void;
    batch(operations: Operation[], options: { sync?: boolean }, callback: Done): void;
    batch(): ChainedBatch;
    clear(options: { gte?: Buffer; gt?: Buffer; lt?: Buffer; lte?: Buffer }, callback: Done): void;
    iterator(options: IteratorOptions): RocksIterator;
    compactRange(start: Buffer, end: Buffer, callback: Done): void;
    getProperty(name: string): string;
  }

  interface Rocks {
    (location: string): RocksDb;
    destroy(location: string, callback: Done): void;
    repair(location: string, callback: Done): void;
  }

  const rocksdb: Rocks;
  export default rocksdb;
}
