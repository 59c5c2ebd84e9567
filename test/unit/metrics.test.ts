import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { METRICS } from '../../src/core/metric-table.ts';
import type { ScorerStats } from '../../src/core/scoring.ts';
import { LatencyHistogram } from '../../src/core/telemetry.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { Snapshot } from '../../src/telemetry/samples.ts';
import { type ParsedMetric, type ParsedSample, parseMetrics } from '../support/prometheus-text.ts';
import {
  drillSummaries,
  engineStatus,
  partition,
  START_MS,
  shown,
} from '../support/scripted-view.ts';

function scorerStats(over: Partial<ScorerStats> = {}): ScorerStats {
  const latency = new LatencyHistogram();
  latency.record(0.3, 5);
  return {
    threads: 1,
    busyThreads: 1,
    queuedRequests: 2,
    queuedRows: 70,
    calls: 6,
    rows: 1100,
    busySeconds: 0.2,
    failedCalls: 1,
    threadDeaths: 0,
    callRows: Float64Array.of(2, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1),
    latency,
    ...over,
  };
}

const snapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  status: engineStatus(),
  scorer: scorerStats(),
  drills: drillSummaries,
  surroundings: {
    memoryLimitBytes: 2_147_483_648,
    disk: { bytes: 20_000_000_000, freeBytes: 15_000_000_000 },
    certificates: [
      { which: 'broker', endsAtMs: START_MS + 90_000 },
      { which: 'client', endsAtMs: START_MS - 1000 },
    ],
    inputPartitions: 8,
    checkpointIntervalMs: 10_000,
  },
  ...over,
});

async function scrape(of: Snapshot): Promise<Map<string, ParsedMetric>> {
  return parseMetrics((await createMetrics(() => of).text()).body);
}

const line = ({ name, labels, value }: ParsedSample) => `${name}${JSON.stringify(labels)} ${value}`;
const lines = (metrics: Map<string, ParsedMetric>, name: string) =>
  metrics.get(name)?.samples.map(line);

/** For a minute and a second. */
const waiting = { for: 'object store', sinceMs: START_MS - 61_000 } as const;
const oneWaits = () =>
  engineStatus({ partitions: [shown(partition(3, { waiting }), 0), shown(partition(4), 0)] });

test('the exposition parses and holds the whole table, with types and labels', async () => {
  const metrics = await scrape(snapshot({ status: oneWaits() }));
  for (const [name, row] of Object.entries(METRICS)) {
    const metric = metrics.get(name);
    expect(metric, name).toMatchObject({ type: row.type, help: row.help });
    expect(metric?.samples.length, name).toBeGreaterThan(0);
    for (const { labels } of metric?.samples ?? []) {
      const names = Object.keys(labels).filter((label) => label !== 'le');
      expect(names, name).toEqual([...row.labels]);
    }
  }
  expect(metrics.has('process_cpu_seconds_total')).toBe(true);
});

test('counters and gauges show what the engine counts', async () => {
  const metrics = await scrape(snapshot());
  expect(lines(metrics, 'shrike_records_total')).toEqual([
    'shrike_records_total{"partition":"0"} 480',
    'shrike_records_total{"partition":"1"} 480',
  ]);
  expect(lines(metrics, 'shrike_info')).toEqual([
    'shrike_info{"application":"shrike","version":"0.1.0","model":"r1-7c2f90ab"} 1',
  ]);
  expect(lines(metrics, 'shrike_checkpoint_age_seconds')?.[0]).toBe(
    'shrike_checkpoint_age_seconds{"partition":"0"} 7',
  );
  expect(lines(metrics, 'shrike_checkpoint_last_duration_seconds')?.[0]).toBe(
    'shrike_checkpoint_last_duration_seconds{"partition":"0"} 0.041',
  );
  expect(lines(metrics, 'shrike_errors_total')).toEqual([
    'shrike_errors_total{"worker":"0","code":"COMMIT_FENCED"} 1',
  ]);
  expect(lines(metrics, 'shrike_checkpoint_backlog_bytes')?.[0]).toBe(
    'shrike_checkpoint_backlog_bytes{"partition":"0"} 9000',
  );
  expect(lines(metrics, 'shrike_worker_heap_limit_bytes')).toEqual([
    'shrike_worker_heap_limit_bytes{"worker":"0"} 2240000000',
  ]);
  expect(lines(metrics, 'shrike_worker_gc_seconds_total')).toEqual([
    'shrike_worker_gc_seconds_total{"worker":"0"} 1.25',
  ]);
  expect(lines(metrics, 'shrike_scorer_queued_rows')).toEqual(['shrike_scorer_queued_rows{} 70']);
});

