/** What every local store must do; run over RocksDB and memory alike. */
import { expect, test } from 'vitest';
import { packActors, unpackActors } from '../../src/core/packed-actors.ts';
import type { ActorStore, ActorStores, PackedActors, StoreMeta } from '../../src/core/state.ts';

export const metaAt = (nextOffset: number, actorCount: number): StoreMeta => ({
  formatVersion: 1,
  nextOffset,
  digest: '00000001000000020000000300000004',
  actorCount,
  schemas: { '0badcafe': [{ name: 'count', key: 'user', version: 1 }] },
});

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
  const withStore = async (use: (store: ActorStore, all: StoreUnderTest) => Promise<void>) => {
    const all = await make();
    const store = await all.stores.open(7);
    try {
      await use(store, all);
    } finally {
      await store.close();
    }
  };

  test('a new store has no meta and no actors', () =>
    withStore(async (store) => {
      expect(store.meta).toBeUndefined();
      expect(await store.getMany([1, 2])).toEqual([undefined, undefined]);
      expect(await listed(store.scan(100))).toEqual([]);
    }));

  test('S1: actors and meta of a write are there together, also after closing and opening', async () => {
    const { stores } = await make();
    const first = await stores.open(7);
    await first.write(packed([1, 'one'], [2, 'two']), metaAt(10, 2));
    expect(first.meta).toEqual(metaAt(10, 2));
    await first.close();
    const second = await stores.open(7);
    expect(second.meta).toEqual(metaAt(10, 2));
    expect((await second.getMany([2, 1])).map(text)).toEqual(['two', 'one']);
    await second.close();
  });

  test('S1: a crash of the process loses no write that was acknowledged', async () => {
    const { stores, reborn } = await make();
    const first = await stores.open(7);
    await first.write(packed([1, 'one']), metaAt(10, 1));
    await first.write(packed([1, 'uno'], [3, 'tre']), metaAt(20, 2));
    const second = await (await reborn()).open(7);
    expect(second.meta?.nextOffset).toBe(20);
    expect((await second.getMany([1, 3])).map(text)).toEqual(['uno', 'tre']);
    await second.close();
  });

  test('answers come in the order of the keys, with a gap for each unknown one', () =>
    withStore(async (store) => {
      await store.write(packed([5, 'five'], [9, 'nine']), metaAt(1, 2));
      const values = await store.getMany([9, 7, 5, 9]);
      expect(values.map(text)).toEqual(['nine', undefined, 'five', 'nine']);
      expect(await store.getMany([])).toEqual([]);
    }));

  test('a scan ascends by key as a number, far beyond 32 bits', () =>
    withStore(async (store) => {
      const keys = [0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
      await store.write(packed(...keys.map((k): [number, string] => [k, `v${k}`])), metaAt(1, 8));
      const [block] = await listed(store.scan(1 << 20));
      expect(block).toEqual(keys.map((k) => [k, `v${k}`]));
      expect((await store.getMany([2 ** 53 - 1])).map(text)).toEqual(['v9007199254740991']);
    }));

  test('a scan comes in blocks of about the size asked for', () =>
    withStore(async (store) => {
      const entries = Array.from({ length: 10 }, (_, k): [number, string] => [k, 'x'.repeat(100)]);
      await store.write(packed(...entries), metaAt(1, 10));
      const blocks = await listed(store.scan(300));
      expect(blocks.map((block) => block.map(([key]) => key))).toEqual([
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
        [9],
      ]);
    }));

  test('a scan shows the actors as of its call, whatever is written before it is read', () =>
    withStore(async (store) => {
      await store.write(packed([1, 'one'], [2, 'two']), metaAt(10, 2));
      const scan = store.scan(1);
      await store.write(packed([1, 'later'], [3, 'new']), metaAt(20, 3));
      expect(await listed(scan)).toEqual([[[1, 'one']], [[2, 'two']]]);
      expect(await listed(store.scan(1 << 20))).toEqual([
        [
          [1, 'later'],
          [2, 'two'],
          [3, 'new'],
        ],
      ]);
    }));

  test('a scan that is left early leaves the store usable', () =>
    withStore(async (store) => {
      await store.write(packed([1, 'one'], [2, 'two']), metaAt(10, 2));
      for await (const block of store.scan(1)) {
        expect([...unpackActors(block)].length).toBe(1);
        break;
      }
      await store.write(packed([2, 'zwei']), metaAt(20, 2));
      expect((await store.getMany([2])).map(text)).toEqual(['zwei']);
    }));

  test('a write without actors moves the offset', () =>
    withStore(async (store) => {
      await store.write(packed(), metaAt(33, 0));
      expect(store.meta?.nextOffset).toBe(33);
    }));

  test('what is read stays as it was read when the actor is written again', () =>
    withStore(async (store) => {
      await store.write(packed([1, 'one']), metaAt(1, 1));
      const [bytes] = await store.getMany([1]);
      await store.write(packed([1, 'two']), metaAt(2, 1));
      expect(text(bytes)).toBe('one');
    }));

  test('partitions do not see each other', () =>
    withStore(async (store, { stores }) => {
      const other = await stores.open(8);
      await store.write(packed([1, 'one']), metaAt(1, 1));
      expect(await other.getMany([1])).toEqual([undefined]);
      await other.close();
    }));

  test('a destroyed store is empty when it is opened again', async () => {
    const { stores } = await make();
    const store = await stores.open(7);
    await store.write(packed([1, 'one']), metaAt(10, 1));
    await store.close();
    await stores.destroy(7);
    const fresh = await stores.open(7);
    expect(fresh.meta).toBeUndefined();
    expect(await fresh.getMany([1])).toEqual([undefined]);
    await fresh.close();
    await stores.destroy(99);
  });

  test('a store that is open is refused to a second one', () =>
    withStore(async (_store, { stores }) => {
      await expect(stores.open(7)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
    }));
}
