/** What prom-client tells of the process and its main thread: the names that dashboards use. */
import { INSTANCES, RECENT } from './promql.ts';

export const PROCESS_METRICS = {
  process_cpu_user_seconds_total: 'counter',
  process_cpu_system_seconds_total: 'counter',
  process_cpu_seconds_total: 'counter',
  process_resident_memory_bytes: 'gauge',
  process_open_fds: 'gauge',
  process_max_fds: 'gauge',
  process_start_time_seconds: 'gauge',
  nodejs_heap_size_used_bytes: 'gauge',
  nodejs_external_memory_bytes: 'gauge',
  nodejs_eventloop_lag_p99_seconds: 'gauge',
  nodejs_gc_duration_seconds_sum: 'counter',
} as const;

type ProcessMetric = keyof typeof PROCESS_METRICS;
type Of<Type extends string> = {
  [N in ProcessMetric]: (typeof PROCESS_METRICS)[N] extends Type ? N : never;
}[ProcessMetric];

export function processNow(name: Of<'gauge'>): string {
  return `${name}{${INSTANCES}}`;
}

/** One series an instance. */
export function processGauge(name: Of<'gauge'>): string {
  return `max by (instance) (${processNow(name)})`;
}

export function processRate(name: Of<'counter'>, by: readonly string[] = ['instance']): string {
  const group = by.length === 0 ? '' : ` by (${by.join(', ')})`;
  return `sum${group} (rate(${name}{${INSTANCES}}[${RECENT}]))`;
}
