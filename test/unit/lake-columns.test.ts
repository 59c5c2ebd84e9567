/** A line as a row, rows as Parquet: `src/lake/alert-columns.ts`, `src/lake/parquet-output.ts`. */
import { readFileSync } from 'node:fs';
import { parquetMetadata, parquetSchema } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { ALERT_FIELDS, alertRow, COLUMNS } from '../../src/lake/alert-columns.ts';
import { AlertIds, alertId, doMeet } from '../../src/lake/alert-ids.ts';
import { OutputWriter, readIds, recordOf } from '../../src/lake/parquet-output.ts';
import { linesOf, textOf } from '../../src/lake/source.ts';
import { type Alert, alertOf, alertOfRow, packed, parquetRows } from '../support/lake.ts';

const bytes = (line: string | Alert) =>
  Buffer.from(typeof line === 'string' ? line : JSON.stringify(line));
const row = (line: string | Alert | Buffer) =>
  alertRow(Buffer.isBuffer(line) ? line : bytes(line), 7310);
const cell = (line: string | Alert, name: string) =>
  row(line).cells[COLUMNS.findIndex((column) => column.name === name)];

async function written(lines: readonly (string | Alert | Buffer)[]) {
  const writer = new OutputWriter();
  for (const line of lines) writer.add(row(line).cells);
  return writer.end({}, []);
}

test('every field of the schema of alerts has its column, and no other field', () => {
  const schema = JSON.parse(readFileSync('docs/formats/fraud_alerts.schema.json', 'utf8')) as {
    readonly properties: object;
  };
  expect([...ALERT_FIELDS].toSorted()).toEqual(Object.keys(schema.properties).toSorted());
});

test('the README has the columns, each with its type', () => {
  const table = readFileSync('src/lake/README.md', 'utf8').split('## Columns')[1] ?? '';
  for (const { name, type, converted_type, logical_type } of COLUMNS) {
    const line = table.split('\n').find((text) => text.split('|')[1]?.includes(`\`${name}\``));
    const word = logical_type?.type ?? (converted_type === 'UTF8' ? 'STRING' : type);
    expect(line, name).toContain(`| ${word}`);
  }
});

test('an alert comes back from Parquet as it was, in its envelope or without', async () => {
  const alerts = [1, 2, 3, 5].map((offset) => alertOf(offset));
  const lines = alerts.map((alert, i) => (i % 2 === 0 ? alert : { value: alert }));
  const rows = await parquetRows(await written(lines));
  expect(rows.map(alertOfRow)).toEqual(alerts);
  expect(rows.map(({ raw, source_offset }) => [raw, source_offset])).toEqual(
    alerts.map(() => [null, 7310n]),
  );
});

test('columns have the types that other readers know', async () => {
  const { children } = parquetSchema(parquetMetadata(plain(await written([alertOf(1)]))));
  const types = children.map(({ element }) => {
    const { name, type, converted_type, logical_type, repetition_type } = element;
    return `${name} ${repetition_type} ${type} ${converted_type ?? ''}${logical_type?.type ?? ''}`;
  });
  expect(types).toContain('event_time OPTIONAL INT64 TIMESTAMP');
  expect(types).toContain('id OPTIONAL BYTE_ARRAY UTF8');
  expect(types).toContain('raw OPTIONAL BYTE_ARRAY ');
  expect(types).toContain('source_offset REQUIRED INT64 ');
  expect(types).toHaveLength(22);
});

