/** Pages over the embedded log: what a tool beside a running engine gets to read. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.ts';
import type { Log } from '../../src/core/log.ts';
import { type NewRecord, packRecords } from '../../src/core/records.ts';
import type { RecordsRequest } from '../../src/core/status.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { readPage } from '../../src/record-pages.ts';

let folder: string;
let log: Log;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shrike-record-pages-'));
  log = await openEmbeddedLog(folder, { sync: 'interval', syncIntervalMs: 100, clock });
});
afterAll(async () => {
  await log.close();
  await rm(folder, { recursive: true });
});

const letters = (text: string): readonly NewRecord[] =>
  text.split('').map((value, i) => ({ key: value, value, timestampMs: 1000 + i }));

async function topicOf(name: string, cleanup: 'delete' | 'compact' = 'delete') {
  await log.ensureTopics([{ topic: name, partitions: 1, cleanup, retentionMs: 0 }]);
  return (records: readonly NewRecord[]) =>
    log.append([{ topic: name, partition: 0, records: packRecords(records) }]);
}

/** `a b|c +2`: what each page holds, and where the last one says to go on. */
async function pagesOf(request: Omit<RecordsRequest, 'partition'>): Promise<string> {
  const pages: string[] = [];
  for (let from = request.from; ; ) {
    const page = await readPage(log, { ...request, partition: 0, from });
    pages.push(page.records.map(({ value }) => Buffer.from(value ?? 'null').toString()).join(' '));
    from = page.nextOffset;
    if (from >= page.highWatermark) return `${pages.join('|')} to ${from}`;
  }
}

test('pages follow each other without a gap, across the batches of the log', async () => {
  const append = await topicOf('follow');
  for (const batch of ['abc', 'd', 'efgh']) await append(letters(batch));
  expect(await pagesOf({ topic: 'follow', from: 0, count: 3 })).toBe('a b c|d e f|g h to 8');
  expect(await pagesOf({ topic: 'follow', from: 2, count: 1000 })).toBe('c d e f g h to 8');
  expect(await pagesOf({ topic: 'follow', from: 8, count: 5 })).toBe(' to 8');
});

test('a record keeps its offset, time, key and bytes, and a tombstone its null', async () => {
  const append = await topicOf('whole');
  await append([
    { key: undefined, value: Buffer.from([0xff, 0]), timestampMs: 5 },
    { key: 'k', value: undefined, timestampMs: 6 },
  ]);
  expect(await readPage(log, { topic: 'whole', partition: 0, from: 0, count: 9 })).toEqual({
    earliest: 0,
    highWatermark: 2,
    nextOffset: 2,
    records: [
      { offset: 0, timestampMs: 5, key: null, value: Buffer.from([0xff, 0]) },
      { offset: 1, timestampMs: 6, key: 'k', value: null },
    ],
  });
});

test('a page has at most a mebibyte of values, or one record', async () => {
  const append = await topicOf('large');
  const sized = (bytes: number) => ({ key: 'k', value: Buffer.alloc(bytes), timestampMs: 1 });
  await append([sized(600_000), sized(500_000), sized(1 << 20), sized(1)]);
  const counts: number[] = [];
  for (let from = 0; from < 4; ) {
    const page = await readPage(log, { topic: 'large', partition: 0, from, count: 1000 });
    counts.push(page.records.length);
    from = page.nextOffset;
  }
  expect(counts).toEqual([1, 1, 1, 1]);
});

test('what compaction has removed is passed over', async () => {
  const append = await topicOf('compacted', 'compact');
  await append(letters('abcba'));
  await log.compact('compacted');
  expect(await pagesOf({ topic: 'compacted', from: 0, count: 2 })).toBe('c b|a to 5');
});

test('an offset that is not there is refused, and so is a topic', async () => {
  await (await topicOf('short'))(letters('ab'));
  const read = (topic: string, from: number) =>
    readPage(log, { topic, partition: 0, from, count: 1 });
  await expect(read('short', 3)).rejects.toMatchObject({ code: 'LOG_OFFSET_OUT_OF_RANGE' });
  await expect(read('nowhere', 0)).rejects.toMatchObject({ code: 'LOG_TOPIC_UNKNOWN' });
});
