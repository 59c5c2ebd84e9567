/** From a picture of the engine to the numbers of each metric. Pure. */
import { type DrillSummary, hasPassed } from '../core/drill.ts';
import type { MetricName } from '../core/metric-table.ts';
import { PHASES } from '../core/phase.ts';
import type { RekeyPicture } from '../core/rekey.ts';
import { CALL_ROWS_BOUNDS, type ScorerStats } from '../core/scoring.ts';
import type { EngineStatus } from '../core/status.ts';
import {
  LATENCY_BOUNDS_MS,
  SCORE_BOUNDS,
  type Surroundings,
  type WorkerStats,
} from '../core/telemetry.ts';

export interface Snapshot {
  readonly status: EngineStatus;
  readonly scorer: ScorerStats;
  readonly drills: readonly DrillSummary[];
  readonly surroundings: Surroundings;
}

/** One line of the exposition; `suffix` is `_bucket`, `_sum` or `_count` of a histogram. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly suffix?: string;
}

type Labels = Sample['labels'];
type Partition = EngineStatus['partitions'][number];
type Read = (snapshot: Snapshot) => Sample[];

/**
 * M3: every fifth internal bound, 4 a decade from 0.1 ms to 5.6 s: 20 buckets whose counts are
 * exact, since each is the sum of whole internal ones. Four digits tell them apart.
 */
const SECONDS_BUCKETS = LATENCY_BOUNDS_MS.flatMap((ms, end) =>
  end % 5 === 0 ? [{ end, le: Number((ms / 1000).toPrecision(4)) }] : [],
);
const SCORE_BUCKETS = SCORE_BOUNDS.map((le, end) => ({ end, le }));
const ROWS_BUCKETS = CALL_ROWS_BOUNDS.map((le, end) => ({ end, le }));

interface Counted {
  readonly counts: Float64Array;
  readonly sum: number;
}

/** `buckets[].end`: the last internal bucket that counts in. */
function histogramSamples(
  { counts, sum }: Counted,
  buckets: readonly { readonly end: number; readonly le: number }[],
  labels: Labels,
): Sample[] {
  const samples: Sample[] = [];
  let seen = 0;
  let next = 0;
  for (const { end, le } of buckets) {
    for (; next <= end; next++) seen += counts[next] ?? 0;
    samples.push({ suffix: '_bucket', labels: { ...labels, le: String(le) }, value: seen });
  }
  for (; next < counts.length; next++) seen += counts[next] ?? 0;
  samples.push({ suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: seen });
  samples.push({ suffix: '_sum', labels, value: sum });
  samples.push({ suffix: '_count', labels, value: seen });
  return samples;
}

const seconds = (histogram: WorkerStats['latency'], labels: Labels): Sample[] =>
  histogramSamples(
    { counts: histogram.counts, sum: histogram.sumMs / 1000 },
    SECONDS_BUCKETS,
    labels,
  );

const one = (value: number, labels: Labels = {}): Sample[] => [{ labels, value }];

/** One number a partition; none where it is undefined. */
const each =
  (read: (partition: Partition, atMs: number) => number | undefined): Read =>
  ({ status }) =>
    status.partitions.flatMap((partition) => {
      const value = read(partition, status.atMs);
      return value === undefined ? [] : one(value, { partition: String(partition.partition) });
    });

const perWorker =
  (read: (worker: WorkerStats, labels: Labels) => Sample[]): Read =>
  ({ status }) =>
    status.workers.flatMap((worker) => read(worker, { worker: String(worker.worker) }));

/** One number a kind of drill; none where it has none. */
const perDrill =
  (read: (drill: DrillSummary) => number | null | undefined): Read =>
  ({ drills }) =>
    drills.flatMap((drill) => {
      const value = read(drill) ?? undefined;
      return value === undefined ? [] : one(value, { kind: drill.newest.kind });
    });

/** What only a restore measures. */
const ofRestore = (
  field: 'rpoSeconds' | 'restoreSeconds' | 'bytes' | 'replaySeconds' | 'replayedRecords',
): Read => perDrill(({ newest }) => (newest.kind === 'restore' ? newest[field] : undefined));

const rekeying =
  (read: (rekey: RekeyPicture) => number): Read =>
  ({ status: { rekey } }) =>
    rekey === undefined ? [] : one(read(rekey));

