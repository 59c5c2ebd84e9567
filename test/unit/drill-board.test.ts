/** A drill that another machine ran, as a running engine comes to know of it. */
import { expect, test } from 'vitest';
import { DrillReports } from '../../checkpoints/drill-reports.ts';
import type { FailoverReport } from '../../src/core/drill.ts';
import { codeOf } from '../../src/core/errors.ts';
import { DrillBoard } from '../../src/drill-board.ts';
import { openMemoryObjectStore } from '../support/memory-object-store.ts';
import { SteppedClock } from '../support/stepped-clock.ts';

const REPORT: FailoverReport = {
  formatVersion: 1,
  kind: 'failover',
  id: '5f3a9c01',
  version: '0.1.0',
  application: 'fraud',
  topic: 'transactions',
  startedAtMs: 1_795_000_000_000,
  endedAtMs: 1_795_000_060_000,
  verdict: 'recovered',
  reason: null,
  rtoSeconds: 11.5,
  member: 'drill-1',
  caughtUpSeconds: 12,
  partitions: [],
};

test('a report that lies in the store shows after the next look, without anybody telling', async () => {
  let isDown = false;
  const store = openMemoryObjectStore({
    faults: {
      before: () => {
        if (isDown) throw new Error('the store is down');
      },
    },
  });
  const clock = new SteppedClock();
  const stop = new AbortController();
  const errors: unknown[] = [];
  const names = { store, application: 'fraud', topic: 'transactions' };
  const board = new DrillBoard({ ...names, clock, onError: (error) => errors.push(error) });
  const following = board.follow(stop.signal);
  expect(board.summaries).toEqual([]);

  await new DrillReports(names).put(REPORT);
  await clock.turn();
  const summary = { newest: REPORT, lastPassedAtMs: 1_795_000_060_000 };
  expect(board.summaries).toEqual([summary]);

  // What was known stays while the store cannot be asked.
  isDown = true;
  await clock.turn();
  expect(errors.map(codeOf)).toEqual(['OBJECT_STORE_UNAVAILABLE']);
  expect(board.summaries).toEqual([summary]);

  isDown = false;
  await new DrillReports(names).put({ ...REPORT, verdict: 'failed', endedAtMs: 1_795_000_120_000 });
  await clock.turn();
  expect(board.summaries).toMatchObject([
    { newest: { verdict: 'failed' }, lastPassedAtMs: 1_795_000_060_000 },
  ]);
  stop.abort();
  await clock.settle(following);
});
