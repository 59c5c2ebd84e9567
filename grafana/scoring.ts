/** Is the model called as it should be, and does it say what it used to say. */
import type { DashboardFacts, PanelBuilder } from './dashboard.ts';
import { distribution, figure, lines } from './panels.ts';
import { buckets, gauge, increase, mean, now, part, quantile, rate, shareAbove } from './promql.ts';
import { rows } from './tables.ts';

/** A scrape sees a thread busy or not; the mean of some says how often. */
const BUSY = `sum by (instance) (avg_over_time(${now('shrike_scorer_busy_threads')}[5m]))
  / ${gauge('sum', 'shrike_scorer_threads', { by: ['instance'] })}`;

const figures: readonly PanelBuilder[] = [
  figure({
    title: 'Scores per second',
    answers: 'How many payments does the model score each second?',
    whenRed: 'it is 0 while payments arrive: calls fail, or nobody owns the partitions.',
    runbook: 'shrikescoringfailing',
    width: 4,
    unit: 'si:/s',
    limits: { red: 0.01, isFloor: true },
    expr: part('shrike_scorer_call_rows', 'sum'),
  }),
  figure({
    title: 'Time to a score, p99',
    answers: 'How long does a request wait for its scores, from its arrival at the scorers?',
    whenRed: 'threads are busy, or too few: see the queue.',
    runbook: 'shrikelatencybudgetburn',
    width: 4,
    unit: 's',
    limits: { yellow: 0.05, red: 0.1778 },
    expr: quantile(0.99, 'shrike_scorer_latency_seconds'),
  }),
  figure({
    title: 'Rows waiting',
    answers: 'How many payments wait for a scorer thread?',
    whenRed: 'scoring is what bounds the throughput: more scorer threads, or processes.',
    runbook: 'shrikelaggrowing',
    width: 4,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 2048, red: 8192 },
    expr: gauge('sum', 'shrike_scorer_queued_rows'),
  }),
  figure({
    title: 'Calls that failed',
    answers: 'How many calls of the model failed, in the time shown?',
    whenRed: 'the log has SCORING_FAILED with the reason; the bundle, or memory.',
    runbook: 'shrikescoringfailing',
    width: 4,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 1, red: 5 },
    expr: `round(${increase('shrike_scorer_failed_calls_total')})`,
  }),
  figure({
    title: 'Threads that died',
    answers: 'How many scorer threads died and were replaced, in the time shown?',
    whenRed:
      'ONNX Runtime meets something it cannot survive: look for memory, then for the bundle.',
    runbook: 'shrikescorerthreadsdying',
    width: 4,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 1, red: 3 },
    expr: `round(${increase('shrike_scorer_thread_deaths_total')})`,
  }),
  figure({
    title: 'Models at work',
    answers: 'How many different models score at this moment?',
    whenRed: 'more than one outside of a roll-out: a process was left behind.',
    runbook: 'shrikemodelmismatch',
    width: 4,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 2, red: 3 },
    expr: `count (${gauge('count', 'shrike_info', { by: ['model'] })})`,
  }),
];

