/** The embedded log's rooms, one by one, on a real store: compaction, taking back, membership. */
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { MembershipListener } from '../../src/core/log.ts';
import { PackedRecords, packRecords } from '../../src/core/records.ts';
import { readChunks } from '../../src/log/embedded/chunks.ts';
import { compactPartition } from '../../src/log/embedded/compaction.ts';
import { Memberships } from '../../src/log/embedded/memberships.ts';
import { StagedWrite } from '../../src/log/embedded/staged-write.ts';
import { Store } from '../../src/log/embedded/store.ts';
import { TailCache } from '../../src/log/embedded/tail-cache.ts';
import { TopicTable } from '../../src/log/embedded/topic-table.ts';
import { WriteQueue } from '../../src/log/embedded/write-queue.ts';
import { packed } from '../support/log-records.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

async function compactedTopic() {
  const store = await Store.open(await scratchFolder());
  const cache = new TailCache(1 << 20);
  const table = new TopicTable(() => cache.newTail());
  const policy = { sync: 'interval', syncIntervalMs: 1000, clock: systemClock } as const;
  const queue = new WriteQueue(store, policy, async () => undefined);
  const spec = { topic: 'cards', partitions: 1, cleanup: 'compact', retentionMs: 0 } as const;
  table.plan([spec]).show();
  const partition = table.partition({ topic: 'cards', partition: 0 });
  const append = (records: Uint8Array) =>
    queue.submit(new StagedWrite({ table, cache }, [{ topic: 'cards', partition: 0, records }]));
  const parts = { store, queue, cache, stopped: () => false };
  const close = async () => {
    await queue.close();
    await store.close();
  };
  const chunks = () =>
    readChunks(store, partition, { from: 0, to: partition.end, bytesMax: 1 << 30 });
  return { parts, table, partition, append, chunks, close };
}

test('passes whose map holds two keys compact as one whose map holds all', async () => {
  const { parts, partition, append, chunks, close } = await compactedTopic();
  for (let i = 0; i < 30; i++) await append(packed(`a=${i}`, `k${i % 7}=${i}`));
  await append(packRecords([{ key: 'a', value: undefined, timestampMs: 1 }]));
  await compactPartition(parts, partition, 2);
  await compactPartition(parts, partition, 2);
  const kept = (await chunks()).flatMap(({ bytes, baseOffset }) => {
    const records = PackedRecords.of(bytes);
    return Array.from({ length: records.count }, (_, i) => {
      return `${records.offset(baseOffset, i)} ${records.key(i)}`;
    });
  });
  expect(kept).toEqual(['47 k2', '49 k3', '51 k4', '53 k5', '55 k6', '57 k0', '59 k1']);
  expect(partition.meta).toEqual({ earliest: 0, compactedTo: 61, liveCount: 7 });
  await close();
});

test('E2: what a commit wrote can be taken back to the byte', async () => {
  const { parts, table, partition, append, close } = await compactedTopic();
  const { store, cache } = parts;
  await append(packed('a=1'));
  const dump = async () => {
    const entries: string[] = [];
    await store.scan({ gte: Buffer.from([0]), lt: Buffer.from([0xff]) }, (key, value) => {
      entries.push(`${key.toString('hex')} ${value.toString('hex')}`);
      return true;
    });
    return entries;
  };
  const at = { topic: 'cards', partition: 0 };
  const commit = (group: string, nextOffset: number) =>
    new StagedWrite({ table, cache }, [{ ...at, records: packed('b=1') }], {
      group,
      offsets: [{ ...at, nextOffset }],
      requireOwner: () => undefined,
    });
  await parts.queue.submit(commit('known', 1));
  const before = await dump();
  const end = partition.end;
  for (const [group, count] of [
    ['known', 1],
    ['new', 2],
  ] as const) {
    const failed = commit(group, 7);
    await store.write(failed.stage(), { sync: false, undo: () => [] });
    expect(await dump()).toHaveLength(before.length + count);
    await store.write(failed.undo(), { sync: false, undo: () => [] });
    expect(await dump()).toEqual(before);
    expect([partition.end, partition.stagedEnd]).toEqual([end, end]);
  }
  await close();
});

test('small chunks are merged, and a large one that keeps all its records stays', async () => {
  const { parts, partition, append, chunks, close } = await compactedTopic();
  for (let i = 0; i < 10; i++) await append(packed(`small${i}=1`));
  const large = packed(`large=${'x'.repeat(300_000)}`);
  await append(large);
  for (let i = 0; i < 10; i++) await append(packed(`later${i}=1`));
  await compactPartition(parts, partition);
  const found = await chunks();
  expect(found.map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset])).toEqual([
    [0, 10],
    [10, 11],
    [11, 21],
  ]);
  expect(Buffer.from(found[1]?.bytes ?? []).equals(large)).toBe(true);
  await close();
});

test('of three members that join the last is assigned, once the first has let go', async () => {
  const memberships = new Memberships();
  const seen: string[] = [];
  let letGo: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const listener = (name: string): MembershipListener => ({
    assigned: () => seen.push(`${name} assigned`),
    revoked: async () => {
      seen.push(`${name} asked`);
      await asked;
      seen.push(`${name} gone`);
    },
  });
  const join = (name: string) => {
    const joining = { group: 'g', topic: 't', partitions: [], listener: listener(name) };
    return memberships.join(joining, async () => undefined);
  };
  await join('first');
  const [second, third] = [join('second'), join('third')];
  letGo();
  await expect(second).resolves.toHaveProperty('owner', 'g/t#2');
  await expect(third).resolves.toHaveProperty('owner', 'g/t#3');
  expect(seen).toEqual(['first assigned', 'first asked', 'first gone', 'third assigned']);
  expect(() => memberships.requireOwner('g', 't', 'g/t#2')).toThrow('g/t#3 owns it');
});

test('a member that fails to let go fails the join, and the next one starts afresh', async () => {
  const memberships = new Memberships();
  const failing: MembershipListener = {
    assigned: () => undefined,
    revoked: async () => {
      throw new Error('stuck');
    },
  };
  const join = () =>
    memberships.join(
      { group: 'g', topic: 't', partitions: [], listener: failing },
      async () => undefined,
    );
  await join();
  await expect(join()).rejects.toThrow('stuck');
  await expect(join()).resolves.toHaveProperty('owner', 'g/t#3');
});
