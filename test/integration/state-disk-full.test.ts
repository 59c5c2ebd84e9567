/**
 * A disk of 4 MiB that really fills up; mounting it takes root, as in the container of the tests.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { Stepper } from '../../src/core/flow.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { createActorTable } from '../../state/actor-table.ts';
import { digestOf } from '../../state/digest.ts';
import { type RocksDbStore, RocksDbStores } from '../../state/rocksdb-store.ts';
import { uniform, Writer } from '../conformance/actor-store.ts';
import { tallyFlow } from '../support/tally-flow.ts';

let dir: string;
const open = (): Promise<RocksDbStore> =>
  new RocksDbStores({
    dir,
    clock: systemClock,
    cacheBytes: 1 << 20,
    writeBufferBytes: 1 << 20,
  }).open(7);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrike-small-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', dir]);
});

afterEach(() => {
  execFileSync('umount', [dir]);
  rmdirSync(dir);
});

test('DISK_FULL leaves a store readable, and it goes on when there is space again', async () => {
  const store = await open();
  const writer = new Writer(store);
  await writer.write(10, uniform(100, 1000));
  const ballast = join(dir, 'ballast');
  writeFileSync(ballast, Buffer.alloc(2 << 20));
  let nextOffset = 20;
  const fill = async () => {
    for (; nextOffset < 1000; nextOffset += 10) {
      await writer.write(nextOffset, uniform(300, 1000));
    }
  };
  await expect(fill()).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect(store.meta?.nextOffset).toBe(nextOffset - 10);
  const again = writer.write(nextOffset, uniform(300, 1000));
  await expect(again).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect((await store.getMany([99]))[0]?.byteLength).toBe(1000);
  rmSync(ballast);
  await writer.write(nextOffset, uniform(300, 500));
  expect((await store.getMany([299]))[0]?.byteLength).toBe(500);
  await store.close();
  const later = await open();
  expect(later.meta?.nextOffset).toBe(nextOffset);
  expect((await later.getMany([299]))[0]?.byteLength).toBe(500);
  await later.close();
});

test('a table over a full disk keeps its actors, and stores them when there is space', async () => {
  const store = await open();
  const stepper = new Stepper(tallyFlow);
  const table = createActorTable({
    store,
    codec: new ActorCodec(tallyFlow),
    clock: systemClock,
    cacheBytesMax: 1,
    createActor: () => stepper.createActor(),
  });
  const rows = new Float32Array(stepper.width);
  let offset = 0;
  const pay = async () => {
    const keys = Array.from({ length: 500 }, (_, user) => user);
    await table.prefetch(keys);
    for (const user of keys) {
      const cards = Array.from({ length: 20 }, (_, card) => card);
      for (const card of cards) {
        stepper.step(table.change(user), { user, card, minute: offset++, amount: 0.1 }, rows, 0);
      }
    }
    table.evict();
  };
  await pay();
  await table.store(await table.snapshot(offset));
  const storedOffset = offset;
  const ballast = join(dir, 'ballast');
  writeFileSync(ballast, Buffer.alloc((3 << 20) - (100 << 10)));
  const keepStoring = async () => {
    for (let i = 0; i < 50; i++) {
      await pay();
      await table.store(await table.snapshot(offset));
    }
  };
  await expect(keepStoring()).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect(table.storedOffset).toBeGreaterThanOrEqual(storedOffset);
  expect(table.storedOffset).toBeLessThan(offset);
  rmSync(ballast);
  await pay();
  const snapshot = await table.snapshot(offset);
  await table.store(snapshot);
  expect(table.storedOffset).toBe(offset);
  expect(snapshot.changedCount).toBe(500);
  const { digest, actorCount } = await digestOf(store.scan(1 << 20));
  expect(digest).toBe(store.meta?.digest);
  expect(actorCount).toBe(500);
  const last = await table.peek(499);
  expect(last?.root).toEqual({ last: offset - 1, states: [{ n: offset / 500 }] });
  await store.close();
});
