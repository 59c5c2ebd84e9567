import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { Stepper } from '../../src/core/flow.ts';
import { unpackActors } from '../../src/core/packed-actors.ts';
import type { ActorStore, Snapshot } from '../../src/core/state.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { type CachedActorTable, createActorTable } from '../../state/actor-table.ts';
import { type MemoryDisk, MemoryStores, type WriteFault } from '../../state/memory-store.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { tallyAmounts, tallyCount, tallyFlow, tallyFlowOf } from '../support/tally-flow.ts';

interface Bench {
  readonly table: CachedActorTable;
  readonly store: ActorStore;
  readonly reads: number[][];
  pay(user: number): void;
}

interface BenchOptions {
  readonly clock?: Clock;
  readonly disks?: Map<number, MemoryDisk>;
  readonly faultOf?: () => WriteFault | undefined;
  readonly flow?: typeof tallyFlow;
}

async function bench(options: BenchOptions = {}): Promise<Bench> {
  const { clock = systemClock, disks = new Map(), faultOf, flow = tallyFlow } = options;
  const stores = new MemoryStores(disks, { ...(faultOf && { faultOf }) });
  const store = await stores.open(0);
  const reads: number[][] = [];
  const getMany = store.getMany.bind(store);
  store.getMany = (keys) => {
    reads.push([...keys]);
    return getMany(keys);
  };
  const stepper = new Stepper(flow);
  const rows = new Float32Array(stepper.width);
  const table = createActorTable({
    store,
    codec: new ActorCodec(flow),
    clock,
    cacheBytesMax: 1 << 30,
    createActor: () => stepper.createActor(),
    sliceActors: 2,
  });
  const pay = (user: number) =>
    stepper.step(table.change(user), { user, card: 0, minute: 1, amount: 1 }, rows, 0);
  return { table, store, reads, pay };
}

/** How many payments each user of a snapshot had. */
function counts({ changed }: Snapshot): Record<number, unknown> {
  const codec = new ActorCodec(tallyFlow);
  const schemas = codec.schemasWith({});
  const pairs = [...unpackActors(changed)].map(([key, bytes]) => {
    const [state] = codec.decode(key, bytes, schemas).root.states;
    return [key, (state as { n: number }).n] as const;
  });
  return Object.fromEntries(pairs);
}

/** User 9 is in the store, and not in memory: what is absent from memory is looked for. */
async function benchWithStored(): Promise<Bench> {
  const disks = new Map<number, MemoryDisk>();
  const before = await bench({ disks });
  await before.table.prefetch([9]);
  before.pay(9);
  await cycle(before, 1);
  return bench({ disks });
}

const cycle = async ({ table }: Bench, offset: number) => table.store(await table.snapshot(offset));

test('prefetch reads each missing key once, and is undefined when all are in memory', async () => {
  const { table, reads, pay } = await benchWithStored();
  await table.prefetch([3, 1, 3]);
  expect(reads).toEqual([[3, 1]]);
  expect(table.prefetch([1, 3, 1])).toBeUndefined();
  pay(3);
  expect(table.stats).toMatchObject({ hits: 4, misses: 2, cachedActors: 2 });
});

test('T3: prefetches that overlap read a key once', async () => {
  const { table, reads } = await benchWithStored();
  await Promise.all([table.prefetch([1, 2]), table.prefetch([2, 3]), table.prefetch([1])]);
  expect(reads).toEqual([[1, 2], [3]]);
  expect(table.prefetch([1, 2, 3])).toBeUndefined();
});

test('a prefetch that fails can be tried again', async () => {
  const { table, store, pay } = await benchWithStored();
  const { getMany } = store;
  store.getMany = async () => {
    throw new Error('the disk is gone');
  };
  await expect(table.prefetch([1])).rejects.toThrow('the disk is gone');
  store.getMany = getMany;
  await table.prefetch([1]);
  pay(1);
  expect(counts(await table.snapshot(2))).toEqual({ 1: 1 });
});

test('a new key is looked for only while an actor of the store is not in memory', async () => {
  const one = await benchWithStored();
  await one.table.prefetch([1]);
  await one.table.prefetch([9]);
  expect(one.reads).toEqual([[1], [9]]);
  await one.table.prefetch([2]);
  for (const user of [1, 2]) one.pay(user);
  await cycle(one, 3);
  await one.table.prefetch([3]);
  expect(one.reads.length).toBe(2);

  one.table.cacheBytesMax = 0;
  for (let i = 0; i < 4; i++) one.table.evict();
  expect(one.table.stats.cachedActors).toBe(0);
  await one.table.prefetch([1, 4]);
  expect(one.reads.slice(2)).toEqual([[1, 4]]);
  one.pay(1);
  expect(counts(await one.table.snapshot(4))).toEqual({ 1: 2 });
});

