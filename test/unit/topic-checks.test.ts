import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/loader.ts';
import type { ListedManifest, Manifest } from '../../src/core/checkpoint.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { TopicDescription } from '../../src/core/log.ts';
import { rekeyWarnings, requireSamePartitions, retentionWarnings } from '../../src/topic-checks.ts';
import { TopicWatch } from '../../src/topic-watch.ts';

const HOUR_MS = 3_600_000;
const { config } = loadConfig({ env: {}, flags: {} });
const nowMs = 1_700_000_000_000;

function topic(name: string, more: Partial<TopicDescription> = {}): TopicDescription {
  return {
    topic: name,
    partitions: 2,
    cleanup: 'delete',
    retentionMs: 0,
    offsets: [0, 1].map(() => ({ earliest: 0, highWatermark: 500 })),
    ...more,
  };
}

function manifest(nextOffset: number, more: Partial<Manifest> = {}): Manifest {
  return {
    formatVersion: 1,
    application: 'shrike',
    topic: 'transactions',
    partition: 0,
    sequence: 7,
    nextOffset,
    createdAtMs: nowMs - 60_000,
    savepoint: null,
    digest: '0'.repeat(32),
    actorCount: 1,
    schemas: {},
    segments: [],
    baseCount: 0,
    ...more,
  };
}

test('profiles with other partitions than the payments are refused, and both are named', () => {
  const known = [topic('transactions', { partitions: 8 }), topic('cards', { partitions: 6 })];
  expect(() => requireSamePartitions(config, known)).toThrow(
    'topic cards has 6 partitions and transactions has 8',
  );
  const same = [topic('transactions'), topic('cards'), topic('users')];
  expect(() =>
    requireSamePartitions(config, [...same, topic('x', { partitions: 3 })]),
  ).not.toThrow();
});

test('where the input is re-keyed, the internal topic is what profiles must go with', () => {
  const rekeyed = { ...config, input: { ...config.input, keyedByUser: false } };
  const known = [topic('transactions', { partitions: 3 }), topic('users')];
  expect(() => requireSamePartitions(rekeyed, known)).not.toThrow();
  const more = [...known, topic('transactions-by-user', { partitions: 4 })];
  expect(() => requireSamePartitions(rekeyed, more)).toThrow(
    'topic users has 2 partitions and transactions-by-user has 4',
  );
});

test('a retention shorter than the oldest kept checkpoint is old is a problem in hours', () => {
  const short = { topic: topic('transactions', { retentionMs: HOUR_MS }), config, nowMs };
  const kept = [[manifest(400, { createdAtMs: nowMs - 2.5 * HOUR_MS }), manifest(450)], []];
  expect(retentionWarnings({ ...short, kept })).toEqual([
    {
      event: 'retention is shorter than the oldest kept checkpoint is old',
      facts: { topic: 'transactions', retentionMs: HOUR_MS, checkpointAgeMs: 2.5 * HOUR_MS },
      problem:
        'retention of transactions (1 h) is shorter than the oldest kept checkpoint is old (2.5 h)',
    },
  ]);
  expect(retentionWarnings({ ...short, kept: [[manifest(400)], []] })).toEqual([]);
  const forEver = topic('transactions');
  expect(retentionWarnings({ topic: forEver, kept, config, nowMs })).toEqual([]);
});

test('a retention shorter than checkpoints will be old is told before there are any', () => {
  const checkpoints = { ...config.checkpoints, keepCount: 10, intervalMs: HOUR_MS };
  const short = topic('transactions', { retentionMs: 9 * HOUR_MS });
  const facts = { topic: short, kept: [[], []], config: { checkpoints }, nowMs };
  expect(retentionWarnings(facts).map(({ problem }) => problem)).toEqual([
    'retention of transactions (9 h) is shorter than the oldest kept checkpoint is old (10 h)',
  ]);
});

test('a kept checkpoint whose records are gone is named', () => {
  const offsets = [0, 300].map((earliest) => ({ earliest, highWatermark: 500 }));
  const facts = { topic: topic('transactions', { offsets }), config, nowMs };
  const kept = [[manifest(0)], [manifest(299, { sequence: 5 }), manifest(400)]];
  expect(retentionWarnings({ ...facts, kept })).toEqual([
    {
      event: 'log no longer holds what a kept checkpoint would replay',
      facts: { partition: 'transactions-1', earliest: 300, checkpoint: 5, from: 299 },
      problem: 'transactions-1 begins at 300: checkpoint 5, of offset 299, cannot be used any more',
    },
  ]);
  expect(retentionWarnings({ ...facts, kept: [[], [manifest(300)]] })).toEqual([]);
});

test('the watch tells each thing once, and keeps problems as they are now', async () => {
  const events: unknown[] = [];
  let replication = { factor: 1, brokers: 3 };
  let listed: ListedManifest[] = [
    { key: 'new', manifest: manifest(450) },
    { key: 'old', manifest: manifest(100) },
    { key: 'by hand', manifest: manifest(10, { savepoint: 'before' }) },
  ];
  const offsets = [200, 0].map((earliest) => ({ earliest, highWatermark: 500 }));
  const watch = new TopicWatch({
    log: {
      topics: async (only) =>
        [
          topic('transactions', { offsets, replication }),
          topic('of others', { replication: { factor: 1, brokers: 3 } }),
        ].filter((one) => only?.includes(one.topic)),
    },
    checkpoints: { list: async ({ partition }) => (partition === 0 ? listed : []) },
    config,
    clock: systemClock,
    logger: { event: (...told: unknown[]) => events.push(told) },
    onError: (error) => events.push(error),
  });
  await watch.look();
  await watch.look();
  expect(watch.problems).toEqual([
    'transactions-0 begins at 200: checkpoint 7, of offset 100, cannot be used any more',
  ]);
  expect(events).toEqual([
    [
      'warn',
      'topic is on one broker only, and is lost with it',
      { topic: 'transactions', replicationFactor: 1, brokers: 3 },
    ],
    [
      'warn',
      'log no longer holds what a kept checkpoint would replay',
      { partition: 'transactions-0', earliest: 200, checkpoint: 7, from: 100 },
    ],
  ]);
  listed = [{ key: 'new', manifest: manifest(450) }];
  replication = { factor: 3, brokers: 3 };
  await watch.look();
  expect(watch.problems).toEqual([]);
  expect(events).toHaveLength(2);
});

test('a topic of re-keyed payments that is kept shorter than the input is told', () => {
  const input = {
    ...config.input,
    transactions: 'by-card',
    keyedByUser: false,
    rekeyed: 'by-user',
  };
  const problems = (inputHours: number, rekeyedHours: number) => {
    const kept = (name: string, hours: number) => topic(name, { retentionMs: hours * HOUR_MS });
    const topics = [kept('by-card', inputHours), kept('by-user', rekeyedHours)];
    return rekeyWarnings(topics, { input }).map(({ problem }) => problem);
  };
  expect(problems(48, 48)).toEqual([]);
  expect(problems(48, 0)).toEqual([]);
  expect(problems(0, 24)).toEqual([
    'by-user keeps payments for 24 h and by-card for ever: older ones may be deleted before they are scored; raise retention.ms of by-user',
  ]);
  expect(problems(48, 24)).toHaveLength(1);
});
