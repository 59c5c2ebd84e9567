/** Recoveries that are rehearsed: when was the last one, did it pass, how long did it take. */
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard';
import type { DashboardFacts, PanelBuilder } from './dashboard.ts';
import { figure, lines } from './panels.ts';
import { type GaugeName, gauge } from './promql.ts';

const RESTORE = { where: { kind: '="restore"' } } as const;
const FAILOVER = { where: { kind: '="failover"' } } as const;

const HALF_A_DAY = 43_200;
const DAYS = 86_400;

const since = (of: typeof RESTORE | typeof FAILOVER) =>
  `time() - ${gauge('max', 'shrike_drill_last_success_timestamp_seconds', of)}`;

const restores: readonly PanelBuilder[] = [
  result('Last restore', RESTORE),
  figure({
    title: 'Since a restore passed',
    answers: 'How long ago was it shown that a lost machine can be restored?',
    whenRed: 'no restore passed for a day and a half: run `shrike drill restore`, read its report.',
    runbook: 'shrikedrilloverdue',
    width: 4,
    unit: 's',
    decimals: 1,
    limits: { yellow: DAYS + 3600, red: DAYS + HALF_A_DAY },
    expr: since(RESTORE),
  }),
  figure({
    title: 'RTO of a restore',
    answers: 'How long does it take from the loss of a machine until its partitions are live?',
    whenRed: 'longer than you promised: shorter checkpoint intervals, more members.',
    runbook: 'shrikedrillfailed',
    width: 4,
    unit: 's',
    limits: { yellow: 300, red: 900 },
    expr: gauge('max', 'shrike_drill_rto_seconds', RESTORE),
  }),
  figure({
    title: 'RPO bound',
    answers: 'How old was the oldest checkpoint? Nothing committed is lost: so much is replayed.',
    whenRed: 'it nears the retention of the log: then a restore could not replay.',
    runbook: 'shrikecheckpointstale',
    width: 4,
    unit: 's',
    limits: { yellow: 120, red: 600 },
    expr: gauge('max', 'shrike_drill_rpo_seconds'),
  }),
  figure({
    title: 'Bytes restored',
    answers: 'How many bytes of checkpoints does a restore copy?',
    whenRed: 'it grows without more users: segments are not compacted.',
    runbook: 'shrikedrillfailed',
    width: 4,
    unit: 'bytes',
    expr: gauge('max', 'shrike_drill_bytes'),
  }),
  figure({
    title: 'Records replayed',
    answers: 'How many payments does a restore replay after the copy?',
    whenRed: 'checkpoints are too far apart, or late.',
    runbook: 'shrikecheckpointstale',
    width: 4,
    unit: 'short',
    decimals: 0,
    expr: gauge('max', 'shrike_drill_replayed_records'),
  }),
];

const failovers: readonly PanelBuilder[] = [
  result('Last failover', FAILOVER),
  figure({
    title: 'Since a failover passed',
    answers: 'How long ago was a member killed on purpose, and replaced in time?',
    whenRed: 'no failover passed for five weeks: run `shrike drill failover` while payments come.',
    runbook: 'shrikedrilloverdue',
    width: 4,
    unit: 's',
    decimals: 1,
    limits: { yellow: 31 * DAYS, red: 35 * DAYS },
    expr: since(FAILOVER),
  }),
  figure({
    title: 'RTO of a failover',
    answers: 'How long from the kill of a member until its first partition scores again?',
    whenRed: 'most of it is kafka.sessionTimeoutMs; the rest is a commit that was left open.',
    runbook: 'one-process-several-processes',
    width: 4,
    unit: 's',
    limits: { yellow: 30, red: 90 },
    expr: gauge('max', 'shrike_drill_rto_seconds', FAILOVER),
  }),
  figure({
    title: 'Failover caught up',
    answers: 'How long from the kill until its partitions had nothing left to catch up?',
    whenRed: 'the others have no CPU to spare for what one more member leaves them.',
    runbook: 'shrikelaghigh',
    width: 4,
    unit: 's',
    limits: { yellow: 60, red: 180 },
    expr: gauge('max', 'shrike_drill_caught_up_seconds'),
  }),
  figure({
    title: 'Last drill of any kind',
    answers: 'How long ago did the last drill end, well or not?',
    whenRed: 'nobody drills any more: is the schedule suspended?',
    runbook: 'shrikedrilloverdue',
    width: 8,
    unit: 's',
    decimals: 1,
    limits: { yellow: DAYS + 3600, red: DAYS + HALF_A_DAY },
    expr: `time() - ${gauge('max', 'shrike_drill_last_timestamp_seconds')}`,
  }),
];

const courses: readonly PanelBuilder[] = [
  course({
    title: 'RTO, drill by drill',
    answers: 'Does recovery take longer than it did? A step is a new report.',
    whenRed: 'it grows with the state: see what of it is copying and what is replaying.',
    unit: 's',
    names: { shrike_drill_rto_seconds: '{{kind}}' },
  }),
  course({
    title: 'Where a restore spends its time',
    answers: 'Is it the copying of checkpoints, or the replay of the log?',
    whenRed: 'copying: the store, compaction. Replay: shorter checkpoint intervals.',
    unit: 's',
    names: { shrike_drill_restore_seconds: 'copy', shrike_drill_replay_seconds: 'replay' },
  }),
  course({
    title: 'What a restore moves',
    answers: 'How does what is copied grow?',
    whenRed: 'faster than the number of users: look at the segments of a manifest.',
    unit: 'bytes',
    names: { shrike_drill_bytes: 'checkpoints' },
  }),
];

function result(title: string, of: typeof RESTORE | typeof FAILOVER): PanelBuilder {
  return figure({
    title,
    answers: 'Did the last one pass: state equal, or recovered?',
    whenRed: 'read its report, `shrike drill` says where it lies; keep the evidence.',
    runbook: 'shrikedrillfailed',
    width: 4,
    unit: 'bool_on_off',
    limits: { red: 1, isFloor: true },
    expr: gauge('min', 'shrike_drill_success', of),
  }).mappings([
    {
      type: MappingType.ValueToText,
      options: { '0': { text: 'failed', color: 'red' }, '1': { text: 'passed', color: 'green' } },
    },
  ]);
}

interface CourseFacts {
  readonly title: string;
  readonly answers: string;
  readonly whenRed: string;
  readonly unit: string;
  readonly names: { readonly [N in DrillGauge]?: string };
}

type DrillGauge = Extract<GaugeName, `shrike_drill_${string}`>;

function course({ names, ...facts }: CourseFacts): PanelBuilder {
  return lines({
    ...facts,
    runbook: 'shrikedrillfailed',
    width: 8,
    queries: Object.entries(names).map(([name, legend]) => ({
      expr: gauge('max', name as DrillGauge, { by: ['kind'] }),
      legend,
    })),
  });
}

export const DRILLS: DashboardFacts = {
  name: 'drills',
  title: 'Drills',
  description: 'When was recovery rehearsed last, did it pass, and how long did it take?',
  from: 'now-30d',
  sections: [
    { title: 'Restore: a machine and its disk are lost', panels: restores },
    { title: 'Failover: a member is killed', panels: failovers },
    { title: 'Over time', panels: courses },
  ],
};