const calls: readonly PanelBuilder[] = [
  lines({
    title: 'Scores per second by instance',
    answers: 'Who scores how many payments?',
    whenRed: 'one has none: it owns no partition, or its calls fail.',
    runbook: 'shrikescoringfailing',
    width: 8,
    unit: 'si:/s',
    isStacked: true,
    queries: [
      {
        expr: part('shrike_scorer_call_rows', 'sum', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Time to a score',
    answers: 'What does scoring add to the latency of a payment?',
    whenRed: 'compare with busy threads: if they are not busy, the machine is.',
    runbook: 'shrikelatencybudgetburn',
    width: 8,
    unit: 's',
    queries: [
      { expr: quantile(0.5, 'shrike_scorer_latency_seconds'), legend: 'p50' },
      { expr: quantile(0.99, 'shrike_scorer_latency_seconds'), legend: 'p99' },
      { expr: quantile(0.999, 'shrike_scorer_latency_seconds'), legend: 'p99.9' },
    ],
    colors: { p50: 'green', p99: 'orange', 'p99.9': 'red' },
  }),
  lines({
    title: 'Busy threads',
    answers:
      'What share of the time have scorer threads a call under way? The mean of five minutes.',
    whenRed: 'near 100 % the next payments wait: more threads where there are cores.',
    runbook: 'shrikelaggrowing',
    width: 8,
    unit: 'percentunit',
    max: 1,
    limits: { yellow: 0.8, red: 0.95 },
    queries: [{ expr: BUSY, legend: '{{instance}}' }],
  }),
  lines({
    title: 'Waiting for a scorer thread',
    answers: 'How long is the queue in front of the model?',
    whenRed: 'it does not empty: scoring is what bounds the throughput.',
    runbook: 'shrikelaggrowing',
    width: 8,
    unit: 'short',
    queries: [
      { expr: gauge('sum', 'shrike_scorer_queued_rows'), legend: 'rows' },
      { expr: gauge('sum', 'shrike_scorer_queued_requests'), legend: 'requests' },
    ],
    colors: { rows: 'blue', requests: 'purple' },
  }),
  distribution({
    title: 'Rows of a call, distribution',
    answers: 'How large are the calls of the model? Larger ones cost less for each payment.',
    whenRed: 'nothing but single rows under load: payments trickle in one by one.',
    runbook: 'shrikelatencybudgetburn',
    width: 8,
    unit: 'short',
    expr: buckets('shrike_scorer_call_rows'),
  }),
  lines({
    title: 'Rows of a call',
    answers: 'How many payments does a call score, on average and at most?',
    whenRed: 'near 1,024 for long: a backlog is worked off.',
    runbook: 'shrikelaggrowing',
    width: 8,
    unit: 'short',
    queries: [
      { expr: mean('shrike_scorer_call_rows'), legend: 'mean' },
      { expr: quantile(0.99, 'shrike_scorer_call_rows'), legend: 'p99' },
    ],
    colors: { mean: 'green', p99: 'orange' },
  }),
];

const scores: readonly PanelBuilder[] = [
  distribution({
    title: 'Scores, distribution',
    answers: 'What does the model say of the payments, from 0 (sound) to 1 (fraud)?',
    whenRed: 'the picture shifts while payments are the same: a feature, a profile or the model.',
    runbook: 'shrikescoredrift',
    width: 12,
    unit: 'short',
    expr: buckets('shrike_score'),
  }),
  lines({
    title: 'Mean score: now, and over the day',
    answers: 'Do the scores of these minutes come to what those of the day come to?',
    whenRed: 'they part for an hour: compare model and profiles with the day before.',
    runbook: 'shrikescoredrift',
    width: 6,
    unit: 'short',
    decimals: 4,
    queries: [
      { expr: mean('shrike_score'), legend: 'now' },
      { expr: mean('shrike_score', { over: '1d' }), legend: 'over a day' },
    ],
    colors: { now: 'orange', 'over a day': 'blue' },
  }),
  lines({
    title: 'Share of high scores',
    answers: 'What share of the payments is scored above 0.5, above 0.9, and is an alert?',
    whenRed: 'it is many times the usual: an attack, or a model that has gone wrong.',
    runbook: 'shrikealertshareshift',
    width: 6,
    unit: 'percentunit',
    queries: [
      { expr: shareAbove(0.5, 'shrike_score'), legend: 'above 0.5' },
      { expr: shareAbove(0.9, 'shrike_score'), legend: 'above 0.9' },
      {
        expr: `${rate('shrike_alerts_total')}\n  / ${rate('shrike_records_total')}`,
        legend: 'alerts',
      },
    ],
    colors: { 'above 0.5': 'yellow', 'above 0.9': 'orange', alerts: 'red' },
  }),
  rows({
    title: 'What runs',
    answers: 'Which model and which version does each process run?',
    whenRed: 'they differ outside of a roll-out: restart the one that was left behind.',
    runbook: 'shrikemodelmismatch',
    width: 24,
    height: 7,
    labels: ['instance', 'application', 'version', 'model'],
    columns: [
      {
        title: 'process',
        expr: `max by (instance, application, version, model) (${now('shrike_info')})`,
        unit: 'none',
        isHidden: true,
      },
    ],
  }),
];

export const SCORING: DashboardFacts = {
  name: 'scoring',
  title: 'Scoring and models',
  description: 'Is the model called as it should be, and does it say what it used to say?',
  sections: [
    { panels: figures },
    { title: 'Calls of the model', panels: calls },
    { title: 'Scores', panels: scores },
  ],
};
