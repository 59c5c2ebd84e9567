/** What a drill chooses, how it judges, and where its report goes. */
import { expect, test } from 'vitest';
import { chooseCheckpoint, judge, overall, totals } from '../../checkpoints/drill.ts';
import { type DrillName, DrillReports, outdatedReports } from '../../checkpoints/drill-reports.ts';
import type { ListedManifest, Manifest } from '../../src/core/checkpoint.ts';
import type { PartitionRestore, RestoreReport } from '../../src/core/drill.ts';
import { openMemoryObjectStore } from '../support/memory-object-store.ts';

const manifest = (sequence: number, savepoint: string | null = null): Manifest => ({
  formatVersion: 1,
  application: 'shrike',
  topic: 'transactions',
  partition: 3,
  sequence,
  nextOffset: 100 * sequence,
  createdAtMs: 1000 * sequence,
  savepoint,
  digest: '0'.repeat(32),
  actorCount: 1,
  schemas: {},
  segments: [],
  baseCount: 0,
});
const sealed = (sequence: number, savepoint: string | null = null): ListedManifest => ({
  key: `m/000000000${sequence}.json`,
  manifest: manifest(sequence, savepoint),
});
const damaged = (sequence: number): ListedManifest => ({
  key: `m/000000000${sequence}.json`,
  damage: 'not JSON',
});
const LISTED = [sealed(9), sealed(8), damaged(7), sealed(6, 'before-upgrade'), sealed(5, '9')];

test.each([
  ['newest', 9],
  ['previous', 8],
  ['8', 8],
  ['before-upgrade', 6],
  ['9', 5], // a savepoint may have any name
])('%s chooses checkpoint %i', (wanted, sequence) => {
  expect(chooseCheckpoint(LISTED, wanted)).toEqual({
    manifest: expect.objectContaining({ sequence }),
  });
});

test('a checkpoint that cannot be read is chosen all the same, and told as damaged', () => {
  const choice = { code: 'CHECKPOINT_CORRUPT', reason: 'm/0000000007.json: not JSON' };
  expect(chooseCheckpoint(LISTED, '7')).toEqual(choice);
  expect(chooseCheckpoint([damaged(7), sealed(6)], 'newest')).toEqual(choice);
});

test.each([
  [[], 'newest', 'there is no checkpoint'],
  [[sealed(1)], 'previous', 'there is no checkpoint before the newest one'],
  [LISTED, '4', 'there is no checkpoint 4'],
  [LISTED, 'after-upgrade', 'there is no checkpoint after-upgrade'],
])('what is not there is not found', (listed, wanted, reason) => {
  expect(chooseCheckpoint(listed, wanted)).toEqual({ code: 'CHECKPOINT_NOT_FOUND', reason });
});

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);

test('equal is the same offset, the same actors and the same digest', () => {
  const live = { nextOffset: 500, digest: A, actorCount: 7 };
  expect(judge(live, { ...live })).toEqual({ verdict: 'equal', reason: null });
  expect(judge(live, { nextOffset: 499, digest: B, actorCount: 6 })).toEqual({
    verdict: 'different',
    reason:
      'the restored state differs: it stands at offset 499 instead of 500, ' +
      `it has 6 actors instead of 7, its digest is ${B} instead of ${A}`,
  });
  expect(judge(live, { ...live, digest: B })).toMatchObject({ verdict: 'different' });
});

const done: PartitionRestore = {
  partition: 0,
  verdict: 'equal',
  reason: null,
  checkpoint: {
    sequence: 9,
    nextOffset: 400,
    savepoint: null,
    ageSeconds: 5,
    bytes: 1000,
    segmentCount: 2,
  },
  expected: { nextOffset: 500, digest: A, actorCount: 7, from: 'engine' },
  found: { digest: A, actorCount: 7 },
  restoreSeconds: 0.5,
  profilesSeconds: 0.25,
  replaySeconds: 1,
  replayedRecords: 100,
};
const different: PartitionRestore = { ...done, partition: 2, verdict: 'different', reason: 'x' };
const failed: PartitionRestore = {
  ...done,
  partition: 1,
  verdict: 'failed',
  reason: 'gone',
  restoreSeconds: null,
  profilesSeconds: null,
  replaySeconds: null,
  replayedRecords: null,
};

test('one partition that is not equal spoils the verdict; a difference says more than a failure', () => {
  expect(overall([done, done], 'equal')).toEqual({ verdict: 'equal', reason: null });
  expect(overall([done, failed], 'equal')).toEqual({
    verdict: 'failed',
    reason: 'partition 1: gone',
  });
  expect(overall([failed, different, done], 'equal')).toEqual({
    verdict: 'different',
    reason: 'partition 2: x (and 1 more)',
  });
});