const entries = (key: string, values: Readonly<Record<string, number>>, labels: Labels): Sample[] =>
  Object.entries(values).flatMap(([name, value]) => one(value, { ...labels, [key]: name }));

function info({ status }: Snapshot): Sample[] {
  const { application, version, modelId } = status;
  return one(1, { application, version, model: modelId });
}

/** One model at a time: another one takes another process. */
function scores({ status }: Snapshot): Sample[] {
  return status.workers.flatMap(({ worker, scores: recorded }) =>
    histogramSamples(recorded, SCORE_BUCKETS, { worker: String(worker), model: status.modelId }),
  );
}

function certificates({ status, surroundings }: Snapshot): Sample[] {
  return surroundings.certificates.flatMap(({ which, endsAtMs }) =>
    one((endsAtMs - status.atMs) / 1000, { which }),
  );
}

const ofDisk =
  (field: 'bytes' | 'freeBytes'): Read =>
  ({ surroundings: { disk } }) =>
    disk === undefined ? [] : one(disk[field]);

function phases({ status }: Snapshot): Sample[] {
  return status.partitions.flatMap(({ partition, phase: now }) =>
    PHASES.flatMap((phase) => one(now === phase ? 1 : 0, { partition: String(partition), phase })),
  );
}

function waits({ status }: Snapshot): Sample[] {
  return status.partitions.flatMap(({ partition, waiting }) =>
    waiting === undefined
      ? []
      : one(sinceSeconds(status.atMs, waiting.sinceMs), {
          partition: String(partition),
          for: waiting.for,
        }),
  );
}

function stageSeconds({ status }: Snapshot): Sample[] {
  return status.partitions.flatMap(({ partition, stageSeconds: spent }) =>
    entries('stage', spent, { partition: String(partition) }),
  );
}

const sinceSeconds = (atMs: number, sinceMs: number) => Math.max(0, atMs - sinceMs) / 1000;

