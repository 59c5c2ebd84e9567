/**
 * Every metric of ours: the one list that /metrics, docs/metrics.md, dashboards and alert rules
 * follow.
 * Names end in their unit (base units, as Prometheus has them); counters end in `_total`.
 */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

const PARTITION = ['partition'] as const;
const WORKER = ['worker'] as const;
const KIND = ['kind'] as const;

// Generic in the labels: a query that groups by another one does not compile.
const row =
  <const T extends MetricRow['type']>(type: T) =>
  <const L extends readonly string[]>(labels: L, help: string) => ({ type, labels, help });

const counter = row('counter');
const gauge = row('gauge');
const histogram = row('histogram');

export const METRICS = {
  // The engine.
  shrike_info: gauge(
    ['application', 'version', 'model'],
    'Always 1; the labels say what is running.',
  ),
  shrike_ready: gauge(
    [],
    '1 when every partition is live and has caught up with what was there at the start.',
  ),
  shrike_input_partitions: gauge(
    [],
    'Partitions of the topic that is scored: so many must be live, over all engines.',
  ),
  shrike_status_timestamp_seconds: gauge(
    [],
    'When these figures were put together: they stand still while the log does not answer.',
  ),
  shrike_problems_count: gauge([], 'Things that are wrong now; /healthz names them.'),

  // Work done.
  shrike_records_total: counter(PARTITION, 'Input records committed.'),
  shrike_record_bytes_total: counter(PARTITION, 'Bytes of the input records committed.'),
  shrike_replayed_records_total: counter(
    PARTITION,
    'Records applied again to rebuild state, without outputs.',
  ),
  shrike_alerts_total: counter(PARTITION, 'Fraud alerts committed.'),
  shrike_dead_letters_total: counter(PARTITION, 'Records that could not be used.'),
  shrike_commits_total: counter(PARTITION, 'Commits of outputs and input offsets.'),
  shrike_recoveries_total: counter(
    PARTITION,
    'Times a partition went back to its committed offset, whatever the cause.',
  ),
  shrike_errors_total: counter(
    ['worker', 'code'],
    'Errors by the code of the error table; UNEXPECTED for those that are not in it.',
  ),

  // Lag and latency.
  shrike_lag_records: gauge(PARTITION, 'Records in the log that are not committed yet.'),
  shrike_lag_seconds: gauge(PARTITION, 'Age of the oldest record that is not committed yet.'),
  shrike_latency_seconds: histogram(
    WORKER,
    "From a record's timestamp to the commit of its output.",
  ),
  shrike_commit_duration_seconds: histogram(WORKER, 'Time of one commit.'),
  shrike_score: histogram(
    ['worker', 'model'],
    'Scores of committed payments, from 0 to 1: their drift shows here.',
  ),

  // Re-keying; absent where the input is keyed by user.
  shrike_rekey_records_total: counter([], 'Records re-keyed and committed, dead letters included.'),
  shrike_rekey_dead_letters_total: counter([], 'Of them, those that name no user.'),
  shrike_rekey_commits_total: counter([], 'Commits of re-keyed records and input offsets.'),
  shrike_rekey_recoveries_total: counter(
    [],
    'Times that re-keying went back to its committed offsets, whatever the cause.',
  ),
  shrike_rekey_lag_records: gauge([], 'Records in the log that are not re-keyed yet.'),
  shrike_rekey_lag_seconds: gauge([], 'Age of the oldest record that is not re-keyed yet.'),

  // Partitions.
  shrike_partition_phase: gauge(
    ['partition', 'phase'],
    "1 for the phase of the partition's life that it is in, 0 for the others.",
  ),
  shrike_partition_stage_age_seconds: gauge(
    PARTITION,
    'How long the partition has waited in its present stage; 0 when idle.',
  ),
  shrike_partition_waiting_seconds: gauge(
    ['partition', 'for'],
    'How long the partition has waited for the log or the object store, over all tries; absent when it does not.',
  ),
  shrike_stage_seconds_total: counter(
    ['partition', 'stage'],
    'CPU-bound seconds spent on each stage.',
  ),
  shrike_high_watermark_offset: gauge(PARTITION, 'Offset after the last record in the log.'),
  shrike_committed_offset: gauge(PARTITION, 'Next offset to process, as the log says (K).'),
  shrike_stored_offset: gauge(PARTITION, 'Next offset that the state on local disk covers (L).'),
  shrike_checkpoint_offset: gauge(PARTITION, 'Next offset that the last checkpoint covers (C).'),

  // Checkpoints.
  shrike_checkpoints_total: counter(PARTITION, 'Checkpoints sealed.'),
  shrike_checkpoint_failures_total: counter(PARTITION, 'Checkpoints that could not be written.'),
  shrike_checkpoint_age_seconds: gauge(
    PARTITION,
    'Since the last checkpoint was sealed; absent before the first.',
  ),
  shrike_checkpoint_interval_seconds: gauge(
    [],
    'Time from one checkpoint of a partition to the next, as configured.',
  ),
  shrike_checkpoint_last_bytes: gauge(PARTITION, 'Bytes that the last checkpoint uploaded.'),
  shrike_checkpoint_last_duration_seconds: gauge(PARTITION, 'Time that the last checkpoint took.'),
  shrike_checkpoint_backlog_bytes: gauge(
    PARTITION,
    'Bytes of snapshots that wait until the ones before them are sealed.',
  ),
  shrike_checkpoint_pause_seconds: histogram(
    WORKER,
    'How long taking a snapshot held up the payments of its partition.',
  ),

  // Drills: the newest of each kind (restore, failover), whoever ran it; absent before the first.
  shrike_drill_success: gauge(KIND, '1 when the last drill passed: state equal, or recovered.'),
  shrike_drill_last_timestamp_seconds: gauge(KIND, 'When the last drill ended.'),
  shrike_drill_last_success_timestamp_seconds: gauge(
    KIND,
    'When the last drill ended that passed.',
  ),
  shrike_drill_rto_seconds: gauge(
    KIND,
    'From the loss to live: of a restore, the partitions in turn; of a failover, the first output.',
  ),
  shrike_drill_caught_up_seconds: gauge(
    KIND,
    'From the kill until the partitions had caught up; of a failover only.',
  ),
  shrike_drill_rpo_seconds: gauge(
    KIND,
    'Age of the oldest checkpoint that was restored: what the log must at least hold.',
  ),
  shrike_drill_restore_seconds: gauge(KIND, 'Time of copying the checkpoints in.'),
  shrike_drill_bytes: gauge(KIND, 'Bytes of the checkpoints that were copied in.'),
  shrike_drill_replay_seconds: gauge(KIND, 'Time of replaying the log up to the live offset.'),
  shrike_drill_replayed_records: gauge(KIND, 'Records that were replayed.'),

  // State.
  shrike_cache_hits_total: counter(PARTITION, 'Actors that were found in memory.'),
  shrike_cache_misses_total: counter(PARTITION, 'Actors that had to be read from RocksDB.'),
  shrike_cache_actors: gauge(PARTITION, 'Actors in memory.'),
  shrike_cache_bytes: gauge(PARTITION, 'Estimated bytes of the actors in memory.'),
  shrike_cache_dirty_bytes: gauge(PARTITION, 'Of them, not yet written to RocksDB.'),
  shrike_rocksdb_bytes: gauge(PARTITION, "Bytes of the partition's RocksDB on disk."),

  // Threads.
  shrike_worker_heap_bytes: gauge(WORKER, 'JavaScript heap in use by the actor thread.'),
  shrike_worker_heap_limit_bytes: gauge(
    WORKER,
    'What V8 allows the heap of the actor thread; beyond it the thread ends.',
  ),
  shrike_worker_gc_seconds_total: counter(
    WORKER,
    'Seconds that the actor thread spent on collecting garbage.',
  ),
  shrike_worker_event_loop_delay_p99_seconds: gauge(
    WORKER,
    'Delay of the event loop of the actor thread, 99th percentile of the last second.',
  ),
  shrike_scorer_threads: gauge([], 'Scorer threads.'),
  shrike_scorer_busy_threads: gauge([], 'Scorer threads with a call under way.'),
  shrike_scorer_queued_requests: gauge([], 'Requests that wait for a scorer thread.'),
  shrike_scorer_queued_rows: gauge([], 'Rows that wait for a scorer thread.'),
  shrike_scorer_call_rows: histogram([], 'Rows of one call of the model.'),
  shrike_scorer_latency_seconds: histogram([], "From a request's arrival to its scores."),
  shrike_scorer_failed_calls_total: counter(
    [],
    'Calls of the model that failed, whether or not a second try mended them.',
  ),
  shrike_scorer_thread_deaths_total: counter([], 'Scorer threads that died and were replaced.'),

  // What surrounds the engine.
  shrike_memory_limit_bytes: gauge(
    [],
    'Memory that the process may have: the limit of its control group, or else of the machine.',
  ),
  shrike_disk_bytes: gauge([], 'Size of the volume of the data folder.'),
  shrike_disk_free_bytes: gauge([], 'Of it, free for this process.'),
  shrike_certificate_expiry_seconds: gauge(
    ['which'],
    'Until a certificate ends, negative afterwards: `client` is ours, `broker` as shown last, `authority` the last one in kafka.tls.caFile; absent where there is none.',
  ),
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
