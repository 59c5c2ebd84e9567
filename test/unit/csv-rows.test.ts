import { expect, test } from 'vitest';
import { CsvSplitter } from '../../src/ingest/csv-rows.ts';

/**
 * Rows as `line|field|field`, flaws as `line! reason`, of a text cut into blocks of `blockBytes`.
 */
function split(
  input: string | Buffer,
  options: { blockBytes?: number; lineBytesMax?: number } = {},
) {
  const bytes = Buffer.from(input as string);
  const splitter = new CsvSplitter(options.lineBytesMax);
  const { blockBytes = 7 } = options;
  const parts = [];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    parts.push(splitter.push(bytes.subarray(at, at + blockBytes)));
  }
  parts.push(splitter.end());
  return parts
    .flatMap(({ rows, flaws }) => [
      ...rows.map(({ line, row, fields }) => ({ row, text: `${line}|${fields.join('|')}` })),
      ...flaws.map(({ line, row, reason }) => ({ row, text: `${line}! ${reason}` })),
    ])
    .sort((a, b) => a.row - b.row)
    .map(({ text }) => text);
}

test.each([
  ['plain rows', 'a,b\n1,2\n', ['1|a|b', '2|1|2']],
  ['a last line without an end', 'a,b\n1,2', ['1|a|b', '2|1|2']],
  ['CRLF', 'a,b\r\n1,2\r\n', ['1|a|b', '2|1|2']],
  ['a byte order mark', '\ufeffa,b\n1,2\n', ['1|a|b', '2|1|2']],
  ['blank lines', 'a,b\n\n1,2\n\r\n3,4\n', ['1|a|b', '3|1|2', '5|3|4']],
  ['empty fields', ',\n,,\n', ['1||', '2|||']],
  ['quoted commas', 'x,"Bad PIN,",No\n', ['1|x|Bad PIN,|No']],
  ['doubled quotes', '"say ""hi""",""\n', ['1|say "hi"|']],
  ['a quoted line break', '"a\nb",c\nd,e\n', ['1|a\nb|c', '3|d|e']],
  ['quoted fields before CRLF', '"a","b"\r\n"c"\r\n', ['1|a|b', '2|c']],
  ['a quote inside a plain field', '5" pipe,x\ny,z\n', ['1|5" pipe|x', '2|y|z']],
  ['letters beyond ASCII', 'Málaga,"Zürich, ZH"\n', ['1|Málaga|Zürich, ZH']],
  ['a quoted last line without an end', 'a\n"b,c"', ['1|a', '2|b,c']],
])('splits %s', (_, text, expected) => {
  expect(split(text)).toEqual(expected);
  expect(split(text, { blockBytes: 1 })).toEqual(expected);
  expect(split(text, { blockBytes: 4096 })).toEqual(expected);
});

test('I2: a quote that is never closed costs its own line only', () => {
  expect(split('a,b\n"1,2\n3,4\n5,6\n')).toEqual([
    '1|a|b',
    '2! a quote is not closed',
    '3|3|4',
    '4|5|6',
  ]);
});

test('I2: a quote that a later row closes by opening its own costs its own line only', () => {
  expect(split('1,"Bad PIN,No\n2,"Bad CVV,",No\n3,,No\n')).toEqual([
    '1! text follows a closing quote',
    '2|2|Bad CVV,|No',
    '3|3||No',
  ]);
});

test('I2: a line that is not UTF-8 is a flaw, its neighbours are rows', () => {
  const bytes = Buffer.concat([
    Buffer.from('a,b\n'),
    Buffer.from([0x4d, 0xe1, 0x6c, 0x2c, 0x78, 0x0a]),
    Buffer.from('é,c\n'),
  ]);
  expect(split(bytes)).toEqual(['1|a|b', '2! the line is not UTF-8', '3|é|c']);
});

test('I3: a line over the limit is skipped, whatever the blocks it comes in', () => {
  const text = `a,b\n${'x'.repeat(1000)}\n1,2\n`;
  const expected = ['1|a|b', '2! the line is longer than 64 bytes', '3|1|2'];
  for (const blockBytes of [1, 5, 64, 65, 500, 5000]) {
    expect(split(text, { blockBytes, lineBytesMax: 64 })).toEqual(expected);
  }
});

test('I3: an unclosed quote is given up after the limit, and the next line is read', () => {
  const text = `a\n"b\n${'c\n'.repeat(60)}`;
  const rows = split(text, { lineBytesMax: 32 });
  expect(rows.slice(0, 4)).toEqual(['1|a', '2! a quote is not closed', '3|c', '4|c']);
  expect(rows).toHaveLength(62);
});

test('I3: a last line over the limit without an end is a flaw', () => {
  expect(split(`a\n${'x'.repeat(100)}`, { lineBytesMax: 32 })).toEqual([
    '1|a',
    '2! the line is longer than 32 bytes',
  ]);
});
