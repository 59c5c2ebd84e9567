/** Panels of partitions, one by one, and of what brings payments to them. */
import type { PanelBuilder } from './dashboard.ts';
import { lines } from './panels.ts';
import { gauge, rate } from './promql.ts';
import { rows } from './tables.ts';

/** Red from where the alert on growing lag looks; yellow is the objective's bound. */
export const LAG_LIMITS = { yellow: 10, red: 30 };

const PHASE_COLORS = {
  live: 'green',
  assigned: 'super-light-blue',
  restoring: 'blue',
  replaying: 'light-blue',
  recovering: 'orange',
  closing: 'purple',
  closed: 'light-purple',
  failed: 'red',
};

export const PARTITIONS: readonly PanelBuilder[] = [
  rows({
    title: 'Partitions',
    answers: 'Where does every partition stand, and who has it?',
    whenRed: 'sort by lag or by stage: a stage that lasts names what it waits for.',
    runbook: 'shrikepartitionstuck',
    width: 16,
    height: 10,
    worstBy: 'lag',
    labels: ['partition', 'instance', 'phase'],
    columns: [
      {
        title: 'phase value',
        expr: `${gauge('max', 'shrike_partition_phase', { by: ['instance', 'partition', 'phase'] })} == 1`,
        unit: 'short',
        isHidden: true,
      },
      {
        title: 'payments/s',
        expr: rate('shrike_records_total', { by: ['instance', 'partition'] }),
        unit: 'short',
        decimals: 1,
      },
      {
        title: 'lag',
        expr: gauge('max', 'shrike_lag_seconds', { by: ['instance', 'partition'] }),
        unit: 's',
        limits: LAG_LIMITS,
      },
      {
        title: 'records behind',
        expr: gauge('max', 'shrike_lag_records', { by: ['instance', 'partition'] }),
        unit: 'short',
        decimals: 0,
      },
      {
        title: 'in its stage for',
        expr: gauge('max', 'shrike_partition_stage_age_seconds', { by: ['instance', 'partition'] }),
        unit: 's',
        limits: { yellow: 10, red: 30 },
      },
      {
        title: 'end of the log',
        expr: gauge('max', 'shrike_high_watermark_offset', { by: ['instance', 'partition'] }),
        unit: 'none',
      },
    ],
  }),
  lines({
    title: 'Partitions by phase',
    height: 10,
    answers: 'In which phase of their life are how many partitions?',
    whenRed: 'failed ones wait for a person; recovering ones meet the same error again and again.',
    runbook: 'shrikepartitionnotlive',
    width: 8,
    unit: 'short',
    decimals: 0,
    isStacked: true,
    queries: [
      {
        expr: `${gauge('sum', 'shrike_partition_phase', { by: ['phase'] })} > 0`,
        legend: '{{phase}}',
      },
    ],
    colors: PHASE_COLORS,
  }),
];

export const REKEYING: readonly PanelBuilder[] = [
  lines({
    title: 'Re-keyed payments per second',
    answers: 'How many payments are brought to their users, by whom?',
    whenRed: 'it is 0 while producers produce: the problems of the process say why.',
    runbook: 'input-that-is-keyed-otherwise',
    width: 8,
    unit: 'si:/s',
    isStacked: true,
    queries: [
      {
        expr: rate('shrike_rekey_records_total', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Re-keying lag',
    answers: "How old is the oldest payment that is not on its way to its user's partition?",
    whenRed: 'a partition is not re-keyed, or there is too much for one process.',
    runbook: 'shrikerekeylaghigh',
    width: 8,
    unit: 's',
    limits: { yellow: 10, red: 60 },
    queries: [
      {
        expr: gauge('max', 'shrike_rekey_lag_seconds', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Re-keying: waiting, refused, gone back',
    answers: 'How many records wait, name no user, and how often did it start again?',
    whenRed: 'dead letters: a producer. Recoveries: the log.',
    runbook: 'input-that-is-keyed-otherwise',
    width: 8,
    unit: 'short',
    queries: [
      { expr: gauge('sum', 'shrike_rekey_lag_records'), legend: 'records waiting' },
      {
        expr: `60 * ${rate('shrike_rekey_dead_letters_total')}`,
        legend: 'dead letters per minute',
      },
      { expr: `60 * ${rate('shrike_rekey_recoveries_total')}`, legend: 'recoveries per minute' },
      { expr: rate('shrike_rekey_commits_total'), legend: 'commits per second' },
    ],
  }),
];