test('changing an actor that was not prefetched is a mistake, never a second actor', async () => {
  const { pay } = await bench();
  expect(() => pay(5)).toThrow('actor 5 was prefetched');
});

test('an actor that was looked for and not changed is not written', async () => {
  const { table, pay } = await bench();
  await table.prefetch([1, 2]);
  pay(1);
  expect(await table.peek(2)).toBeUndefined();
  const snapshot = await table.snapshot(1);
  expect(counts(snapshot)).toEqual({ 1: 1 });
  expect(snapshot.meta.actorCount).toBe(1);
});

test('peek shows changes that are not committed, and what is stored', async () => {
  const one = await bench();
  await one.table.prefetch([1]);
  one.pay(1);
  expect((await one.table.peek(1))?.root.states).toEqual([{ n: 1 }]);
  await cycle(one, 1);
  one.table.cacheBytesMax = 0;
  for (let i = 0; i < 3; i++) one.table.evict();
  expect(one.table.stats.cachedActors).toBe(0);
  expect((await one.table.peek(1))?.root.states).toEqual([{ n: 1 }]);
  expect(await one.table.peek(2)).toBeUndefined();
});

test('S2, T1: a snapshot shows the steps before it, though others go on', async () => {
  const clock = new SteppedClock();
  const { table, pay } = await bench({ clock });
  const users = [5, 4, 3, 2, 1, 0];
  await clock.settle(table.prefetch(users) as Promise<void>);
  for (const user of users) pay(user);
  const taking = table.snapshot(6);
  pay(5);
  pay(0);
  await clock.turn();
  for (const user of users) pay(user);
  const snapshot = await clock.settle(taking);
  expect(counts(snapshot)).toEqual({ 0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1 });
  await table.store(snapshot);
  const next = await clock.settle(table.snapshot(14));
  expect(counts(next)).toEqual({ 0: 3, 1: 2, 2: 2, 3: 2, 4: 2, 5: 3 });
  expect([next.fromOffset, next.meta.nextOffset]).toEqual([6, 14]);
});

test('T5: a snapshot waits until the one before it is stored', async () => {
  const { table } = await bench();
  const snapshot = await table.snapshot(1);
  expect(() => table.snapshot(2)).toThrow('T5');
  await table.store(snapshot);
  await expect(table.store(snapshot)).rejects.toThrow('T5');
});

test('a snapshot that could not be stored is part of the next one', async () => {
  let fault: WriteFault | undefined = 'disk-full';
  const all = await bench({ faultOf: () => fault });
  const { table, pay } = all;
  await table.prefetch([1, 2]);
  pay(1);
  await expect(cycle(all, 1)).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect(table.storedOffset).toBe(0);
  table.cacheBytesMax = 0;
  for (let i = 0; i < 5; i++) table.evict();
  await table.prefetch([2]);
  pay(2);
  fault = undefined;
  const snapshot = await table.snapshot(2);
  expect(counts(snapshot)).toEqual({ 1: 1, 2: 1 });
  expect([snapshot.fromOffset, snapshot.meta.actorCount]).toEqual([0, 2]);
  await table.store(snapshot);
  expect(table.storedOffset).toBe(2);
  expect(table.dirtyBytes).toBe(0);
});

test('S4, T2: a changed actor stays in memory until it is stored, then it may go', async () => {
  const all = await bench();
  const { table, pay } = all;
  await table.prefetch([1, 2]);
  pay(1);
  table.cacheBytesMax = 0;
  for (let i = 0; i < 5; i++) table.evict();
  expect(table.stats).toMatchObject({ cachedActors: 1, evicted: 1 });
  expect(table.dirtyBytes).toBeGreaterThan(0);
  await cycle(all, 1);
  for (let i = 0; i < 5; i++) table.evict();
  expect(table.stats).toMatchObject({ cachedActors: 0, cachedBytes: 0, evicted: 2 });
  await table.prefetch([1]);
  pay(1);
  expect(counts(await table.snapshot(2))).toEqual({ 1: 2 });
});

test('what is prefetched survives the next call of evict, whatever the budget', async () => {
  const { table, pay } = await bench();
  table.cacheBytesMax = 0;
  await table.prefetch([1, 2]);
  table.evict();
  pay(1);
  pay(2);
  expect(table.stats.cachedActors).toBe(2);
});

