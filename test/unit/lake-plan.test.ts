/** Which of the sink's objects become which output: `src/lake/names.ts`, `src/lake/plan.ts`. */
import { expect, test } from 'vitest';
import { outputKey, outputOf, type Source, sourceOf } from '../../src/lake/names.ts';
import {
  hashesWanted,
  LAKE_LIMITS,
  type LaneFacts,
  planLane,
  recordsWanted,
} from '../../src/lake/plan.ts';
import { atDay, DAY_MS } from '../support/lake.ts';

const listed = (key: string) => sourceOf({ key, bytes: 100, modifiedMs: 5 });

function source(start: number, day: string, more: Partial<Source> = {}): Source {
  const key = `fraud_alerts-0-${start}.jsonl.gz`;
  const modifiedMs = atDay(day);
  return { key, topic: 'fraud_alerts', partition: 0, start, bytes: 10, modifiedMs, ...more };
}

const NEWEST = source(9000, '2026-11-30');
const facts = (sources: readonly Source[], more: Partial<LaneFacts> = {}): LaneFacts => ({
  sources: [...sources, NEWEST],
  ...{ outputs: [], records: new Map(), hashes: new Map() },
  ...{ nowMs: atDay('2026-12-01'), olderThanMs: DAY_MS },
  ...more,
});
const shape = (given: LaneFacts) =>
  planLane(given).outputs.map(({ day, sources }) => [day, ...sources.map(({ start }) => start)]);
const reasons = (given: LaneFacts) =>
  planLane(given).left.map(({ source: { start }, reason }) => [start, reason]);

test.each([
  ['fraud_alerts-3-7310.jsonl.gz', 'fraud_alerts', 3, 7310],
  ['fraud_alerts-0-00000000000000012345.jsonl.gz', 'fraud_alerts', 0, 12_345],
  ['eu-west-1-alerts-2-11-42.jsonl.gz', 'eu-west-1-alerts-2', 11, 42],
])('%s is a source', (key, topic, partition, start) => {
  expect(listed(key)).toEqual({ key, topic, partition, start, bytes: 100, modifiedMs: 5 });
});

test.each([
  ...['fraud_alerts-3.jsonl.gz', 'fraud_alerts-3-7.jsonl', 'fraud_alerts-3-7.parquet'],
  ...['2026/fraud_alerts-3-7.jsonl.gz', 'fraud_alerts-3--7.jsonl.gz', '~fraud_alerts-3-7.jsonl.gz'],
  'fraud_alerts-3-9007199254740993.jsonl.gz',
  'compacted/day=2026-11-20/fraud_alerts-3-0000000000000007-0000000000000007.parquet',
])('%s is none', (key) => {
  expect(listed(key)).toBeUndefined();
});

test('an output is named by its day and the offsets of its first and last source, and known by it', () => {
  const key = outputKey('2026-11-20', source(7310, '2026-11-20'), source(7388, '2026-11-20'));
  expect(key).toBe(
    'compacted/day=2026-11-20/fraud_alerts-0-0000000000007310-0000000000007388.parquet',
  );
  expect(outputOf(key)).toEqual({ key, day: '2026-11-20', topic: 'fraud_alerts', partition: 0 });
  expect(outputOf('compacted/_index/fraud_alerts-0.json')).toBeUndefined();
});

test('an output has the objects of one day, in the order of offsets, also where names are padded', () => {
  const padded = source(20, '2026-11-20', { key: 'fraud_alerts-0-0000000020.jsonl.gz' });
  const given = facts([source(100, '2026-11-20'), source(3, '2026-11-21'), padded]);
  expect(shape(given)).toEqual([
    ['2026-11-20', 20, 100],
    ['2026-11-21', 3],
  ]);
});

