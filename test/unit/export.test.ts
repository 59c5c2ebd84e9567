import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { expect, test } from 'vitest';
import { type NewRecord, packRecords } from '../../src/core/records.ts';
import { type ExportOptions, exportOutputs } from '../../src/ingest/export.ts';
import { openParquetFeatures } from '../../src/ingest/parquet-features.ts';
import { TextFile } from '../../src/ingest/text-file.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const TOPICS = { scored: 'scored', alerts: 'fraud_alerts', features: 'features' };

const record = (value: NewRecord['value']): NewRecord => ({ key: '1', value, timestampMs: 0 });
const scored = (idx: number): NewRecord => record(`{"idx":${idx},"score":0.${idx}}`);

function featureRecord(idx: number, values: readonly number[]): NewRecord {
  const bytes = Buffer.alloc(8 + 4 * values.length);
  bytes.writeDoubleLE(idx, 0);
  values.forEach((value, i) => bytes.writeFloatLE(value, 8 + 4 * i));
  return record(bytes);
}

async function exported(log: RecordingLog, changes: Partial<ExportOptions> = {}) {
  const outDir = await scratchFolder();
  const featureNames = ['amount', 'hour'];
  const files = await exportOutputs({ log, outDir, topics: TOPICS, featureNames, ...changes });
  const text = (name: string) => readFile(join(outDir, name), 'utf8');
  return { outDir, text, files: files.map(({ records, ordered }) => ({ records, ordered })) };
}

async function append(log: RecordingLog, topic: string, partitions: readonly NewRecord[][]) {
  for (const [partition, records] of partitions.entries()) {
    // Two records a batch, so that the export has to read on in the middle.
    for (let at = 0; at < records.length; at += 2) {
      await log.append([{ topic, partition, records: packRecords(records.slice(at, at + 2)) }]);
    }
  }
}

test('scores and alerts of all partitions come out in ascending idx, verbatim', async () => {
  const log = new RecordingLog();
  await append(log, 'scored', [[0, 3, 4, 8].map(scored), [1, 2, 7].map(scored), [], [scored(6)]]);
  await append(log, 'fraud_alerts', [[record('{"idx":7,"user":1}')], [record('{"idx":3}')]]);
  const { text, files } = await exported(log);
  expect(await text('scored.jsonl')).toBe(
    '{"idx":0,"score":0.0}\n{"idx":1,"score":0.1}\n{"idx":2,"score":0.2}\n{"idx":3,"score":0.3}\n{"idx":4,"score":0.4}\n{"idx":6,"score":0.6}\n{"idx":7,"score":0.7}\n{"idx":8,"score":0.8}\n',
  );
  expect(await text('fraud_alerts.jsonl')).toBe('{"idx":3}\n{"idx":7,"user":1}\n');
  expect(files).toEqual([
    { records: 8, ordered: true },
    { records: 2, ordered: true },
  ]);
});

test('a partition that does not ascend keeps its own order, and the result says so', async () => {
  const log = new RecordingLog();
  const unplaced = record('{"idx":null,"score":0.5}');
  await append(log, 'scored', [
    [scored(5), scored(2), unplaced, scored(9)],
    [scored(4), scored(7)],
  ]);
  const { text, files } = await exported(log);
  expect((await text('scored.jsonl')).match(/:\w+,/g)?.join('')).toBe(':4,:5,:2,:null,:7,:9,');
  expect(files[0]).toEqual({ records: 6, ordered: false });
});

test('topics that do not exist give empty files', async () => {
  const { text, outDir } = await exported(new RecordingLog());
  expect(await text('scored.jsonl')).toBe('');
  expect((await readdir(outDir)).toSorted()).toEqual(['fraud_alerts.jsonl', 'scored.jsonl']);
});

test('features come out as CSV with the shortest decimals of their float32', async () => {
  const log = new RecordingLog();
  await append(log, 'features', [
    [featureRecord(0, [35.9, 6]), featureRecord(2, [-1, 0.002842889])],
    [featureRecord(1, [1 / 3, 1e-10])],
  ]);
  const { text } = await exported(log, { features: 'csv' });
  expect(await text('features.csv')).toBe(
    'idx,amount,hour\n0,35.9,6\n1,0.33333334,1e-10\n2,-1,0.002842889\n',
  );
});

async function readParquet(path: string) {
  const bytes = await readFile(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return parquetReadObjects({ file });
}

test('features come out as Parquet that reads back to the same numbers', async () => {
  const log = new RecordingLog();
  await append(log, 'features', [
    [featureRecord(0, [35.5, 6]), featureRecord(2, [-1, 0.25])],
    [featureRecord(1, [Math.fround(1 / 3), 1e10])],
  ]);
  const { outDir, files } = await exported(log, { features: 'parquet' });
  expect(files[2]).toEqual({ records: 3, ordered: true });
  expect(await readParquet(join(outDir, 'features.parquet'))).toEqual([
    { idx: 0n, amount: 35.5, hour: 6 },
    { idx: 1n, amount: 0.3333333432674408, hour: 1e10 },
    { idx: 2n, amount: -1, hour: 0.25 },
  ]);
});

test('Parquet rows of several groups and without a position are kept', async () => {
  const path = join(await scratchFolder(), 'features.parquet');
  const out = await TextFile.create(path);
  const file = openParquetFeatures(out, ['amount'], 300);
  for (let i = 0; i < 1000; i++) await file.add(featureRecord(i, [i / 8]).value as Buffer);
  await file.add(featureRecord(Number.NaN, [5]).value as Buffer);
  await file.end();
  await out.finish();
  const rows = await readParquet(path);
  expect(rows).toHaveLength(1001);
  expect([rows[299], rows[300], rows[999], rows[1000]]).toEqual([
    { idx: 299n, amount: 37.375 },
    { idx: 300n, amount: 37.5 },
    { idx: 999n, amount: 124.875 },
    { idx: -1n, amount: 5 },
  ]);
});

test('a features record of another width is refused, and no file is left', async () => {
  const log = new RecordingLog();
  await append(log, 'features', [[featureRecord(0, [1, 2, 3])]]);
  const outDir = await scratchFolder();
  await expect(exported(log, { features: 'csv', outDir })).rejects.toMatchObject({
    code: 'RECORD_FIELD_INVALID',
  });
  expect((await readdir(outDir)).toSorted()).toEqual(['fraud_alerts.jsonl', 'scored.jsonl']);
});
