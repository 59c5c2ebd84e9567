/** The one to watch: are payments scored, in time, and all of them. */
import type { DashboardFacts, PanelBuilder } from './dashboard.ts';
import { distribution, figure, lines } from './panels.ts';
import { LAG_LIMITS, PARTITIONS, REKEYING } from './partitions.ts';
import { buckets, gauge, growth, increase, quantile, rate } from './promql.ts';

const QUANTILES = [
  { q: 0.5, legend: 'p50' },
  { q: 0.99, legend: 'p99' },
  { q: 0.999, legend: 'p99.9' },
] as const;

/** The objective: grafana/alerts/slo.yaml has the same bound. */
const LATENCY_LIMITS = { yellow: 0.1778, red: 0.3162 };
const figures: readonly PanelBuilder[] = [
  figure({
    title: 'Payments per second',
    answers: 'How many payments are scored and committed each second, over all processes?',
    whenRed: 'it is 0 while producers produce: see who owns the partitions.',
    runbook: 'shrikepartitionnotowned',
    width: 3,
    unit: 'si:/s',
    limits: { red: 0.01, isFloor: true },
    expr: rate('shrike_records_total'),
  }),
  figure({
    title: 'Lag',
    answers: 'How old is the oldest payment that still waits to be scored?',
    whenRed:
      'something is slower than the payments come, or stands still: find the partition below.',
    runbook: 'shrikelaggrowing',
    width: 3,
    unit: 's',
    decimals: 1,
    limits: LAG_LIMITS,
    expr: gauge('max', 'shrike_lag_seconds'),
  }),
  figure({
    title: 'Latency, p99',
    answers: 'Within what time are 99 of 100 payments scored, from their timestamp to the commit?',
    whenRed: 'the objective of 0.3162 s is missed: look for lag, slow commits, busy scorers.',
    runbook: 'shrikelatencybudgetburn',
    width: 3,
    unit: 's',
    limits: LATENCY_LIMITS,
    expr: quantile(0.99, 'shrike_latency_seconds'),
  }),
  figure({
    title: 'Alerts',
    answers: 'How many frauds did we tell of, in the time shown?',
    whenRed: 'not one: see the scores on the dashboard of scoring.',
    runbook: 'shrikealertshareshift',
    width: 3,
    unit: 'short',
    decimals: 0,
    limits: { red: 1, isFloor: true },
    expr: `round(${increase('shrike_alerts_total')})`,
  }),
  figure({
    title: 'Dead letters',
    answers: 'How many records could not be used, in the time shown?',
    whenRed: 'look at them with `shrike dlq list`, and at who writes them.',
    runbook: 'shrikedeadletters',
    width: 3,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 1, red: 100 },
    expr: `round(${increase('shrike_dead_letters_total')})`,
  }),
  figure({
    title: 'Partitions not live',
    answers:
      'How many partitions of the topic does nobody score now? (Of all, if all instances are chosen.)',
    whenRed:
      'for longer than a restart takes: their payments wait. The table below has the phases.',
    runbook: 'shrikepartitionnotlive',
    width: 3,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 1, red: 2 },
    expr: `${gauge('max', 'shrike_input_partitions')}\n  - (${gauge('sum', 'shrike_partition_phase', { where: { phase: '="live"' } })})`,
  }),
  figure({
    title: 'Processes not ready',
    answers: 'How many processes have not caught up with what was there at their start?',
    whenRed: 'for longer than a replay takes: ask their /readyz.',
    runbook: 'shrikeavailabilitybudgetburn',
    width: 3,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 1, red: 2 },
    expr: `${gauge('count', 'shrike_ready')} - ${gauge('sum', 'shrike_ready')}`,
  }),
  figure({
    title: 'Problems',
    answers: 'How many things do the processes themselves call wrong?',
    whenRed: 'their /healthz names them, one sentence each.',
    runbook: 'shrikeproblems',
    width: 3,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 1, red: 2 },
    expr: gauge('sum', 'shrike_problems_count'),
  }),
];

const payments: readonly PanelBuilder[] = [
  lines({
    title: 'Keeping up: end of the log, and what is committed',
    answers: 'Do they grow at the same pace? An offset is a payment, or the mark of a commit.',
    whenRed: 'arriving stays above committed: add processes, up to one a partition.',
    runbook: 'shrikelaggrowing',
    width: 12,
    unit: 'si:/s',
    queries: [
      { expr: growth('shrike_high_watermark_offset'), legend: 'arriving' },
      { expr: growth('shrike_committed_offset'), legend: 'committed' },
    ],
    colors: { arriving: 'orange', committed: 'green' },
  }),
  lines({
    title: 'Payments by instance',
    answers: 'Who scores how many? Partitions are shared evenly, payments as evenly as users are.',
    whenRed: 'one has none: it owns no partition, or does not answer.',
    runbook: 'one-process-several-processes',
    width: 12,
    unit: 'si:/s',
    isStacked: true,
    isMany: true,
    queries: [{ expr: rate('shrike_records_total', { by: ['instance'] }), legend: '{{instance}}' }],
  }),
  lines({
    title: 'Lag in seconds by partition',
    answers: 'Which partition is behind, and by how long?',
    whenRed: 'one line: its record, operator or owner. All lines: the log, or too few processes.',
    runbook: 'shrikelaghigh',
    width: 12,
    unit: 's',
    isMany: true,
    limits: LAG_LIMITS,
    queries: [
      { expr: gauge('max', 'shrike_lag_seconds', { by: ['partition'] }), legend: '{{partition}}' },
    ],
  }),
  lines({
    title: 'Lag in records by partition',
    answers: 'How many records wait in each partition?',
    whenRed: 'it grows without bound: as with the lag in seconds. A short peak is a commit.',
    runbook: 'shrikelaggrowing',
    width: 12,
    unit: 'short',
    isMany: true,
    queries: [
      { expr: gauge('max', 'shrike_lag_records', { by: ['partition'] }), legend: '{{partition}}' },
    ],
  }),
];

