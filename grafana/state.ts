/** What is remembered, where it lies, and how soon a lost machine would be back. */
import type { DashboardFacts, PanelBuilder } from './dashboard.ts';
import { figure, lines } from './panels.ts';
import { gauge, increase, now, quantile, rate } from './promql.ts';
import { rows } from './tables.ts';

/** In intervals of `checkpoints.intervalMs`: the alert has the same. */
const AGE_LIMITS = { yellow: 6, red: 12 };
const AGE_IN_INTERVALS = `max (
  ${now('shrike_checkpoint_age_seconds')}
  / on (instance) group_left () ${now('shrike_checkpoint_interval_seconds')}
)`;

/**
 * What is committed and not in there: what would be replayed. A partition that has not sealed here
 * yet has no offset of a checkpoint; one that has not begun, none on the disk.
 */
const beyond = (
  offset: 'shrike_stored_offset' | 'shrike_checkpoint_offset',
  by: 'sum' | 'sum by (instance)',
) => `${by} (\n  ${now('shrike_committed_offset')}\n  - (${now(offset)} > 0)\n)`;

const HITS = rate('shrike_cache_hits_total', { by: ['instance'] });
const MISSES = rate('shrike_cache_misses_total', { by: ['instance'] });

const figures: readonly PanelBuilder[] = [
  figure({
    title: 'Oldest checkpoint',
    answers: 'How old is the newest checkpoint of the partition that is worst off?',
    whenRed: 'the store is slow, full or away. Payments go on; a lost machine would replay more.',
    runbook: 'shrikecheckpointstale',
    width: 4,
    unit: 's',
    limits: { yellow: 60, red: 120 },
    expr: gauge('max', 'shrike_checkpoint_age_seconds'),
  }),
  figure({
    title: 'Oldest checkpoint, in intervals',
    answers: 'The same, in units of checkpoints.intervalMs.',
    whenRed: 'twelve intervals went by without a checkpoint: see failures and backlog.',
    runbook: 'shrikecheckpointstale',
    width: 4,
    unit: 'short',
    decimals: 1,
    limits: AGE_LIMITS,
    expr: AGE_IN_INTERVALS,
  }),
  figure({
    title: 'Checkpoints that failed',
    answers: 'How many checkpoints could not be written, in the time shown?',
    whenRed: 'the log of the process has the reason, at `checkpoint not sealed`.',
    runbook: 'shrikecheckpointfailing',
    width: 4,
    unit: 'short',
    decimals: 0,
    limits: { yellow: 1, red: 5 },
    expr: `round(${increase('shrike_checkpoint_failures_total')})`,
  }),
  figure({
    title: 'To replay after a crash',
    answers: 'How many payments are committed and not on the local disk yet?',
    whenRed: 'snapshots are not stored: look at the disks of the data folders.',
    runbook: 'shrikecheckpointstale',
    width: 4,
    unit: 'short',
    expr: beyond('shrike_stored_offset', 'sum'),
  }),
  figure({
    title: 'To replay without the disks',
    answers: 'How many payments would be replayed if every machine were lost now?',
    whenRed: 'checkpoints are late. What the log still holds bounds what can be replayed.',
    runbook: 'lost-state',
    width: 4,
    unit: 'short',
    expr: beyond('shrike_checkpoint_offset', 'sum'),
  }),
  figure({
    title: 'Found in memory',
    answers: 'Of a hundred actors that are needed, how many are in memory already?',
    whenRed: 'steps wait for RocksDB: raise state.cacheBytesMax, or add processes.',
    runbook: 'shrikelatencybudgetburn',
    width: 4,
    unit: 'percentunit',
    decimals: 1,
    limits: { yellow: 0.9, red: 0.5, isFloor: true },
    expr: `sum (${HITS})\n  / (sum (${HITS}) + sum (${MISSES}))`,
  }),
];