test('re-keying is absent where the input is keyed by user', async () => {
  const { rekey: _, ...status } = engineStatus();
  const without = await scrape(snapshot({ status }));
  expect(lines(without, 'shrike_rekey_lag_records')).toEqual([]);
  const metrics = await scrape(snapshot());
  expect(lines(metrics, 'shrike_rekey_records_total')).toEqual([
    'shrike_rekey_records_total{} 1204560',
  ]);
  expect(lines(metrics, 'shrike_rekey_lag_seconds')).toEqual(['shrike_rekey_lag_seconds{} 0.1']);
});

test('drills show their newest report by kind, and when one last passed', async () => {
  const metrics = await scrape(snapshot());
  expect(lines(metrics, 'shrike_drill_success')).toEqual([
    'shrike_drill_success{"kind":"restore"} 0',
    'shrike_drill_success{"kind":"failover"} 1',
  ]);
  expect(lines(metrics, 'shrike_drill_last_success_timestamp_seconds')).toEqual([
    'shrike_drill_last_success_timestamp_seconds{"kind":"restore"} 1709560800',
    'shrike_drill_last_success_timestamp_seconds{"kind":"failover"} 1709647200',
  ]);
  expect(lines(metrics, 'shrike_drill_rto_seconds')).toEqual([
    'shrike_drill_rto_seconds{"kind":"restore"} 3.5',
    'shrike_drill_rto_seconds{"kind":"failover"} 11.25',
  ]);
  expect(lines(metrics, 'shrike_drill_replayed_records')).toEqual([
    'shrike_drill_replayed_records{"kind":"restore"} 1200',
  ]);
  const none = await scrape(snapshot({ drills: [] }));
  expect(lines(none, 'shrike_drill_success')).toEqual([]);
});

test('a partition that waits for what is outside says for how long', async () => {
  const metrics = await scrape(snapshot({ status: oneWaits() }));
  expect(lines(metrics, 'shrike_partition_waiting_seconds')).toEqual([
    'shrike_partition_waiting_seconds{"partition":"3","for":"object store"} 61',
  ]);
});

test('what surrounds the engine is shown, and left out where it is not known', async () => {
  const metrics = await scrape(snapshot());
  expect(lines(metrics, 'shrike_memory_limit_bytes')).toEqual([
    'shrike_memory_limit_bytes{} 2147483648',
  ]);
  expect(lines(metrics, 'shrike_disk_free_bytes')).toEqual([
    'shrike_disk_free_bytes{} 15000000000',
  ]);
  expect(lines(metrics, 'shrike_certificate_expiry_seconds')).toEqual([
    'shrike_certificate_expiry_seconds{"which":"broker"} 90',
    'shrike_certificate_expiry_seconds{"which":"client"} -1',
  ]);
  expect(lines(metrics, 'shrike_status_timestamp_seconds')).toEqual([
    'shrike_status_timestamp_seconds{} 1709647200',
  ]);
  expect(lines(metrics, 'shrike_input_partitions')).toEqual(['shrike_input_partitions{} 8']);
  expect(lines(metrics, 'shrike_checkpoint_interval_seconds')).toEqual([
    'shrike_checkpoint_interval_seconds{} 10',
  ]);
  const { surroundings } = snapshot();
  const early = await scrape(
    snapshot({ surroundings: { ...surroundings, disk: undefined, certificates: [] } }),
  );
  expect(lines(early, 'shrike_disk_bytes')).toEqual([]);
  expect(lines(early, 'shrike_certificate_expiry_seconds')).toEqual([]);
});

test('a partition is in exactly one phase', async () => {
  const partitions = [shown(partition(3, { phase: 'replaying' }), 0)];
  const metrics = await scrape(snapshot({ status: engineStatus({ partitions }) }));
  const samples = metrics.get('shrike_partition_phase')?.samples ?? [];
  expect(samples.length).toBe(8);
  expect(samples.filter(({ value }) => value === 1).map(({ labels }) => labels)).toEqual([
    { partition: '3', phase: 'replaying' },
  ]);
});

test('a partition that never sealed a checkpoint has no checkpoint age', async () => {
  const { checkpoint } = partition(0);
  const partitions = [shown(partition(0, { checkpoint: { ...checkpoint, sealedAtMs: 0 } }), 0)];
  const metrics = await scrape(snapshot({ status: engineStatus({ partitions }) }));
  expect(lines(metrics, 'shrike_checkpoint_age_seconds')).toEqual([]);
});