const latency: readonly PanelBuilder[] = [
  lines({
    title: 'Latency, end to end',
    answers: "How long does it take from a payment's timestamp to the commit of its score?",
    whenRed: 'p99 is above the objective: compare with the commits below, and with the scorers.',
    runbook: 'shrikelatencybudgetburn',
    width: 8,
    unit: 's',
    limits: LATENCY_LIMITS,
    queries: QUANTILES.map(({ q, legend }) => ({
      expr: quantile(q, 'shrike_latency_seconds'),
      legend,
    })),
    colors: { p50: 'green', p99: 'orange', 'p99.9': 'red' },
  }),
  distribution({
    title: 'Latency, distribution',
    answers: 'Are slow payments a few of all, or a crowd of their own?',
    whenRed: 'a second band stands far above the first: one instance, or every checkpoint.',
    runbook: 'shrikelatencybudgetburn',
    width: 8,
    unit: 's',
    expr: buckets('shrike_latency_seconds'),
  }),
  lines({
    title: 'Latency by instance, p99',
    answers: 'Is one process slower than the others?',
    whenRed: 'one is: look at its CPU, its disk and its event loop.',
    runbook: 'shrikelatencybudgetburn',
    width: 8,
    unit: 's',
    limits: LATENCY_LIMITS,
    queries: [
      {
        expr: quantile(0.99, 'shrike_latency_seconds', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Commits, p50 and p99',
    answers: 'How long does the log take for one commit?',
    whenRed: 'the brokers, or the disk of the embedded log, are slow; or a transaction is stuck.',
    runbook: 'shrikecommitfailing',
    width: 8,
    unit: 's',
    queries: QUANTILES.slice(0, 2).map(({ q, legend }) => ({
      expr: quantile(q, 'shrike_commit_duration_seconds'),
      legend,
    })),
    colors: { p50: 'green', p99: 'orange' },
  }),
  lines({
    title: 'Commits and batches',
    answers: 'How many batches are committed each second, and how many payments are in one?',
    whenRed: 'few and large: commits are slow. Many and tiny is latency that is not asked for.',
    runbook: 'shrikecommitfailing',
    width: 8,
    unit: 'short',
    queries: [
      { expr: rate('shrike_commits_total'), legend: 'batches per second' },
      {
        expr: `${rate('shrike_records_total')}\n  / ${rate('shrike_commits_total')}`,
        legend: 'payments in a batch',
      },
    ],
    colors: { 'batches per second': 'blue', 'payments in a batch': 'purple' },
  }),
  lines({
    title: 'Input in bytes',
    answers: 'How many bytes of payments are read and committed each second?',
    whenRed: 'it grows faster than the payments do: a producer writes larger records.',
    runbook: 'shrikelaggrowing',
    width: 8,
    unit: 'Bps',
    isStacked: true,
    queries: [
      { expr: rate('shrike_record_bytes_total', { by: ['instance'] }), legend: '{{instance}}' },
    ],
  }),
];

const outcomes: readonly PanelBuilder[] = [
  lines({
    title: 'Alerts per minute by instance',
    answers: 'How many alerts come from whom?',
    whenRed: 'none for long, or many times the usual: compare with the scores.',
    runbook: 'shrikealertshareshift',
    width: 12,
    unit: 'short',
    isStacked: true,
    isMany: true,
    queries: [
      {
        expr: `60 * ${rate('shrike_alerts_total', { by: ['instance'] })}`,
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Alerts per minute by partition',
    answers: 'Are alerts spread over the users, or does one partition have them all?',
    whenRed: 'one partition: a few users are under attack, or a producer repeats itself.',
    runbook: 'shrikealertshareshift',
    width: 12,
    unit: 'short',
    isStacked: true,
    isMany: true,
    queries: [
      {
        expr: `60 * ${rate('shrike_alerts_total', { by: ['partition'] })}`,
        legend: '{{partition}}',
      },
    ],
  }),
  lines({
    title: 'Dead letters per minute by partition',
    answers: 'Who gets records that cannot be used?',
    whenRed: 'a producer writes what does not fit the schema: `shrike dlq list` shows what.',
    runbook: 'shrikedeadletters',
    width: 12,
    unit: 'short',
    isStacked: true,
    isMany: true,
    queries: [
      {
        expr: `60 * ${rate('shrike_dead_letters_total', { by: ['partition'] })}`,
        legend: '{{partition}}',
      },
    ],
  }),
  lines({
    title: 'Errors per minute by code',
    answers: 'What goes wrong, by the codes of docs/errors.md? No data: nothing ever did.',
    whenRed: 'the code says what to do; those of dead letters count here, too.',
    runbook: 'shrikeproblems',
    width: 12,
    unit: 'short',
    isStacked: true,
    isMany: true,
    queries: [
      { expr: `60 * ${rate('shrike_errors_total', { by: ['code'] })}`, legend: '{{code}}' },
    ],
  }),
];

export const THROUGHPUT: DashboardFacts = {
  name: 'throughput',
  title: 'Throughput',
  description: 'The one to watch: are payments scored, in time, and all of them?',
  sections: [
    { panels: figures },
    { title: 'Payments', panels: payments },
    { title: 'Latency', panels: latency },
    { title: 'What came out', panels: outcomes },
    { title: 'Partitions', panels: PARTITIONS },
    { title: 'Re-keying: only with input.keyedByUser=false', isCollapsed: true, panels: REKEYING },
  ],
};