test('actors in use stay, those that were not used for longest go', async () => {
  const all = await bench();
  const { table, pay } = all;
  await table.prefetch([1, 2, 3, 4]);
  for (const user of [1, 2, 3, 4]) pay(user);
  await cycle(all, 4);
  table.evict();
  table.cacheBytesMax = table.stats.cachedBytes - 1;
  table.evict();
  await table.prefetch([1]);
  table.evict();
  expect(table.stats).toMatchObject({ cachedActors: 3, evicted: 1 });
  expect(table.prefetch([1])).toBeUndefined();
});

test('T6: what comes into memory is packed after its step, and stays as it is used again', async () => {
  const { table, pay } = await bench();
  await table.prefetch([1, 2]);
  pay(1);
  pay(2);
  const asObjects = table.dirtyBytes;
  table.evict();
  const packed = table.dirtyBytes;
  expect(packed).toBeLessThan(asObjects / 2);
  expect(table.stats.cachedBytes).toBe(packed);
  pay(1);
  const mixed = table.dirtyBytes;
  expect(mixed).toBeGreaterThan(packed);
  table.evict();
  expect(table.dirtyBytes).toBe(mixed);
  expect((await table.peek(1))?.root.states).toEqual([{ n: 2 }]);
  expect((await table.peek(2))?.root.states).toEqual([{ n: 1 }]);
  expect(counts(await table.snapshot(3))).toEqual({ 1: 2, 2: 1 });
});

test('T6: of many, an actor is an object while it is used again and again, else packed', async () => {
  const { table, pay } = await bench();
  await table.prefetch(Array.from({ length: 1100 }, (_, user) => user));
  const bytesAfter = (batches: number) => {
    for (let i = 0; i < batches; i++) table.evict();
    return table.stats.cachedBytes;
  };
  pay(7);
  const packed = bytesAfter(6);
  pay(7);
  expect(bytesAfter(1)).toBe(packed);
  pay(7);
  expect(bytesAfter(4)).toBeGreaterThan(packed + 1000);
  expect(bytesAfter(1)).toBe(packed);
  expect((await table.peek(7))?.root.states).toEqual([{ n: 3 }]);
});

test('S4: over its budget changed actors are packed, and none leaves', async () => {
  const { table, pay, reads } = await bench();
  await table.prefetch([1, 2]);
  for (const user of [1, 2]) pay(user);
  table.evict();
  for (const user of [1, 2]) pay(user);
  const asObjects = table.stats.cachedBytes;
  table.cacheBytesMax = 0;
  for (let i = 0; i < 3; i++) table.evict();
  expect(table.stats).toMatchObject({ cachedActors: 2, evicted: 0 });
  expect(table.stats.cachedBytes).toBeLessThan(asObjects / 2);
  expect(table.dirtyBytes).toBe(table.stats.cachedBytes);
  expect(counts(await table.snapshot(4))).toEqual({ 1: 2, 2: 2 });
  expect(reads).toEqual([]);
});

test('T1: a packed actor that changes before its turn is in the image as it was', async () => {
  const clock = new SteppedClock();
  const { table, pay } = await bench({ clock });
  await clock.settle(table.prefetch([1, 2, 3]) ?? Promise.resolve());
  for (const user of [1, 2, 3]) pay(user);
  table.evict();
  const taking = table.snapshot(3);
  pay(3);
  table.evict();
  const first = await clock.settle(taking);
  expect(counts(first)).toEqual({ 1: 1, 2: 1, 3: 1 });
  await table.store(first);
  expect(counts(await table.snapshot(4))).toEqual({ 3: 2 });
});

test('old state is migrated when it is read, and written anew only when it changes', async () => {
  const disks = new Map<number, MemoryDisk>();
  const before = await bench({ disks });
  await before.table.prefetch([1, 2]);
  before.pay(1);
  before.pay(2);
  await cycle(before, 2);
  const v2 = {
    ...tallyCount,
    version: 2,
    migrations: { 1: (n: unknown) => (n as number) + 1000 },
  };
  const after = await bench({ disks, flow: tallyFlowOf(v2, tallyAmounts) });
  await after.table.prefetch([1, 2]);
  expect(after.table.dirtyBytes).toBe(0);
  after.pay(1);
  const snapshot = await after.table.snapshot(3);
  expect(snapshot.changedCount).toBe(1);
  expect(Object.keys(snapshot.meta.schemas)).toHaveLength(2);
  await after.table.store(snapshot);
  const later = await bench({ disks, flow: tallyFlowOf(v2, tallyAmounts) });
  expect((await later.table.peek(1))?.root.states).toEqual([{ n: 1002 }]);
  expect((await later.table.peek(2))?.root.states).toEqual([{ n: 1001 }]);
  await expect(bench({ disks })).rejects.toMatchObject({ code: 'STATE_SCHEMA_UNKNOWN' });
});
