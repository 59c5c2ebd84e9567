import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { type MemoryDisk, MemoryStores } from '../../state/memory-store.ts';
import { RocksDbStores } from '../../state/rocksdb-store.ts';
import { actorStoreSuite, uniform, Writer } from './actor-store.ts';

const root = mkdtempSync(join(tmpdir(), 'shrike-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newFolder = () => mkdtempSync(join(root, 'd-'));

/** Retries for a lock are many and quick. */
const hasty: Clock = { ...systemClock, sleep: () => systemClock.yield() };
const rocksIn = (dir: string) =>
  new RocksDbStores({ dir, clock: hasty, cacheBytes: 1 << 20, writeBufferBytes: 1 << 20 });

/** A folder whose actors are in an SST file: what is in the log is flushed by the next open. */
async function filledFolder(): Promise<string> {
  const dir = newFolder();
  const stores = rocksIn(dir);
  const store = await stores.open(7);
  await new Writer(store).write(10, uniform(200, 1000));
  await store.close();
  await (await stores.open(7)).close();
  return dir;
}

function filesOf(dir: string, pattern: RegExp): string[] {
  const folder = join(dir, 'p-0007');
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}

/** Overwrites the bytes [from, to) of each file, as shares of its length. */
function damage(files: readonly string[], from: number, to: number): void {
  for (const file of files) {
    const bytes = readFileSync(file);
    writeFileSync(
      file,
      bytes.fill(0xa5, Math.floor(from * bytes.length), Math.floor(to * bytes.length)),
    );
  }
}

describe('memory', () => {
  actorStoreSuite(async () => {
    const durable = new Map<number, MemoryDisk>();
    return { stores: new MemoryStores(durable), reborn: async () => new MemoryStores(durable) };
  });

  test('a power cut takes the last writes whole, and nothing before them', async () => {
    const durable = new Map<number, MemoryDisk>();
    const store = await new MemoryStores(durable).open(7);
    const writer = new Writer(store);
    await writer.write(10, uniform(2, 10));
    await writer.write(20, uniform(3, 20));
    durable.get(7)?.loseWrites(1);
    const later = await new MemoryStores(durable).open(7);
    expect(later.meta?.nextOffset).toBe(10);
    expect((await later.getMany([1, 2])).map((bytes) => bytes?.byteLength)).toEqual([
      10,
      undefined,
    ]);
  });

  test('a process that has crashed writes nothing more', async () => {
    const durable = new Map<number, MemoryDisk>();
    const stores = new MemoryStores(durable, { pause: () => systemClock.yield() });
    const store = await stores.open(7);
    const writing = new Writer(store).write(10, uniform(2, 10));
    await stores.crash();
    await expect(writing).rejects.toThrow('the store is open');
    expect((await new MemoryStores(durable).open(7)).meta).toBeUndefined();
  });

  test('a write that fails or tears has no effect', async () => {
    const faults = ['disk-full', 'torn'] as const;
    let writes = 0;
    const stores = new MemoryStores(new Map(), { faultOf: () => faults[writes++] });
    const store = await stores.open(7);
    const writer = new Writer(store);
    for (const _ of faults) {
      await expect(writer.write(10, uniform(2, 10))).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect(store.meta).toBeUndefined();
      expect(await store.getMany([0])).toEqual([undefined]);
    }
    await writer.write(10, uniform(2, 10));
    expect(store.meta?.nextOffset).toBe(10);
  });
});

describe('rocksdb', () => {
  actorStoreSuite(async () => {
    const dir = newFolder();
    return {
      stores: rocksIn(dir),
      // The files as they are when a process is killed: what it has written, nothing that closing
      // adds.
      reborn: async () => {
        const copy = newFolder();
        cpSync(dir, copy, { recursive: true });
        return rocksIn(copy);
      },
    };
  });

  test('STATE_CORRUPT names the folder when a file has been overwritten', async () => {
    const damages: [RegExp, number, number][] = [
      [/\.sst$/, 0.2, 0.6],
      [/\.sst$/, 0, 1],
      [/^CURRENT$/, 0, 1],
      [/^MANIFEST/, 0, 1],
    ];
    for (const [pattern, from, to] of damages) {
      const dir = await filledFolder();
      const files = filesOf(dir, pattern);
      expect(files.length).toBeGreaterThan(0);
      damage(files, from, to);
      const reading = async () => {
        const store = await rocksIn(dir).open(7);
        try {
          await store.getMany(Array.from({ length: 200 }, (_, k) => k));
        } finally {
          await store.close();
        }
      };
      await expect(reading(), String(pattern)).rejects.toMatchObject({
        code: 'STATE_CORRUPT',
        message: expect.stringContaining(join(dir, 'p-0007')) as string,
      });
    }
  });

  test('STATE_CORRUPT ends a scan of a damaged file; the store can be destroyed', async () => {
    const dir = await filledFolder();
    for (const file of filesOf(dir, /\.sst$/)) {
      // One byte of a value: an iterator does not look at RocksDB's checksums.
      const bytes = readFileSync(file);
      bytes[bytes.indexOf('77,77,77,77,')] = 0x58;
      writeFileSync(file, bytes);
    }
    const stores = rocksIn(dir);
    const store = await stores.open(7);
    const scanning = async () => {
      for await (const block of store.scan(1000)) expect(block.byteLength).toBeGreaterThan(0);
    };
    await expect(scanning()).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await store.close();
    await stores.destroy(7);
    const fresh = await stores.open(7);
    expect(fresh.meta).toBeUndefined();
    await fresh.close();
  });

  test('STATE_CORRUPT when a data file is missing', async () => {
    const dir = await filledFolder();
    for (const file of filesOf(dir, /\.sst$/)) rmSync(file);
    await expect(rocksIn(dir).open(7)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });

  test('S1: a log torn at its end gives the state of an earlier write, whole', async () => {
    const dir = newFolder();
    const store = await rocksIn(dir).open(7);
    const writer = new Writer(store);
    await writer.write(10, uniform(50, 100));
    await writer.write(20, uniform(60, 200));
    const torn = newFolder();
    cpSync(dir, torn, { recursive: true });
    await store.close();
    damage(filesOf(torn, /\.log$/), 0.6, 1);
    const later = await rocksIn(torn).open(7);
    expect(later.meta?.nextOffset).toBe(10);
    const values = await later.getMany([49, 50]);
    expect(values.map((bytes) => bytes?.byteLength)).toEqual([100, undefined]);
    await later.close();
  });

  test('DATA_DIR_UNWRITABLE when the folder cannot be made', async () => {
    const dir = join(newFolder(), 'file');
    writeFileSync(dir, '');
    await expect(rocksIn(dir).open(7)).rejects.toMatchObject({ code: 'DATA_DIR_UNWRITABLE' });
  });

  test('closing waits for the write that is under way', async () => {
    const dir = newFolder();
    const store = await rocksIn(dir).open(7);
    const writing = new Writer(store).write(10, uniform(2000, 100));
    await systemClock.yield();
    await store.close();
    await writing;
    expect(store.rocksBytes()).toEqual({ disk: 0, memory: 0 });
    const later = await rocksIn(dir).open(7);
    expect(later.meta?.nextOffset).toBe(10);
    await later.close();
  });

  test('a store says how much it takes on disk and in memory', async () => {
    const dir = await filledFolder();
    const store = await rocksIn(dir).open(7);
    const { disk, memory } = store.rocksBytes();
    expect(disk).toBeGreaterThan(150_000);
    expect(memory).toBeGreaterThan(0);
    await store.close();
  });

  test('opening waits for a thread that is about to close the store', async () => {
    const dir = newFolder();
    const first = await rocksIn(dir).open(7);
    let sleeps = 0;
    const clock: Clock = {
      ...systemClock,
      sleep: async () => {
        if (++sleeps === 3) await first.close();
      },
    };
    const stores = new RocksDbStores({
      dir,
      clock,
      cacheBytes: 1 << 20,
      writeBufferBytes: 1 << 20,
    });
    const second = await stores.open(7);
    expect(sleeps).toBe(3);
    await second.close();
  });
});