test('a drill of nothing has not passed', () => {
  expect(overall([], 'equal')).toMatchObject({ verdict: 'failed' });
  expect(totals([])).toMatchObject({ rtoSeconds: null, rpoSeconds: null, replayedRecords: 0 });
});

test('times add up over the partitions, and the oldest checkpoint bounds the loss', () => {
  const older = {
    ...done,
    checkpoint: { ...(done.checkpoint as object), ageSeconds: 8, bytes: 500 },
  };
  expect(totals([done, older as PartitionRestore])).toEqual({
    restoreSeconds: 1,
    profilesSeconds: 0.5,
    replaySeconds: 2,
    rtoSeconds: 3.5,
    rpoSeconds: 8,
    bytes: 1500,
    replayedRecords: 200,
  });
  expect(totals([done, failed])).toMatchObject({ rtoSeconds: null, replaySeconds: 1 });
});

const report = (endedAtMs: number, verdict: RestoreReport['verdict']): RestoreReport => ({
  formatVersion: 1,
  kind: 'restore',
  id: `5f3a9c0${endedAtMs % 10}`,
  version: '0.1.0',
  application: 'shrike',
  topic: 'transactions',
  startedAtMs: endedAtMs - 4000,
  endedAtMs,
  verdict,
  reason: null,
  checkpoint: 'newest',
  ...totals([done]),
  partitions: [done],
});
const NOON_MS = Date.UTC(2026, 10, 22, 12);

test('the name of a report says when, what and how it went', async () => {
  const store = openMemoryObjectStore();
  const reports = new DrillReports({ store, application: 'shrike', topic: 'transactions' });
  const key = await reports.put(report(NOON_MS + 8250, 'equal'));
  expect(key).toBe('shrike/transactions/drills/20261122T120008Z-restore-equal-5f3a9c00.json');
  expect(JSON.parse(Buffer.from((await store.get(key)) ?? []).toString())).toEqual(
    report(NOON_MS + 8250, 'equal'),
  );
});

test('the newest report is told, and when one last passed', async () => {
  const store = openMemoryObjectStore();
  const reports = new DrillReports({ store, application: 'shrike', topic: 'transactions' });
  expect(await reports.newest()).toEqual([]);
  await reports.put(report(NOON_MS, 'equal'));
  await reports.put(report(NOON_MS + 60_001, 'different'));
  expect(await reports.newest()).toEqual([
    { newest: report(NOON_MS + 60_001, 'different'), lastPassedAtMs: NOON_MS },
  ]);
  await reports.put(report(NOON_MS + 120_002, 'equal'));
  expect(await reports.newest()).toMatchObject([
    { newest: { id: '5f3a9c02' }, lastPassedAtMs: NOON_MS + 120_002 },
  ]);
});

test('a report is read once, and what is no report is passed over', async () => {
  const gets: string[] = [];
  const store = openMemoryObjectStore({
    faults: {
      before: (operation, key) => {
        if (operation === 'get') gets.push(key);
      },
    },
  });
  const reports = new DrillReports({ store, application: 'shrike', topic: 'transactions' });
  const key = await reports.put(report(NOON_MS, 'equal'));
  const text = (body: string) => new TextEncoder().encode(body);
  await store.put('shrike/transactions/drills/notes.txt', text('hello'));
  await store.put(
    'shrike/transactions/drills/20261122T130000Z-failover-recovered-1.json',
    text('{'),
  );
  await reports.newest();
  expect((await reports.newest()).map(({ newest }) => newest.kind)).toEqual(['restore']);
  expect(gets.filter((one) => one === key)).toEqual([key]);
});

test('old reports go, but not the newest of a kind nor the newest that has passed', async () => {
  const name = (endedAtMs: number, kind: DrillName['kind'], verdict: DrillName['verdict']) => ({
    key: `${endedAtMs}`,
    endedAtMs,
    kind,
    verdict,
  });
  const names = [
    name(9, 'restore', 'failed'),
    name(8, 'restore', 'different'),
    name(7, 'restore', 'failed'),
    name(6, 'restore', 'equal'),
    name(5, 'restore', 'equal'),
    name(4, 'failover', 'failed'),
    name(3, 'failover', 'failed'),
    name(2, 'failover', 'recovered'),
    name(1, 'failover', 'recovered'),
  ];
  const keys = (keepCount: number) => outdatedReports(names, keepCount).map(({ key }) => key);
  expect(keys(2)).toEqual(['7', '5', '3', '1']);
  expect(keys(8)).toEqual(['1']);
  expect(keys(9)).toEqual([]);
});