test('histograms have at most 20 bounds, are cumulative, and end in their count', async () => {
  const metrics = await scrape(snapshot());
  const histograms = [...metrics].filter(
    ([name, { type }]) => name in METRICS && type === 'histogram',
  );
  expect(histograms.map(([name]) => name)).toEqual([
    'shrike_latency_seconds',
    'shrike_commit_duration_seconds',
    'shrike_score',
    'shrike_checkpoint_pause_seconds',
    'shrike_scorer_call_rows',
    'shrike_scorer_latency_seconds',
  ]);
  for (const [name, { samples }] of histograms) {
    const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace('+Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => value);
    expect(bounds.length, name).toBeLessThanOrEqual(21);
    expect(bounds, name).toEqual([...new Set(bounds)].sort((a, b) => a - b));
    expect(bounds.at(-1), name).toBe(Number.POSITIVE_INFINITY);
    expect(counts, name).toEqual([...counts].sort((a, b) => a - b));
    expect(samples.find((sample) => sample.name === `${name}_count`)?.value).toBe(counts.at(-1));
  }
});

test('latencies fall into the bucket of their bound, in seconds', async () => {
  // The fixture: 99 of 2 ms and 1 of 10 ms.
  const samples = (await scrape(snapshot())).get('shrike_latency_seconds')?.samples ?? [];
  const at = (le: string) => samples.find(({ labels }) => labels.le === le)?.value;
  expect([at('0.001778'), at('0.003162'), at('0.01')]).toEqual([0, 99, 100]);
  expect(samples.find(({ name }) => name.endsWith('_sum'))?.value).toBeCloseTo(0.208, 9);
});

test('scores fall into the bucket of their bound, and say what they come to', async () => {
  // The fixture: 0.0005 twice, 0.15, 0.5, 0.999.
  const samples = (await scrape(snapshot())).get('shrike_score')?.samples ?? [];
  const at = (le: string) => samples.find(({ labels }) => labels.le === le)?.value;
  expect([at('0.001'), at('0.1'), at('0.2'), at('0.5'), at('0.995'), at('1')]).toEqual([
    ...[2, 2, 3, 4, 4],
    5,
  ]);
  expect(samples.find(({ name }) => name === 'shrike_score_sum')?.value).toBeCloseTo(1.65, 6);
});

test('calls of the model are counted by their rows', async () => {
  const metrics = await scrape(snapshot());
  const buckets = metrics.get('shrike_scorer_call_rows')?.samples.map(({ value }) => value);
  expect(buckets).toEqual([2, 2, 3, 3, 3, 3, 5, 5, 5, 5, 6, 6, 1100, 6]);
});

test('counters do not fall while the engine works', async () => {
  let current = snapshot();
  const metrics = createMetrics(() => current);
  const before = parseMetrics((await metrics.text()).body);
  const more = { records: 481, bytes: 125_900, alerts: 4, commits: 41 };
  const partitions = [0, 1].map((i) => shown(partition(i, more), i));
  current = snapshot({ status: engineStatus({ partitions }), scorer: scorerStats({ calls: 7 }) });
  const after = parseMetrics((await metrics.text()).body);
  const counters = Object.entries(METRICS).filter(([, { type }]) => type === 'counter');
  expect(counters.length).toBe(20);
  for (const [name] of counters) {
    const values = (of: typeof before) => of.get(name)?.samples.map(({ value }) => value) ?? [];
    const earlier = values(before);
    expect(
      values(after).every((value, i) => value >= (earlier[i] ?? 0)),
      name,
    ).toBe(true);
  }
  expect(lines(after, 'shrike_alerts_total')?.[0]).toBe('shrike_alerts_total{"partition":"0"} 4');
});

test('a scrape takes one picture', async () => {
  let pictures = 0;
  const metrics = createMetrics(() => {
    pictures++;
    return snapshot();
  });
  const { contentType } = await metrics.text();
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(pictures).toBe(1);
});

test('docs/metrics.md and the table say the same, both ways', () => {
  const documented = readFileSync('docs/metrics.md', 'utf8')
    .split('\n')
    .filter((row) => row.startsWith('| `shrike_'));
  const rows = Object.entries(METRICS).map(
    ([name, { type, labels, help }]) =>
      `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`,
  );
  expect(documented).toEqual(rows);
});
