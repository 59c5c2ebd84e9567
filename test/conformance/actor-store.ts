/** What every local store must do; run over RocksDB and memory alike. */
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { packActors, unpackActors } from '../../src/core/packed-actors.ts';
import type { ActorStore, ActorStores, PackedActors, StoreMeta } from '../../src/core/state.ts';
import { digestOf } from '../../state/digest.ts';

/** Writes, with the meta that goes with what the store then holds. */
export class Writer {
  readonly #store: ActorStore;
  readonly #actors = new Map<number, Uint8Array>();

  constructor(store: ActorStore) {
    this.#store = store;
  }

  async write(nextOffset: number, actors: PackedActors): Promise<StoreMeta> {
    const after = new Map([...this.#actors, ...unpackActors(actors)]);
    const all = packActors([...after].sort((a, b) => a[0] - b[0]));
    const meta: StoreMeta = {
      formatVersion: 1,
      nextOffset,
      ...(await digestOf([all])),
      schemas: { '0badcafe': [{ name: 'count', key: 'user', version: 1 }] },
    };
    await this.#store.write(actors, meta);
    for (const [key, bytes] of after) this.#actors.set(key, bytes);
    return meta;
  }
}

/** Actors 0 to count - 1, of so many bytes each. */
export const uniform = (count: number, bytes: number): PackedActors =>
  packActors(Array.from({ length: count }, (_, k) => [k, Buffer.alloc(bytes, `${k},`)]));

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const packed = (...entries: [number, string][]) =>
  packActors(entries.map(([key, value]) => [key, Buffer.from(value)]));

async function listed(
  blocks: AsyncIterable<PackedActors>,
): Promise<[number, string | undefined][][]> {
  const all: [number, string | undefined][][] = [];
  for await (const block of blocks) {
    all.push([...unpackActors(block)].map(([key, bytes]) => [key, text(bytes)]));
  }
  return all;
}

export interface StoreUnderTest {
  readonly stores: ActorStores;
  /** The process dies without closing, and another one comes up. */
  readonly reborn: () => Promise<ActorStores>;
}

/** @param make a fresh set of stores, on a medium of its own */
export function actorStoreSuite(make: () => Promise<StoreUnderTest>): void {
  interface Use {
    readonly store: ActorStore;
    readonly writer: Writer;
    readonly stores: ActorStores;
  }
  const withStore = async (use: (all: Use) => Promise<void>) => {
    const { stores } = await make();
    const store = await stores.open(7);
    try {
      await use({ store, writer: new Writer(store), stores });
    } finally {
      await store.close();
    }
  };

  test('a new store has no meta and no actors', () =>
    withStore(async ({ store }) => {
      expect(store.meta).toBeUndefined();
      expect(await store.getMany([1, 2])).toEqual([undefined, undefined]);
      expect(await listed(store.scan(100))).toEqual([]);
    }));

  test('S1: actors and meta of a write are there together, also when reopened', async () => {
    const { stores } = await make();
    const first = await stores.open(7);
    const meta = await new Writer(first).write(10, packed([1, 'one'], [2, 'two']));
    expect(first.meta).toEqual(meta);
    await first.close();
    const second = await stores.open(7);
    expect(second.meta).toEqual(meta);
    expect((await second.getMany([2, 1])).map(text)).toEqual(['two', 'one']);
    await second.close();
  });

  test('S1: a crash of the process loses no write that was acknowledged', async () => {
    const { stores, reborn } = await make();
    const first = await stores.open(7);
    const writer = new Writer(first);
    await writer.write(10, packed([1, 'one']));
    await writer.write(20, packed([1, 'uno'], [3, 'tre']));
    const second = await (await reborn()).open(7);
    expect(second.meta?.nextOffset).toBe(20);
    expect((await second.getMany([1, 3])).map(text)).toEqual(['uno', 'tre']);
    await second.close();
  });

  test('answers come in the order of the keys, with a gap for each unknown one', () =>
    withStore(async ({ store, writer }) => {
      await writer.write(1, packed([5, 'five'], [9, 'nine']));
      const values = await store.getMany([9, 7, 5, 9]);
      expect(values.map(text)).toEqual(['nine', undefined, 'five', 'nine']);
      expect(await store.getMany([])).toEqual([]);
    }));

  test('a scan ascends by key as a number, far beyond 32 bits', () =>
    withStore(async ({ store, writer }) => {
      const keys = [0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
      await writer.write(1, packed(...keys.map((k): [number, string] => [k, `v${k}`])));
      const [block] = await listed(store.scan(1 << 20));
      expect(block).toEqual(keys.map((k) => [k, `v${k}`]));
      expect((await store.getMany([2 ** 53 - 1])).map(text)).toEqual(['v9007199254740991']);
    }));

  test('a scan comes in blocks of about the size asked for', () =>
    withStore(async ({ store, writer }) => {
      const entries = Array.from({ length: 10 }, (_, k): [number, string] => [k, 'x'.repeat(100)]);
      await writer.write(1, packed(...entries));
      const blocks = await listed(store.scan(300));
      expect(blocks.map((block) => block.map(([key]) => key))).toEqual([
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
        [9],
      ]);
    }));

  test('a scan shows the actors as of its call, whatever is written before it is read', () =>
    withStore(async ({ store, writer }) => {
      await writer.write(10, packed([1, 'one'], [2, 'two']));
      const scan = store.scan(1);
      await writer.write(20, packed([1, 'later'], [3, 'new']));
      expect(await listed(scan)).toEqual([[[1, 'one']], [[2, 'two']]]);
      expect(await listed(store.scan(1 << 20))).toEqual([
        [
          [1, 'later'],
          [2, 'two'],
          [3, 'new'],
        ],
      ]);
    }));

  test('a scan that begins while a write is under way shows all of it or nothing', () =>
    withStore(async ({ store, writer }) => {
      await writer.write(10, uniform(300, 10));
      for (let turns = 0; turns < 8; turns++) {
        const writing = writer.write(20 + turns, uniform(600 + turns, 20 + turns));
        for (let i = 0; i < turns; i++) await systemClock.yield();
        const sizes = new Set<number>();
        for await (const block of store.scan(1000)) {
          for (const [, bytes] of unpackActors(block)) sizes.add(bytes.byteLength);
        }
        expect(sizes.size).toBe(1);
        await writing;
      }
    }));

  test('a scan that is left early leaves the store usable', () =>
    withStore(async ({ store, writer }) => {
      await writer.write(10, packed([1, 'one'], [2, 'two']));
      for await (const block of store.scan(1)) {
        expect([...unpackActors(block)].length).toBe(1);
        break;
      }
      await writer.write(20, packed([2, 'zwei']));
      expect((await store.getMany([2])).map(text)).toEqual(['zwei']);
    }));

  test('a write without actors moves the offset', () =>
    withStore(async ({ store, writer }) => {
      await writer.write(33, packed());
      expect(store.meta?.nextOffset).toBe(33);
    }));

  test('what is read stays as it was read when the actor is written again', () =>
    withStore(async ({ store, writer }) => {
      await writer.write(1, packed([1, 'one']));
      const [bytes] = await store.getMany([1]);
      await writer.write(2, packed([1, 'two']));
      expect(text(bytes)).toBe('one');
    }));

  test('partitions do not see each other', () =>
    withStore(async ({ writer, stores }) => {
      const other = await stores.open(8);
      await writer.write(1, packed([1, 'one']));
      expect(await other.getMany([1])).toEqual([undefined]);
      await other.close();
    }));

  test('a destroyed store is empty when it is opened again', async () => {
    const { stores } = await make();
    const store = await stores.open(7);
    await new Writer(store).write(10, packed([1, 'one']));
    await store.close();
    await stores.destroy(7);
    const fresh = await stores.open(7);
    expect(fresh.meta).toBeUndefined();
    expect(await fresh.getMany([1])).toEqual([undefined]);
    await fresh.close();
    await stores.destroy(99);
  });

  test('S5: a scan ends in STATE_CORRUPT when the actors are not those of the digest', () =>
    withStore(async ({ store, writer }) => {
      const meta = await writer.write(10, packed([1, 'one'], [2, 'two']));
      await store.write(packed([2, 'TWO']), { ...meta, nextOffset: 20 });
      await expect(listed(store.scan(1))).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    }));

  test('a store that is open is refused to a second one', () =>
    withStore(async ({ stores }) => {
      await expect(stores.open(7)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
    }));
}
