/** What a run asks of the store, and what it does not believe: `src/lake/lane.ts`, `output.ts`. */
import { expect, test } from 'vitest';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { compactLake } from '../../src/lake/compact.ts';
import type { LaneReport } from '../../src/lake/lane.ts';
import { alertOf, atDay, DAY_MS, packed, parquetRows, sourceKey } from '../support/lake.ts';
import {
  type DurableObjects,
  type ObjectFaults,
  openMemoryObjectStore,
} from '../support/memory-object-store.ts';

const NOW_MS = atDay('2026-11-10');
const clock = { nowMs: () => NOW_MS, sleep: async () => undefined, yield: async () => undefined };
const nowMs = () => NOW_MS;

function put(objects: DurableObjects, start: number, day: string, ids = [start]): void {
  const body = packed(ids.map((id) => alertOf(id)));
  objects.set(sourceKey(0, start), { body, modifiedMs: atDay(day) });
}

function lake(): DurableObjects {
  const objects: DurableObjects = new Map();
  put(objects, 1, '2026-11-01');
  put(objects, 2, '2026-11-01');
  put(objects, 9, '2026-11-05');
  return objects;
}

async function compact(store: ObjectStore): Promise<LaneReport | undefined> {
  let last: LaneReport | undefined;
  for await (const lane of compactLake({ store, clock, olderThanMs: DAY_MS })) last = lane;
  return last;
}

const opened = (objects: DurableObjects, faults: ObjectFaults = {}) =>
  openMemoryObjectStore({ objects, faults, nowMs });
const sourcesOf = (objects: DurableObjects) =>
  [...objects.keys()].filter((key) => key.endsWith('.gz'));

test('L1: an output that reads back otherwise than it was written costs no source', async () => {
  const objects = lake();
  const store = opened(objects);
  const get = async (key: string) => {
    const body = await store.get(key);
    return key.endsWith('.parquet') ? body?.subarray(1) : body;
  };
  expect(await compact({ ...store, get })).toMatchObject({
    conflict: expect.stringContaining('reads back otherwise than it was written'),
    deletedCount: 0,
  });
  expect(sourcesOf(objects)).toHaveLength(3);
});

test('L1: a source that is written anew before it is deleted stays, and adds what was not there', async () => {
  const objects = lake();
  const after: ObjectFaults['after'] = (operation, key) => {
    if (operation === 'putIfAbsent' && key.endsWith('.parquet'))
      put(objects, 2, '2026-11-06', [2, 3]);
  };
  expect(await compact(opened(objects, { after }))).toMatchObject({ deletedCount: 1 });
  expect(sourcesOf(objects)).toEqual([sourceKey(0, 2), sourceKey(0, 9)]);
  // Its day lets go when the partition has a later one.
  put(objects, 20, '2026-11-07');
  const later = await compact(opened(objects));
  expect(later?.written.map(({ day, rows, duplicates }) => [day, rows, duplicates])).toEqual([
    ['2026-11-05', 1, 0],
    ['2026-11-06', 1, 1],
  ]);
});

test('outputs are read for their ids only where they may have one of the new ones', async () => {
  const objects = lake();
  await compact(opened(objects));
  const [first] = [...objects.keys()].filter((key) => key.endsWith('.parquet'));
  const reads: string[] = [];
  const before: ObjectFaults['before'] = (operation, key) => {
    if (operation === 'get' && key === first) reads.push(key);
  };
  put(objects, 10, '2026-11-06');
  await compact(opened(objects, { before }));
  expect(reads).toEqual([]);
  put(objects, 11, '2026-11-07', [2, 11]);
  put(objects, 12, '2026-11-08');
  const report = await compact(opened(objects, { before }));
  expect([reads.length, report?.written.at(-1)?.duplicates]).toEqual([1, 1]);
});

test.each(['', '{', '{"formatVersion":9,"outputs":{}}', '{"formatVersion":1,"outputs":{}}'])(
  'an index that says %j is made anew from the outputs',
  async (text) => {
    const objects = lake();
    await compact(opened(objects));
    const index = 'compacted/_index/fraud_alerts-0.json';
    expect(objects.has(index)).toBe(true);
    objects.set(index, { body: Buffer.from(text), modifiedMs: NOW_MS });
    put(objects, 10, '2026-11-06', [1, 10]);
    const report = await compact(opened(objects));
    expect(report?.written.map(({ rows, duplicates }) => [rows, duplicates])).toEqual([[1, 0]]);
    put(objects, 30, '2026-11-07');
    const next = await compact(opened(objects));
    expect(next?.written.map(({ rows, duplicates }) => [rows, duplicates])).toEqual([[1, 1]]);
  },
);

test('an output is what its sources are, and keeps a line that is no alert', async () => {
  const objects = lake();
  const lines = packed(['no alert', alertOf(1)]);
  objects.set(sourceKey(0, 3), { body: lines, modifiedMs: atDay('2026-11-01') });
  const report = await compact(opened(objects));
  expect(report?.written).toMatchObject([{ rows: 3, rawRows: 1, duplicates: 1 }]);
  const body = objects.get(report?.written[0]?.key ?? '')?.body ?? new Uint8Array();
  const rows = await parquetRows(body);
  expect(rows.map(({ id, source_offset }) => [id, source_offset])).toEqual([
    ['transactions/0/1', 1n],
    ['transactions/0/2', 2n],
    [null, 3n],
  ]);
});