const checkpoints: readonly PanelBuilder[] = [
  lines({
    title: 'Age of the oldest checkpoint by instance',
    answers: 'Does everybody seal in turn? Between one interval and two is as it should be.',
    whenRed: 'a line that climbs: one of its partitions cannot seal, or has nothing new.',
    runbook: 'shrikecheckpointstale',
    width: 12,
    unit: 's',
    isMany: true,
    limits: { yellow: 60, red: 120 },
    queries: [
      {
        expr: gauge('max', 'shrike_checkpoint_age_seconds', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Checkpoints per minute',
    answers: 'How many are sealed, and how many fail?',
    whenRed: 'failures: the object store, or another owner.',
    runbook: 'shrikecheckpointfailing',
    width: 6,
    unit: 'short',
    queries: [
      { expr: `60 * ${rate('shrike_checkpoints_total')}`, legend: 'sealed' },
      { expr: `60 * ${rate('shrike_checkpoint_failures_total')}`, legend: 'failed' },
    ],
    colors: { sealed: 'green', failed: 'red' },
  }),
  lines({
    title: 'Waiting for the store',
    answers: 'How many bytes of snapshots wait until those before them are sealed?',
    whenRed: 'at checkpoints.backlogBytesMax they are dropped, and a new base is written.',
    runbook: 'the-store-is-down-or-full',
    width: 6,
    unit: 'bytes',
    isStacked: true,
    queries: [
      {
        expr: gauge('sum', 'shrike_checkpoint_backlog_bytes', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Time of a checkpoint',
    answers: 'How long did the last upload of each process take, of its slowest partition?',
    whenRed: 'it nears the interval: the store is slow, or the interval too short.',
    runbook: 'shrikecheckpointstale',
    width: 8,
    unit: 's',
    queries: [
      {
        expr: gauge('max', 'shrike_checkpoint_last_duration_seconds', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Size of the last checkpoints',
    answers: 'How many bytes of changes does one round of checkpoints upload?',
    whenRed: 'more than the network takes within an interval: a longer interval writes less.',
    runbook: 'shrikecheckpointstale',
    width: 8,
    unit: 'bytes',
    isStacked: true,
    queries: [
      {
        expr: gauge('sum', 'shrike_checkpoint_last_bytes', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Pause of payments for a snapshot',
    answers: 'How long does taking a snapshot hold up the payments of its partition?',
    whenRed: 'p99 shows in the latency: fewer dirty actors a snapshot, by a shorter interval.',
    runbook: 'shrikelatencybudgetburn',
    width: 8,
    unit: 's',
    limits: { yellow: 0.05, red: 0.1 },
    queries: [
      { expr: quantile(0.5, 'shrike_checkpoint_pause_seconds'), legend: 'p50' },
      { expr: quantile(0.99, 'shrike_checkpoint_pause_seconds'), legend: 'p99' },
    ],
    colors: { p50: 'green', p99: 'orange' },
  }),
];

const replay: readonly PanelBuilder[] = [
  lines({
    title: 'Committed and not on the disk',
    answers: 'How many payments would a restart of this process replay?',
    whenRed: 'it grows: snapshots are not stored any more.',
    runbook: 'shrikecheckpointstale',
    width: 6,
    unit: 'short',
    queries: [
      { expr: beyond('shrike_stored_offset', 'sum by (instance)'), legend: '{{instance}}' },
    ],
  }),
  lines({
    title: 'Committed and in no checkpoint',
    answers: 'How many payments would be replayed if this machine were lost?',
    whenRed: 'it grows: checkpoints are late.',
    runbook: 'shrikecheckpointstale',
    width: 6,
    unit: 'short',
    queries: [
      { expr: beyond('shrike_checkpoint_offset', 'sum by (instance)'), legend: '{{instance}}' },
    ],
  }),
  lines({
    title: 'Replayed payments per second',
    answers: 'Who is catching up after a restart, and how fast?',
    whenRed: 'it goes on for long while nothing becomes live: the replay meets an error.',
    runbook: 'shrikepartitionnotlive',
    width: 6,
    unit: 'si:/s',
    isStacked: true,
    queries: [
      {
        expr: rate('shrike_replayed_records_total', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Recoveries per minute',
    answers: 'Whose partitions went back to their committed offset?',
    whenRed: 'one does so again and again: a record that an operator throws on, or the log.',
    runbook: 'shrikepartitionrecovering',
    width: 6,
    unit: 'short',
    isStacked: true,
    queries: [
      {
        expr: `60 * ${rate('shrike_recoveries_total', { by: ['instance'] })}`,
        legend: '{{instance}}',
      },
    ],
  }),
];

const memory: readonly PanelBuilder[] = [
  lines({
    title: 'Found in memory, by instance',
    answers: 'What share of the actors needed is in memory already?',
    whenRed: 'it falls while latency grows: the cache is too small for the users who are active.',
    runbook: 'shrikelatencybudgetburn',
    width: 6,
    unit: 'percentunit',
    max: 1,
    queries: [{ expr: `${HITS}\n  / (${HITS} + ${MISSES})`, legend: '{{instance}}' }],
  }),
  lines({
    title: 'Read from RocksDB',
    answers: 'How many actors are read from the disk each second?',
    whenRed: 'thousands a second a process: the disk bounds what it can score.',
    runbook: 'shrikelatencybudgetburn',
    width: 6,
    unit: 'si:/s',
    isStacked: true,
    queries: [{ expr: MISSES, legend: '{{instance}}' }],
  }),
  lines({
    title: 'Actors in memory',
    answers: 'How many cardholders are kept in memory by whom?',
    whenRed: 'it stands at the same number while misses grow: the cache is full.',
    runbook: 'shrikememorynearlimit',
    width: 6,
    unit: 'short',
    isStacked: true,
    queries: [
      {
        expr: gauge('sum', 'shrike_cache_actors', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Bytes in memory',
    answers: 'How large are the actors in memory, and how much of them is not on the disk yet?',
    whenRed: 'unwritten bytes grow: snapshots are not stored.',
    runbook: 'shrikememorynearlimit',
    width: 6,
    unit: 'bytes',
    queries: [
      { expr: gauge('sum', 'shrike_cache_bytes'), legend: 'in memory' },
      { expr: gauge('sum', 'shrike_cache_dirty_bytes'), legend: 'not yet written' },
    ],
    colors: { 'in memory': 'blue', 'not yet written': 'orange' },
  }),
  lines({
    title: 'RocksDB on disk',
    answers: 'How much disk does the state take?',
    whenRed: 'it nears the size of the disk: see free space on the dashboard of resources.',
    runbook: 'shrikedisknearfull',
    width: 8,
    unit: 'bytes',
    isStacked: true,
    isMany: true,
    queries: [
      {
        expr: gauge('sum', 'shrike_rocksdb_bytes', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  rows({
    title: 'Offsets',
    answers: 'How far are the log, the disk and the object store, partition by partition?',
    whenRed: 'the last column does not come down: that partition seals no checkpoints.',
    runbook: 'shrikecheckpointstale',
    width: 16,
    height: 8,
    worstBy: 'checkpoint age',
    labels: ['partition', 'instance'],
    columns: [
      column('committed (K)', 'shrike_committed_offset'),
      column('on disk (L)', 'shrike_stored_offset'),
      column('checkpoint (C)', 'shrike_checkpoint_offset'),
      { ...column('last upload', 'shrike_checkpoint_last_bytes'), unit: 'bytes' },
      {
        ...column('checkpoint age', 'shrike_checkpoint_age_seconds'),
        unit: 's',
        decimals: 0,
        limits: { yellow: 60, red: 120 },
      },
    ],
  }),
];

function column(
  title: string,
  name:
    | 'shrike_committed_offset'
    | 'shrike_stored_offset'
    | 'shrike_checkpoint_offset'
    | 'shrike_checkpoint_last_bytes'
    | 'shrike_checkpoint_age_seconds',
) {
  return { title, expr: gauge('max', name, { by: ['instance', 'partition'] }), unit: 'none' };
}

export const STATE: DashboardFacts = {
  name: 'state',
  title: 'State and checkpoints',
  description: 'What is remembered, where it lies, and how soon would a lost machine be back?',
  sections: [
    { panels: figures },
    { title: 'Checkpoints', panels: checkpoints },
    { title: 'What a restart would replay', panels: replay },
    { title: 'State', panels: memory },
  ],
};
