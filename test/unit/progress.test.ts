import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { formatDuration, formatProgress, ProgressLine } from '../../src/ingest/progress.ts';

function setUp(stream: { isTTY?: boolean; columns?: number } = {}) {
  let nowMs = 1000;
  const clock: Clock = { nowMs: () => nowMs, sleep: async () => {}, yield: async () => {} };
  const written: string[] = [];
  const line = new ProgressLine({
    clock,
    stream: { ...stream, write: (text: string) => written.push(text) },
  });
  const at = (ms: number, stage: string, done: number) => {
    nowMs = 1000 + ms;
    line.update({ stage, rows: done * 10, done, total: 100 });
  };
  return { line, at, written };
}

test.each([
  [
    { stage: 'reading', rows: 1_234_567, done: 25, total: 100 },
    10_000,
    'reading  1,234,567 rows  123,457 rows/s   25 %  0:30 left',
  ],
  [{ stage: 'reading', rows: 0, done: 0, total: 100 }, 0, 'reading  0 rows  0 rows/s    0 %'],
  [
    { stage: 'reading', rows: 500, done: 100, total: 100 },
    1000,
    'reading  500 rows  500 rows/s  100 %',
  ],
  [{ stage: 'reading', rows: 500, done: 100, total: 0 }, 1000, 'reading  500 rows  500 rows/s'],
])('%j after %i ms reads %s', (progress, elapsedMs, expected) => {
  expect(formatProgress(progress, elapsedMs)).toBe(expected);
});

test('durations round up to whole seconds', () => {
  expect([0, 1, 31_000, 59_001, 725_000, 3_723_000].map(formatDuration)).toEqual([
    '0:00',
    '0:01',
    '0:31',
    '1:00',
    '12:05',
    '1:02:03',
  ]);
});

test('without a terminal a line comes every five seconds, and one at the end of each stage', () => {
  const { line, at, written } = setUp();
  at(0, 'reading', 0);
  at(4999, 'reading', 40);
  at(5000, 'reading', 50);
  at(6000, 'reading', 100);
  at(6000, 'loading', 0);
  line.finish();
  line.finish();
  expect(written).toEqual([
    'reading  500 rows  100 rows/s   50 %  0:05 left\n',
    'reading  1,000 rows  167 rows/s  100 %\n',
    'loading  0 rows  0 rows/s    0 %\n',
  ]);
});

test('on a terminal one line rewrites itself and never wraps', () => {
  const { line, at, written } = setUp({ isTTY: true, columns: 20 });
  at(0, 'reading', 0);
  at(199, 'reading', 10);
  at(200, 'reading', 20);
  line.finish();
  expect(written).toEqual([
    '\r\u001b[2Kreading  200 rows  ',
    '\r\u001b[2Kreading  200 rows  ',
    '\n',
  ]);
});