test('L3: a day is left until it has been over for the age, and then it is taken whole', () => {
  const [morning, night] = ['00:00', '23:59'].map((time, i) =>
    source(i, '2026-11-20', { modifiedMs: atDay('2026-11-20', time) }),
  );
  const at = (nowMs: number) => facts([morning as Source, night as Source], { nowMs });
  const over = atDay('2026-11-22', '00:00');
  expect(reasons(at(over - 1))).toEqual([
    [0, 'young'],
    [1, 'young'],
    [9000, 'young'],
  ]);
  expect(shape(at(over))).toEqual([['2026-11-20', 0, 1]]);
});

test('L7: the day of the highest offset stays, all of it, and the days after it', () => {
  const sources = [
    source(1, '2026-11-18'),
    source(5, '2026-11-20'),
    source(9, '2026-11-20'),
    source(2, '2026-11-22'),
  ];
  const given = { ...facts([]), sources };
  expect(shape(given)).toEqual([['2026-11-18', 1]]);
  expect(reasons(given)).toEqual([
    [5, 'newest'],
    [9, 'newest'],
    [2, 'newest'],
  ]);
});

test('a large object stays', () => {
  const given = facts([
    source(1, '2026-11-20', { bytes: LAKE_LIMITS.sourceBytesMax + 1 }),
    source(2, '2026-11-20', { bytes: LAKE_LIMITS.sourceBytesMax }),
  ]);
  expect(shape(given)).toEqual([['2026-11-20', 2]]);
  expect(reasons(given)).toContainEqual([1, 'large']);
});

test('outputs are cut at their bytes and at their number of sources, never between equal offsets', () => {
  const limits = { outputSourceBytesMax: 30, outputSourcesMax: 4, sourceBytesMax: 30 };
  const sized = (start: number, bytes: number) => source(start, '2026-11-20', { bytes });
  const twin = source(2, '2026-11-20', { key: 'fraud_alerts-0-02.jsonl.gz' });
  const cut = (sources: readonly Source[]) => shape(facts(sources, { limits }));
  expect(cut([sized(1, 20), sized(2, 10), sized(3, 1), sized(4, 30)])).toEqual([
    ['2026-11-20', 1, 2],
    ['2026-11-20', 3],
    ['2026-11-20', 4],
  ]);
  expect(cut([1, 2, 3, 4, 5].map((start) => sized(start, 1)))).toEqual([
    ['2026-11-20', 1, 2, 3, 4],
    ['2026-11-20', 5],
  ]);
  expect(cut([sized(1, 20), sized(2, 10), twin])).toEqual([['2026-11-20', 1, 2, 2]]);
});

test('a source that an output covers is to be deleted, one with other bytes is new, one that could not be read stays', () => {
  const sources = [1, 2, 3, 4].map((start) => source(start, '2026-11-20'));
  const [one, two, three] = sources as [Source, Source, Source];
  const recordOf = ({ key }: Source, sha256: string, isReadable = true) => {
    return { key, bytes: 10, sha256, isReadable };
  };
  const output = outputOf(outputKey('2026-11-20', one, three));
  const outputs = output === undefined ? [] : [output];
  const records = new Map([
    [output?.key ?? '', [recordOf(one, 'a'), recordOf(two, 'b'), recordOf(three, 'c', false)]],
  ]);
  const known = facts(sources, { outputs, records });
  expect(recordsWanted(known)).toEqual(outputs);
  expect(hashesWanted(known).map(({ start }) => start)).toEqual([1, 2, 3]);
  const hashes = new Map([
    [one.key, 'a'],
    [two.key, 'another'],
    [three.key, 'c'],
  ]);
  const plan = { ...known, hashes };
  expect(planLane(plan).covered).toEqual([one]);
  expect(reasons(plan)).toEqual([
    [3, 'unreadable'],
    [9000, 'young'],
  ]);
  expect(shape(plan)).toEqual([['2026-11-20', 2, 4]]);
});

test('outputs of other days are not looked at', () => {
  const output = outputOf(outputKey('2026-11-19', NEWEST, NEWEST));
  const outputs = output === undefined ? [] : [output];
  expect(recordsWanted(facts([source(1, '2026-11-20')], { outputs }))).toEqual([]);
});