function plain({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}

describe('L8: what the columns do not hold word for word has its bytes in raw', () => {
  const whole = alertOf(9);
  const { mcc: _, ...withoutMcc } = whole;
  test.each<[string, string | Alert]>([
    ['a field that is missing', withoutMcc],
    ['a field that is new', { ...whole, reason: 'x' }],
    ['another type', { ...whole, amount: '9.25' }],
    ['a number beyond the column', { ...whole, mcc: 2 ** 40 }],
    ['a number beyond doubles', JSON.stringify(whole).replace('19.25', '1e999')],
    ['half a surrogate pair', { ...whole, merchant_city: '\ud800' }],
    ['a time that is not the minute', { ...whole, t: 1 }],
    ['a time that is none', { ...whole, event_time: '2017-99-99T00:00' }],
    ['a profile more', { ...whole, profiles: { user: 1, card: 1, home: 1 } }],
    ['a profile less', { ...whole, profiles: { user: 1 } }],
    ['a feature that is no number', { ...whole, features: { amount: '1' } }],
    ['features as a list', { ...whole, features: [1] }],
  ])('%s: the other columns are filled all the same', (_name, line) => {
    const { id, isRaw } = row(line);
    expect([id, isRaw]).toEqual([{ place: 'transactions/0', offset: 9 }, true]);
    expect(cell(line, 'score')).toBe(0.6318);
    expect(Buffer.from(cell(line, 'raw') as Uint8Array)).toEqual(bytes(line));
  });

  test.each(['', 'x', '[]', 'null', '3', '{"a":1', '{"value":3}', '{"id":"transactions/0/01"}'])(
    '%j has no id',
    (line) => {
      expect([row(line).id, row(line).isRaw]).toEqual([undefined, true]);
      expect(cell(line, 'id')).toBeNull();
    },
  );

  test('bytes that are no UTF-8 come back from Parquet', async () => {
    const line = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
    const [only] = await parquetRows(await written([line]));
    expect(Buffer.from(only?.raw as Uint8Array)).toEqual(line);
  });
});

test('rows of several groups are kept, and the footer says what they are made of', async () => {
  const writer = new OutputWriter();
  for (let i = 0; i < 20_000; i++) writer.add(row(alertOf(i)).cells);
  const source = { key: 'fraud_alerts-0-1.jsonl.gz', bytes: 5, sha256: 'ab', isReadable: true };
  const ranges = { 'transactions/0': [0, 19_999] as const };
  const body = writer.end(ranges, [source]);
  expect(recordOf(body)).toEqual({
    formatVersion: 1,
    rows: 20_000,
    ids: ranges,
    sources: [source],
  });
  const ids = new AlertIds();
  await readIds(body, ids);
  expect(ids.ranges).toEqual(ranges);
  expect(ids.add({ place: 'transactions/0', offset: 8192 })).toBe(false);
});

test('an output without rows is Parquet all the same', async () => {
  const body = await written([]);
  expect(recordOf(body)?.rows).toBe(0);
  expect(await parquetRows(body)).toEqual([]);
});

test('what is no output of ours has no record', async () => {
  expect(recordOf(Buffer.from('PAR1 and nothing behind it'))).toBeUndefined();
  expect(recordOf((await written([alertOf(1)])).subarray(0, -9))).toBeUndefined();
});

test('blank lines are no lines, and the last one needs no end', async () => {
  const text = await textOf(packed(['a', '', ' \r', 'b']));
  expect([...linesOf(text as Buffer)].map(String)).toEqual(['a', 'b']);
  expect([...linesOf(Buffer.from('a\nb'))].map(String)).toEqual(['a', 'b']);
});

test('an object that is damaged, cut off, or goes on behind its end says so', async () => {
  const body = packed(['a']);
  expect(await textOf(body.subarray(0, -3))).toBe('unexpected end of file');
  expect(await textOf(Buffer.concat([body, Buffer.from('xx')]))).toBe('incorrect header check');
  expect(await textOf(Buffer.alloc(0))).toBe('unexpected end of file');
  expect(String(await textOf(Buffer.concat([body, packed(['b'])])))).toBe('a\nb\n');
});

test('ranges of ids meet where an id may be in both', () => {
  const meet = (place: string, low: number, high: number) =>
    doMeet({ 'transactions/0': [10, 20] }, { [place]: [low, high] });
  expect([meet('transactions/0', 20, 30), meet('transactions/0', 0, 10)]).toEqual([true, true]);
  expect([meet('transactions/0', 21, 30), meet('transactions/1', 10, 20)]).toEqual([false, false]);
});

test('an id is topic, partition and offset as they are written', () => {
  expect(alertId('transactions/3/7')).toEqual({ place: 'transactions/3', offset: 7 });
  for (const text of ['transactions/3/07', 'a/b/c', '/3/7', 7, 'a/3/9007199254740993']) {
    expect(alertId(text)).toBeUndefined();
  }
});
