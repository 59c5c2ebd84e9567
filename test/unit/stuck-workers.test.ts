import { expect, test } from 'vitest';
import type { EngineStatus } from '../../src/core/status.ts';
import { StuckWorkers } from '../../src/runtime/stuck-workers.ts';

function picture(atMs: number, lastHeardMs: number): EngineStatus {
  const partitions = [{ partition: 3, stage: 'step' }];
  return { atMs, workers: [{ worker: 0, atMs: lastHeardMs, partitions }] } as never;
}

test('a worker that says nothing for as many looks as are allowed is stuck, with what it was at', () => {
  const watch = new StuckWorkers(3);
  expect(watch.look(picture(1000, 900))).toEqual([]);
  expect(watch.look(picture(2000, 900))).toEqual([]);
  expect(watch.look(picture(3000, 900))).toEqual([]);
  expect(watch.look(picture(4000, 900))).toEqual([
    { worker: 0, lastSeen: ['partition 3 in step'] },
  ]);
});

test('a word from it starts the count anew', () => {
  const watch = new StuckWorkers(2);
  for (const heardMs of [900, 900, 1900, 1900]) {
    expect(watch.look(picture(heardMs + 100, heardMs))).toEqual([]);
  }
});

test('a clock that jumps, as on a machine that slept, makes nobody stuck', () => {
  const watch = new StuckWorkers(2);
  expect(watch.look(picture(1000, 900))).toEqual([]);
  expect(watch.look(picture(9_000_000, 900))).toEqual([]);
  expect(watch.look(picture(9_001_000, 9_000_500))).toEqual([]);
});
