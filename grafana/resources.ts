/** Does every process have what it needs: CPU, memory, disk, time. */
import type { DashboardFacts, PanelBuilder } from './dashboard.ts';
import { figure, lines } from './panels.ts';
import { processGauge, processNow, processRate } from './process-metrics.ts';
import { gauge, now, rate } from './promql.ts';
import { rows } from './tables.ts';

const MEMORY_LIMITS = { yellow: 0.8, red: 0.9 };
const HEAP_LIMITS = { yellow: 0.7, red: 0.85 };
const DISK_LIMITS = { yellow: 0.85, red: 0.97 };

const MEMORY_SHARE = `${processGauge('process_resident_memory_bytes')}
  / ${gauge('max', 'shrike_memory_limit_bytes', { by: ['instance'] })}`;
const HEAP_SHARE = `max by (instance, worker) (
  ${now('shrike_worker_heap_bytes')}
  / ${now('shrike_worker_heap_limit_bytes')}
)`;
const DISK_SHARE = `1 - ${gauge('max', 'shrike_disk_free_bytes', { by: ['instance'] })}
  / ${gauge('max', 'shrike_disk_bytes', { by: ['instance'] })}`;

const figures: readonly PanelBuilder[] = [
  figure({
    title: 'CPU in use',
    answers: 'How many cores do all processes keep busy together?',
    whenRed: 'it is what you pay for: compare with the cores they have.',
    runbook: 'shrikelaggrowing',
    width: 4,
    unit: 'short',
    decimals: 2,
    expr: processRate('process_cpu_seconds_total', []),
  }),
  figure({
    title: 'CPU seconds a million payments',
    answers: 'What does a payment cost? Sizing and the cost table go by it.',
    whenRed: 'it doubles under load: the cache misses, or checkpoints are too many.',
    runbook: 'shrikelaggrowing',
    width: 4,
    unit: 'short',
    decimals: 1,
    expr: `1e6 * ${processRate('process_cpu_seconds_total', [])}\n  / ${rate('shrike_records_total')}`,
  }),
  figure({
    title: 'Memory, worst process',
    answers: 'How close is a process to its memory limit?',
    whenRed: 'the kernel is about to kill it: more memory, or a smaller cache.',
    runbook: 'shrikememorynearlimit',
    width: 4,
    unit: 'percentunit',
    decimals: 1,
    limits: MEMORY_LIMITS,
    expr: `max (${MEMORY_SHARE})`,
  }),
  figure({
    title: 'Heap, worst thread',
    answers: 'How close is an actor thread to the heap that V8 allows it?',
    whenRed: 'the thread is about to end, and its partitions to recover.',
    runbook: 'shrikeheapnearlimit',
    width: 4,
    unit: 'percentunit',
    decimals: 1,
    limits: HEAP_LIMITS,
    expr: `max (${HEAP_SHARE})`,
  }),
  figure({
    title: 'Disk, worst process',
    answers: 'How full is the volume of a data folder?',
    whenRed: 'commits will wait for space: enlarge the volume, or find out who fills it.',
    runbook: 'shrikedisknearfull',
    width: 4,
    unit: 'percentunit',
    decimals: 1,
    limits: DISK_LIMITS,
    expr: `max (${DISK_SHARE})`,
  }),
  figure({
    title: 'Youngest process',
    answers: 'When did a process start last?',
    whenRed: 'a start that nobody asked for: `kubectl describe pod` says why the last one ended.',
    runbook: 'shrikerestartloop',
    width: 4,
    unit: 's',
    decimals: 0,
    expr: `time() - max (${processNow('process_start_time_seconds')})`,
  }),
];

const processor: readonly PanelBuilder[] = [
  lines({
    title: 'CPU by instance',
    answers: 'How many cores does each process keep busy?',
    whenRed: 'it stands at the limit: the process is throttled, and latency grows.',
    runbook: 'shrikelaggrowing',
    width: 12,
    unit: 'short',
    decimals: 2,
    isMany: true,
    isStacked: true,
    queries: [{ expr: processRate('process_cpu_seconds_total'), legend: '{{instance}}' }],
  }),
  lines({
    title: 'CPU in the program and in the kernel',
    answers: 'Is the time spent on payments, or on reading and writing?',
    whenRed: 'the kernel takes more than a third: small commits, or a disk under pressure.',
    runbook: 'shrikelaggrowing',
    width: 6,
    unit: 'short',
    decimals: 2,
    isStacked: true,
    queries: [
      { expr: processRate('process_cpu_user_seconds_total', []), legend: 'program' },
      { expr: processRate('process_cpu_system_seconds_total', []), legend: 'kernel' },
    ],
    colors: { program: 'blue', kernel: 'orange' },
  }),
  lines({
    title: 'CPU by stage',
    answers: 'What do the actor threads do with their time?',
    whenRed: 'a stage grows that did not: decode (input), state (cache), step (an operator).',
    runbook: 'shrikelatencybudgetburn',
    width: 6,
    unit: 'short',
    decimals: 2,
    isStacked: true,
    queries: [
      { expr: `${rate('shrike_stage_seconds_total', { by: ['stage'] })} > 0`, legend: '{{stage}}' },
    ],
  }),
];

