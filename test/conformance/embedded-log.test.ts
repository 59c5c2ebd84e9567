/** What only the embedded log promises: folders, damage, take-over, compaction that removes. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import rocksdb from 'rocksdb';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Log, MembershipListener } from '../../src/core/log.ts';
import { packRecords } from '../../src/core/records.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { packed, readAll, valuesIn } from '../support/log-records.ts';
import { DurableLog, MemoryLog } from '../support/memory-log.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { ignoreAssignments, specOf } from './log-bench.ts';

const at = { topic: 'payments', partition: 1 };

function open(folder: string, cacheBytes = 0): Promise<Log> {
  return openEmbeddedLog(folder, {
    sync: 'commit',
    syncIntervalMs: 5,
    clock: systemClock,
    cacheBytes,
  });
}

async function withThreeChunks(folder: string): Promise<void> {
  const log = await open(folder);
  await log.ensureTopics([specOf('payments')]);
  for (const value of ['1', '2', '3']) {
    await log.append([{ ...at, records: packed(`k=${value}`, `k=${value}'`) }]);
  }
  const { owner } = await log.join('group', 'payments', ignoreAssignments);
  const offsets = [{ ...at, nextOffset: 4 }];
  await log.commit({ group: 'group', owner, offsets, outputs: [] });
  await log.close();
}

/** Changes what lies in the folder. @param tag first byte of the entries' keys */
async function tamper(
  folder: string,
  tag: number,
  change: (entries: [Buffer, Buffer][]) => { type: 'put' | 'del'; key: Buffer; value: Buffer }[],
): Promise<void> {
  const db = rocksdb(folder);
  const done = (call: (callback: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
  await done((callback) => db.open({}, callback));
  const entries: [Buffer, Buffer][] = [];
  const iterator = db.iterator({ gte: Buffer.from([tag]), lt: Buffer.from([tag + 1]) });
  const next = () =>
    new Promise<[Buffer, Buffer] | undefined>((resolve) => {
      iterator.next((_, key, value) => resolve(key && value ? [key, value] : undefined));
    });
  for (let entry = await next(); entry; entry = await next()) entries.push(entry);
  await done((callback) => iterator.end(callback));
  await done((callback) => db.batch(change(entries), {}, callback));
  await done((callback) => db.close(callback));
}

const CHUNKS = 0x10;
const GROUPS = 0x03;
const FORMAT = 0x00;

test('a folder that another log has open is refused', async () => {
  const folder = await scratchFolder();
  const log = await open(folder);
  await expect(open(folder)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
  await log.close();
  await (await open(folder)).close();
});

test('a path that is no folder is refused', async () => {
  const file = join(await scratchFolder(), 'file');
  await writeFile(file, 'not a folder');
  await expect(open(file)).rejects.toMatchObject({ code: 'DATA_DIR_UNWRITABLE' });
});

test('a folder of another format is refused', async () => {
  const folder = await scratchFolder();
  await withThreeChunks(folder);
  await tamper(folder, FORMAT, (entries) =>
    entries
      .filter(([key]) => key.includes('format'))
      .map(([key]) => ({ type: 'put', key, value: Buffer.from('2') })),
  );
  await expect(open(folder)).rejects.toMatchObject({ code: 'DATA_DIR_VERSION' });
});

test('a chunk with one wrong bit is refused by name, and its neighbours can be read', async () => {
  const folder = await scratchFolder();
  await withThreeChunks(folder);
  await tamper(folder, CHUNKS, (entries) => {
    const [key, value] = entries[1] as [Buffer, Buffer];
    value[value.byteLength - 1] = (value.at(-1) as number) ^ 1;
    return [{ type: 'put', key, value }];
  });
  const log = await open(folder);
  await expect(readAll(log, at)).rejects.toMatchObject({
    code: 'LOG_CORRUPT',
    message: 'the chunk of payments-1 at offset 2 fails its checksum',
  });
  expect((await readAll(log, at, { from: 4 })).map(({ value }) => value)).toEqual(['3', "3'"]);
  await log.close();
});

test('E1: a chunk that is missing is noticed, at its offset and behind it', async () => {
  const folder = await scratchFolder();
  await withThreeChunks(folder);
  await tamper(folder, CHUNKS, (entries) => {
    const [key, value] = entries[1] as [Buffer, Buffer];
    return [{ type: 'del', key, value }];
  });
  const log = await open(folder);
  const message = 'the chunk of payments-1 at offset 2 is missing';
  await expect(readAll(log, at)).rejects.toMatchObject({ code: 'LOG_CORRUPT', message });
  const inside = readAll(log, at, { from: 3 });
  await expect(inside).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  await log.close();
});

test('a damaged group offset is refused on open', async () => {
  const folder = await scratchFolder();
  await withThreeChunks(folder);
  await tamper(folder, GROUPS, (entries) =>
    entries.map(([key, value]) => ({ type: 'put', key, value: value.fill(1, 0, 1) })),
  );
  await expect(open(folder)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
});

test('damaged files of RocksDB are a corrupt log, on open or on read', async () => {
  const folder = await scratchFolder();
  await withThreeChunks(folder);
  await (await open(folder)).close(); // turns the write-ahead log into a table
  const table = (await readdir(folder)).find((name) => name.endsWith('.sst')) as string;
  const bytes = await readFile(join(folder, table));
  const records = bytes.indexOf('SHRB');
  expect(records).toBeGreaterThan(0);
  await writeFile(join(folder, table), bytes.fill(0x55, records, records + 40));
  const damaged = async () => readAll(await open(folder), at);
  await expect(damaged()).rejects.toMatchObject({ code: 'LOG_CORRUPT' });

  const other = await scratchFolder();
  await withThreeChunks(other);
  await writeFile(join(other, 'CURRENT'), 'nothing\n');
  await expect(open(other)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
});

test('a closed log refuses calls, and reads that waited end with nothing', async () => {
  const log = await open(await scratchFolder());
  await log.ensureTopics([specOf('payments')]);
  const read = log.read({ ...at, from: 0, bytesMax: 1, waitMs: 60_000 });
  await log.close();
  expect((await read).batches).toEqual([]);
  const append = log.append([{ ...at, records: packed('k=1') }]);
  await expect(append).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  await log.close();
});

const logs: [string, () => Promise<Log>][] = [
  ['embedded', async () => open(await scratchFolder())],
  ['memory', async () => new MemoryLog(new DurableLog(), systemClock)],
];

test.each(logs)('E3: a second member takes over from the first (%s)', async (_, openLog) => {
  const log = await openLog();
  await log.ensureTopics([specOf('payments')]);
  const seen: string[] = [];
  const listener = (name: string): MembershipListener => ({
    assigned: (partitions) => seen.push(`${name} assigned ${partitions.length}`),
    revoked: async (partitions) => {
      await Promise.resolve();
      seen.push(`${name} revoked ${partitions.length}`);
    },
  });
  const first = await log.join('group', 'payments', listener('first'));
  const second = log.join('group', 'payments', listener('second'));
  const offsets = [{ ...at, nextOffset: 1 }];
  const commit = (owner: string) =>
    log.commit({ group: 'group', owner, offsets, outputs: [{ ...at, records: packed('k=1') }] });
  await expect(commit(first.owner)).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
  const { owner } = await second;
  expect(seen).toEqual(['first assigned 2', 'first revoked 2', 'second assigned 2']);
  await commit(owner);
  await first.leave();
  await commit(owner);
  expect(await valuesIn(log, at)).toEqual(['1', '1']);
  expect(seen).toHaveLength(3);
  await log.close();
});

test('E8: compaction removes what is old, and a tombstone one pass later', async () => {
  const folder = await scratchFolder();
  const log = await open(folder, 1 << 20);
  await log.ensureTopics([specOf('payments', { cleanup: 'compact' })]);
  await log.append([{ ...at, records: packed('a=1', 'b=1', 'a=2', 'nokey') }]);
  await log.append([
    { ...at, records: packRecords([{ key: 'b', value: undefined, timestampMs: 1 }]) },
  ]);
  const kept = async () =>
    (await readAll(log, at)).map(({ offset, key, value }) => `${offset} ${key} ${value}`);
  await log.compact('payments');
  expect(await kept()).toEqual(['2 a 2', '3 undefined nokey', '4 b undefined']);
  await log.compact('payments');
  expect(await kept()).toEqual(['2 a 2', '3 undefined nokey']);
  expect(await log.offsets(at)).toEqual({ earliest: 0, highWatermark: 5 });
  await log.close();
});

test('a compacted topic compacts itself when most of its records are old', async () => {
  const log = await open(await scratchFolder());
  await log.ensureTopics([specOf('payments', { cleanup: 'compact' })]);
  const words = Array.from({ length: 1000 }, (_, i) => `key${i % 100}=${i}`);
  for (let i = 0; i < 11; i++) await log.append([{ ...at, records: packed(...words) }]);
  await log.deleteBefore(at, 0); // takes its turn behind the compaction that runs
  expect(await readAll(log, at)).toHaveLength(100);
  await log.close();
});

test('E10: deletion takes all chunks off the disk that hold no record any more', async () => {
  const folder = await scratchFolder();
  await withThreeChunks(folder);
  const log = await open(folder);
  await log.deleteBefore(at, 3);
  expect(await log.offsets(at)).toEqual({ earliest: 3, highWatermark: 6 });
  expect(await valuesIn(log, at)).toEqual(["2'", '3', "3'"]);
  await log.close();
  let chunkCount = 0;
  await tamper(folder, CHUNKS, (entries) => {
    chunkCount = entries.length;
    return [];
  });
  expect(chunkCount).toBe(2);
});
