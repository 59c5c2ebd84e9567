import { appendFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readCsv } from '../../src/ingest/csv-reader.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const COLUMNS = ['User', 'Use Chip', 'Errors?'];

async function fileOf(content: string | Buffer): Promise<string> {
  const file = join(await scratchFolder(), 'input.csv');
  await writeFile(file, content);
  return file;
}

async function read(file: string, columns = COLUMNS) {
  const rows: string[] = [];
  const flaws: string[] = [];
  let position = '';
  for await (const block of readCsv({ file, columns })) {
    rows.push(...block.rows.map(({ fields }) => fields.join('|')));
    flaws.push(...block.flaws.map(({ line, reason }) => `${line}: ${reason}`));
    position = `${block.bytes} of ${block.bytesTotal}`;
  }
  return { rows, flaws, position };
}

test('columns are found by name, in any order and with others between', async () => {
  const file = await fileOf('\ufeffErrors?,Extra,user,Use Chip\n"Bad PIN,",x,7,Chip Transaction\n');
  expect(await read(file)).toEqual({
    rows: ['7|Chip Transaction|Bad PIN,'],
    flaws: [],
    position: '63 of 63',
  });
});

test('a row with more or fewer fields than the header is a flaw with its line', async () => {
  const file = await fileOf('User,Use Chip,Errors?\n1,a,\n2,b\n3,c,,\n4,d,e');
  expect(await read(file)).toMatchObject({
    rows: ['1|a|', '4|d|e'],
    flaws: ['3: 2 fields where the header has 3', '4: 4 fields where the header has 3'],
  });
});

test('a gzip file is told by its bytes, and its position is that of the file', async () => {
  const bytes = gzipSync('User,Use Chip,Errors?\n1,a,\n');
  expect(await read(await fileOf(bytes))).toEqual({
    rows: ['1|a|'],
    flaws: [],
    position: `${bytes.length} of ${bytes.length}`,
  });
});

test.each([
  ['an empty file', '', 'CSV_EMPTY', 'is empty'],
  ['a file of blank lines', '\n\n', 'CSV_EMPTY', 'is empty'],
  [
    'a misspelt column',
    'User,Use Chips,Errors?\n',
    'CSV_HEADER',
    '"Use Chips" instead of "Use Chip"',
  ],
  ['a missing column', 'User,Errors?\n', 'CSV_HEADER', '"Use Chip" is missing'],
  ['a doubled column', 'User,User,Use Chip,Errors?\n', 'CSV_HEADER', '"User" twice'],
  [
    'rows without a header',
    '0,Chip Transaction,\n',
    'CSV_HEADER',
    '"Chip Transaction" is not known',
  ],
  ['a binary file', Buffer.from([0xff, 0xfe, 0x55, 0, 10]), 'CSV_HEADER', 'not UTF-8'],
  ['a gzip file that is cut off', gzipSync('User\n').subarray(0, 12), 'CSV_UNREADABLE', 'cut off'],
])('%s is refused', async (_, content, code, message) => {
  const reading = read(await fileOf(content));
  await expect(reading).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

test('a missing file and a folder are refused by name', async () => {
  const folder = await scratchFolder();
  await expect(read(join(folder, 'none.csv'))).rejects.toMatchObject({ code: 'CSV_MISSING' });
  await expect(read(folder)).rejects.toMatchObject({ code: 'CSV_UNREADABLE' });
});

test('a line of 200 MB is rejected without being held', async () => {
  const file = join(await scratchFolder(), 'long.csv');
  await writeFile(file, 'User,Use Chip,Errors?\n1,a,\n2,');
  // A hole of 200 MB reads as that many zeros and takes no disk.
  await truncate(file, 200 << 20);
  await appendFile(file, ',\n3,c,\n');
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const rows: string[] = [];
  const flaws: string[] = [];
  for await (const block of readCsv({ file, columns: COLUMNS })) {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    rows.push(...block.rows.map(({ fields }) => fields.join('|')));
    flaws.push(...block.flaws.map(({ line, reason }) => `${line}: ${reason}`));
  }
  expect(rows).toEqual(['1|a|', '3|c|']);
  expect(flaws).toEqual(['3: the line is longer than 1048576 bytes']);
  expect(most).toBeLessThan(100 << 20);
});