const memory: readonly PanelBuilder[] = [
  lines({
    title: 'Memory, share of the limit',
    answers: 'How much of the memory that it may have does each process use?',
    whenRed: 'above 90 % the kernel may kill it at any moment.',
    runbook: 'shrikememorynearlimit',
    width: 8,
    unit: 'percentunit',
    limits: MEMORY_LIMITS,
    queries: [{ expr: MEMORY_SHARE, legend: '{{instance}}' }],
  }),
  lines({
    title: 'Heap of actor threads, share of the limit',
    answers: 'How much of the heap that V8 allows does each thread use?',
    whenRed: 'a smaller state.cacheBytesMax, or a larger heap.',
    runbook: 'shrikeheapnearlimit',
    width: 8,
    unit: 'percentunit',
    limits: HEAP_LIMITS,
    queries: [{ expr: HEAP_SHARE, legend: '{{instance}}, thread {{worker}}' }],
  }),
  lines({
    title: 'Where the memory is',
    answers: 'What do the processes keep in memory, all together?',
    whenRed: 'what is none of these (RocksDB, ONNX Runtime) grows: a leak outside of JavaScript.',
    runbook: 'shrikememorynearlimit',
    width: 8,
    unit: 'bytes',
    queries: [
      { expr: `sum (${processNow('process_resident_memory_bytes')})`, legend: 'resident' },
      { expr: gauge('sum', 'shrike_worker_heap_bytes'), legend: 'heaps of actor threads' },
      { expr: `sum (${processNow('nodejs_heap_size_used_bytes')})`, legend: 'main heaps' },
      { expr: `sum (${processNow('nodejs_external_memory_bytes')})`, legend: 'buffers' },
    ],
    colors: {
      resident: 'blue',
      'heaps of actor threads': 'green',
      'main heaps': 'purple',
      buffers: 'orange',
    },
  }),
];

const waiting: readonly PanelBuilder[] = [
  lines({
    title: 'Event-loop delay, actor threads, p99',
    answers: 'How long does what arrives at an actor thread wait until the thread looks at it?',
    whenRed: 'a thread is overloaded, or collects garbage: see the two beside.',
    runbook: 'shrikelatencybudgetburn',
    width: 8,
    unit: 's',
    limits: { yellow: 0.1, red: 0.3 },
    queries: [
      {
        expr: gauge('max', 'shrike_worker_event_loop_delay_p99_seconds', {
          by: ['instance', 'worker'],
        }),
        legend: '{{instance}}, thread {{worker}}',
      },
    ],
  }),
  lines({
    title: 'Event-loop delay, main thread, p99',
    answers: 'Does the thread that commits and answers keep up?',
    whenRed: 'commits and probes wait for it: too many partitions for one process.',
    runbook: 'shrikelatencybudgetburn',
    width: 8,
    unit: 's',
    limits: { yellow: 0.1, red: 0.3 },
    queries: [{ expr: processGauge('nodejs_eventloop_lag_p99_seconds'), legend: '{{instance}}' }],
  }),
  lines({
    title: 'Garbage collection, worst threads',
    answers: 'What share of their time do threads collect garbage, in the worst process?',
    whenRed: 'above a tenth: the heap is small for what it does, or state.cacheBytesMax large.',
    runbook: 'shrikeheapnearlimit',
    width: 8,
    unit: 'percentunit',
    limits: { yellow: 0.05, red: 0.1 },
    queries: [
      {
        expr: `max (${rate('shrike_worker_gc_seconds_total', { by: ['instance', 'worker'] })})`,
        legend: 'actor thread',
      },
      {
        expr: `max (${processRate('nodejs_gc_duration_seconds_sum')})`,
        legend: 'main thread',
      },
    ],
    colors: { 'actor thread': 'green', 'main thread': 'purple' },
  }),
];

const supplies: readonly PanelBuilder[] = [
  lines({
    title: 'Disk in use',
    answers: 'How full is the volume of each data folder?',
    whenRed: 'at 100 % commits wait, and payments with them, until there is space.',
    runbook: 'shrikediskfull',
    width: 8,
    unit: 'percentunit',
    max: 1,
    limits: DISK_LIMITS,
    queries: [{ expr: DISK_SHARE, legend: '{{instance}}' }],
  }),
  lines({
    title: 'Open files',
    answers: 'What share of the files that it may open has each process open?',
    whenRed: 'RocksDB cannot open its tables: raise the limit of open files.',
    runbook: 'shrikeproblems',
    width: 8,
    unit: 'percentunit',
    limits: { yellow: 0.7, red: 0.9 },
    queries: [
      {
        expr: `${processGauge('process_open_fds')}\n  / ${processGauge('process_max_fds')}`,
        legend: '{{instance}}',
      },
    ],
  }),
  rows({
    title: 'Certificates',
    answers: 'When does a certificate end? Empty where nothing speaks TLS.',
    whenRed: 'renew it, then restart one process after the other.',
    runbook: 'shrikecertificateexpiring',
    width: 8,
    height: 8,
    labels: ['which', 'instance'],
    columns: [
      {
        title: 'ends in',
        expr: gauge('min', 'shrike_certificate_expiry_seconds', { by: ['instance', 'which'] }),
        unit: 's',
        limits: { yellow: 1_814_400, red: 172_800, isFloor: true },
      },
    ],
  }),
];

export const RESOURCES: DashboardFacts = {
  name: 'resources',
  title: 'Resources',
  description: 'Does every process have what it needs: CPU, memory, disk, time?',
  sections: [
    { panels: figures },
    { title: 'CPU', panels: processor },
    { title: 'Memory', panels: memory },
    { title: 'Threads that wait', panels: waiting },
    { title: 'What runs out', panels: supplies },
  ],
};
