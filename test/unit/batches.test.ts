import { expect, test } from 'vitest';
import type { Decode } from '../../src/core/flow.ts';
import { packRecords, type SourceRead } from '../../src/core/records.ts';
import { cutBatches } from '../../src/runtime/batches.ts';

/** Numbers are events, anything else is none. */
const decode: Decode<number> = (records, first) => {
  const events: (number | undefined)[] = [];
  const rejects = [];
  for (let i = first; i < records.count; i++) {
    const value = Number(records.value(i)?.toString());
    if (Number.isNaN(value)) {
      rejects.push({ index: i, code: 'RECORD_NOT_JSON' as const, reason: 'not a number' });
    } else events[i] = value;
  }
  return { events, rejects };
};

function chunk(baseOffset: number, values: readonly string[], more = {}) {
  const records = values.map((value) => ({ key: 'k', value, timestampMs: 7 }));
  const nextOffset = baseOffset + values.length;
  return { baseOffset, from: baseOffset, nextOffset, bytes: packRecords(records), ...more };
}

function cut(batches: SourceRead['batches'], options: Partial<Parameters<typeof cutBatches>[1]>) {
  const read = { topic: 'in', partition: 2, batches, highWatermark: 99 };
  const all = { decode, from: 0, until: Number.POSITIVE_INFINITY, recordsMax: 10, ...options };
  return [...cutBatches(read, all as Parameters<typeof cutBatches<number>>[1])];
}

test('small chunks are joined and large ones cut, contiguously', () => {
  const batches = cut([chunk(0, ['1', '2']), chunk(2, ['3', '4', '5'])], { recordsMax: 4 });
  expect(batches.map(({ from, nextOffset, events }) => [from, nextOffset, events])).toEqual([
    [0, 4, [1, 2, 3, 4]],
    [4, 5, [5]],
  ]);
});

test('what lies below the position or from the limit on is left out', () => {
  const [batch] = cut([chunk(10, ['1', '2', '3', '4'])], { from: 11, until: 13 });
  expect(batch).toMatchObject({ from: 11, nextOffset: 13, events: [2, 3], offsets: [11, 12] });
});

test('a gap moves the position, also when there is nothing but the gap', () => {
  expect(cut([chunk(5, ['1'], { nextOffset: 9 })], { from: 3 })).toMatchObject([
    { from: 3, nextOffset: 9, events: [1], offsets: [5] },
  ]);
  expect(cut([chunk(5, [], { nextOffset: 9 })], { from: 5 })).toMatchObject([
    { from: 5, nextOffset: 9, events: [] },
  ]);
});

test('a record that is none becomes a dead letter with its coordinates, and its neighbours stay', () => {
  const [batch] = cut([chunk(4, ['1', 'x', '3'])], { from: 4 });
  expect(batch?.events).toEqual([1, 3]);
  const [letter] = batch?.deadLetters ?? [];
  expect(JSON.parse(String(letter?.record.value))).toEqual({
    topic: 'in',
    partition: 2,
    offset: 5,
    timestamp_ms: 7,
    code: 'RECORD_NOT_JSON',
    reason: 'not a number',
    key: 'k',
    value_base64: 'eA==',
  });
});

test("an event in another partition than its key's becomes a dead letter", () => {
  const [batch] = cut([chunk(0, ['2', '3', 'x', '6'])], { partitionOf: (n) => (n as number) % 4 });
  expect(batch?.events).toEqual([2, 6]);
  const letters = batch?.deadLetters.map(
    ({ record }) => JSON.parse(String(record.value)) as object,
  );
  expect(letters).toMatchObject([
    { offset: 1, code: 'RECORD_KEY_MISMATCH', reason: 'it belongs to partition 3' },
    { offset: 2, code: 'RECORD_NOT_JSON' },
  ]);
});

test('an empty read gives no batch', () => {
  expect(cut([], { from: 4 })).toEqual([]);
});
