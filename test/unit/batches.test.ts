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

test('a dead letter that would be too large holds what fits, and tells what all of it is', () => {
  const value = `x${'0'.repeat(5000)}`;
  const letterOf = (letterBytesMax: number) => {
    const [batch] = cut([chunk(4, [value])], { from: 4, letterBytesMax });
    const text = String(batch?.deadLetters[0]?.record.value);
    return { bytes: text.length, letter: JSON.parse(text) as Record<string, unknown> };
  };
  expect(letterOf(8000).letter.truncated).toBe(undefined);
  const truncated = {
    key_bytes: 1,
    value_bytes: 5001,
    value_sha256: 'b7a32d0ea348db41513c65c0c1885f949c3e72cc4cef1a00bd44761edc4dcf39',
  };
  for (const [bytesMax, kept] of [
    [6500, 4096],
    [1000, 256],
    [400, 0],
  ] as const) {
    const { bytes, letter } = letterOf(bytesMax);
    expect(bytes).toBeLessThanOrEqual(bytesMax);
    expect(letter).toMatchObject({ offset: 4, code: 'RECORD_NOT_JSON', truncated });
    expect(Buffer.from(String(letter.value_base64), 'base64').toString()).toBe(
      value.slice(0, kept),
    );
  }
});

test("an event in another partition than its key's becomes a dead letter", () => {
  const placement = { by: 'partition' as const, partitionOf: (n: unknown) => (n as number) % 4 };
  const [batch] = cut([chunk(0, ['2', '3', 'x', '6'])], { placement });
  expect(batch?.events).toEqual([2, 6]);
  const letters = batch?.deadLetters.map(
    ({ record }) => JSON.parse(String(record.value)) as object,
  );
  expect(letters).toMatchObject([
    { offset: 1, code: 'RECORD_KEY_MISMATCH', reason: 'it belongs to partition 3' },
    { offset: 2, code: 'RECORD_NOT_JSON' },
  ]);
});

test('where producers choose the partition, an event whose key is another becomes a dead letter', () => {
  const placement = { by: 'key' as const, actorKey: (user: unknown) => user as number };
  const keys = ['0', '7', '07', '70', undefined, '', '17', '9007199254740991', 'card-7', '７'];
  const users = [0, 7, 7, 7, 7, 7, 7, 9_007_199_254_740_991, 7, 7];
  const records = keys.map((key, i) => ({ key, value: String(users[i]), timestampMs: 7 }));
  const bytes = packRecords(records);
  const [batch] = cut([{ baseOffset: 0, from: 0, nextOffset: 10, bytes }], { placement });
  expect(batch?.events).toEqual([0, 7, 9_007_199_254_740_991]);
  const letters = batch?.deadLetters.map(
    ({ record }) => JSON.parse(String(record.value)) as { offset: number; reason: string },
  );
  expect(letters?.map(({ offset }) => offset)).toEqual([2, 3, 4, 5, 6, 8, 9]);
  expect(letters?.[0]?.reason).toBe('its key is not the user id 7');
});

test('an empty read gives no batch', () => {
  expect(cut([], { from: 4 })).toEqual([]);
});
