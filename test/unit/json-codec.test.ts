import { expect, test } from 'vitest';
import { parseJsonBatch } from '../../src/codec/json.ts';
import type { NewRecord } from '../../src/core/records.ts';
import { packed } from '../support/payments.ts';

const batch = (...values: NewRecord['value'][]) =>
  packed(values.map((value) => ({ key: '1', value, timestampMs: 0 })));

test('every record of a batch becomes its object', () => {
  const { values, rejects } = parseJsonBatch(batch('{"a":1}', ' {"b":"x"}\n', '{}'), 0);
  expect(values).toEqual([{ a: 1 }, { b: 'x' }, {}]);
  expect(rejects).toEqual([]);
});

test('records before the first asked for are left alone', () => {
  const { values, rejects } = parseJsonBatch(batch('broken', '{"a":1}', '{"a":2}'), 1);
  expect(values).toEqual([undefined, { a: 1 }, { a: 2 }]);
  expect(rejects).toEqual([]);
});

test('a batch may be read past its end, and be empty', () => {
  expect(parseJsonBatch(batch(), 0)).toEqual({ values: [], rejects: [] });
  expect(parseJsonBatch(batch('{}'), 1).rejects).toEqual([]);
});

test('a malformed record is rejected with its reason, and its neighbours are not', () => {
  const bad: [NewRecord['value'], string][] = [
    ['{"a":1}}', 'not JSON at character 7'],
    ['{"a":', 'not JSON: it ends too early'],
    ['', 'not JSON: the value is empty'],
    [undefined, 'a tombstone: the record has no value'],
    ['[1,2]', 'not an object but an array'],
    ['null', 'not an object but null'],
    ['12', 'not an object but a number'],
    ['"text"', 'not an object but a string'],
    ['\ufeff{}', 'not JSON'],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'not UTF-8'],
  ];
  const values = bad.flatMap(([value], i) => [value, `{"neighbour":${i}}`]);
  const parsed = parseJsonBatch(batch(...values), 0);
  expect(parsed.rejects).toEqual(
    bad.map(([, reason], i) => ({ index: 2 * i, code: 'RECORD_NOT_JSON', reason })),
  );
  for (const i of bad.keys()) expect(parsed.values[2 * i + 1]).toEqual({ neighbour: i });
});

test('a reason never quotes the value, which may hold a card number', () => {
  const { rejects } = parseJsonBatch(batch('4111111111111111x', '{"pan":4111111111111111 ]'), 0);
  expect(rejects.length).toBe(2);
  expect(JSON.stringify(rejects)).not.toContain('4111');
});

test('text beyond ASCII arrives whole, alone and between other records', () => {
  const { values, rejects } = parseJsonBatch(
    batch('{"c":"São Paulo"}', '{"c":"x"}', '{"c":"東京🗼"}'),
    0,
  );
  expect(values).toEqual([{ c: 'São Paulo' }, { c: 'x' }, { c: '東京🗼' }]);
  expect(rejects).toEqual([]);
});

test('a character cut in two by the end of a record spoils both halves and no third record', () => {
  const text = new TextEncoder().encode('{"c":"é"}');
  const cut = text.indexOf(0xc3) + 1;
  const records = batch('{"a":1}', text.slice(0, cut), text.slice(cut), '{"a":2}');
  const { values, rejects } = parseJsonBatch(records, 0);
  expect(rejects.map((reject) => reject.index)).toEqual([1, 2]);
  expect([values[0], values[3]]).toEqual([{ a: 1 }, { a: 2 }]);
});