/** Every metric of the table has its reader: the compiler sees to it. */
export const SAMPLES: Readonly<Record<MetricName, Read>> = {
  shrike_info: info,
  shrike_ready: ({ status }) => one(status.ready ? 1 : 0),
  shrike_input_partitions: ({ surroundings }) => one(surroundings.inputPartitions),
  shrike_status_timestamp_seconds: ({ status }) => one(status.atMs / 1000),
  shrike_problems_count: ({ status }) => one(status.problems.length),

  shrike_records_total: each((p) => p.records),
  shrike_record_bytes_total: each((p) => p.bytes),
  shrike_replayed_records_total: each((p) => p.replayedRecords),
  shrike_alerts_total: each((p) => p.alerts),
  shrike_dead_letters_total: each((p) => p.deadLetters),
  shrike_commits_total: each((p) => p.commits),
  shrike_recoveries_total: each((p) => p.recoveries),
  shrike_errors_total: perWorker((w, labels) => entries('code', w.errors, labels)),

  shrike_lag_records: each((p) => p.lagRecords),
  shrike_lag_seconds: each((p) => p.lagSeconds),
  shrike_latency_seconds: perWorker((w, labels) => seconds(w.latency, labels)),
  shrike_commit_duration_seconds: perWorker((w, labels) => seconds(w.commitMs, labels)),
  shrike_score: scores,

  shrike_rekey_records_total: rekeying((rekey) => rekey.records),
  shrike_rekey_dead_letters_total: rekeying((rekey) => rekey.deadLetters),
  shrike_rekey_commits_total: rekeying((rekey) => rekey.commits),
  shrike_rekey_recoveries_total: rekeying((rekey) => rekey.recoveries),
  shrike_rekey_lag_records: rekeying((rekey) => rekey.lagRecords),
  shrike_rekey_lag_seconds: rekeying((rekey) => rekey.lagSeconds),

  shrike_partition_phase: phases,
  shrike_partition_stage_age_seconds: each((p, atMs) =>
    p.stage === 'idle' ? 0 : sinceSeconds(atMs, p.stageSinceMs),
  ),
  shrike_partition_waiting_seconds: waits,
  shrike_stage_seconds_total: stageSeconds,
  shrike_high_watermark_offset: each((p) => p.highWatermark),
  shrike_committed_offset: each((p) => p.committedOffset),
  shrike_stored_offset: each((p) => p.storedOffset),
  shrike_checkpoint_offset: each((p) => p.checkpoint.offset),

  shrike_checkpoints_total: each((p) => p.checkpoint.sealedCount),
  shrike_checkpoint_failures_total: each((p) => p.checkpoint.failedCount),
  shrike_checkpoint_age_seconds: each((p, atMs) =>
    p.checkpoint.sealedAtMs > 0 ? sinceSeconds(atMs, p.checkpoint.sealedAtMs) : undefined,
  ),
  shrike_checkpoint_interval_seconds: ({ surroundings }) =>
    one(surroundings.checkpointIntervalMs / 1000),
  shrike_checkpoint_last_bytes: each((p) => p.checkpoint.lastBytes),
  shrike_checkpoint_last_duration_seconds: each((p) => p.checkpoint.lastDurationMs / 1000),
  shrike_checkpoint_backlog_bytes: each((p) => p.checkpoint.backlogBytes),
  shrike_checkpoint_pause_seconds: perWorker((w, labels) => seconds(w.pauseMs, labels)),

  shrike_drill_success: perDrill(({ newest }) => (hasPassed(newest.verdict) ? 1 : 0)),
  shrike_drill_last_timestamp_seconds: perDrill(({ newest }) => newest.endedAtMs / 1000),
  shrike_drill_last_success_timestamp_seconds: perDrill(
    ({ lastPassedAtMs }) => lastPassedAtMs && lastPassedAtMs / 1000,
  ),
  shrike_drill_rto_seconds: perDrill(({ newest }) => newest.rtoSeconds),
  shrike_drill_caught_up_seconds: perDrill(({ newest }) =>
    newest.kind === 'failover' ? newest.caughtUpSeconds : undefined,
  ),
  shrike_drill_rpo_seconds: ofRestore('rpoSeconds'),
  shrike_drill_restore_seconds: ofRestore('restoreSeconds'),
  shrike_drill_bytes: ofRestore('bytes'),
  shrike_drill_replay_seconds: ofRestore('replaySeconds'),
  shrike_drill_replayed_records: ofRestore('replayedRecords'),

  shrike_cache_hits_total: each((p) => p.cache.hits),
  shrike_cache_misses_total: each((p) => p.cache.misses),
  shrike_cache_actors: each((p) => p.cache.actors),
  shrike_cache_bytes: each((p) => p.cache.bytes),
  shrike_cache_dirty_bytes: each((p) => p.cache.dirtyBytes),
  shrike_rocksdb_bytes: each((p) => p.rocksBytes),

  shrike_worker_heap_bytes: perWorker((w, labels) => one(w.heapBytes, labels)),
  shrike_worker_heap_limit_bytes: perWorker((w, labels) => one(w.heapLimitBytes, labels)),
  shrike_worker_gc_seconds_total: perWorker((w, labels) => one(w.gcSeconds, labels)),
  shrike_worker_event_loop_delay_p99_seconds: perWorker((w, labels) =>
    one(w.eventLoopDelayMsP99 / 1000, labels),
  ),
  shrike_scorer_threads: ({ scorer }) => one(scorer.threads),
  shrike_scorer_busy_threads: ({ scorer }) => one(scorer.busyThreads),
  shrike_scorer_queued_requests: ({ scorer }) => one(scorer.queuedRequests),
  shrike_scorer_queued_rows: ({ scorer }) => one(scorer.queuedRows),
  shrike_scorer_call_rows: ({ scorer }) =>
    histogramSamples({ counts: scorer.callRows, sum: scorer.rows }, ROWS_BUCKETS, {}),
  shrike_scorer_latency_seconds: ({ scorer }) => seconds(scorer.latency, {}),
  shrike_scorer_failed_calls_total: ({ scorer }) => one(scorer.failedCalls),
  shrike_scorer_thread_deaths_total: ({ scorer }) => one(scorer.threadDeaths),

  shrike_memory_limit_bytes: ({ surroundings }) => one(surroundings.memoryLimitBytes),
  shrike_disk_bytes: ofDisk('bytes'),
  shrike_disk_free_bytes: ofDisk('freeBytes'),
  shrike_certificate_expiry_seconds: certificates,
};
