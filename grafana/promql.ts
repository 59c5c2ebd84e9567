/**
 * PromQL over our metrics. Names, labels and types are those of the table of metrics: a query of a
 * metric that does not exist, by a label that it does not have, or with the rate of a gauge does
 * not compile.
 *
 * D1  Every series is scoped by the dashboard's variables: instance, and partition where it has it.
 */
import { METRICS, type MetricName } from '../src/core/metric-table.ts';

type Table = typeof METRICS;
type NamesOf<Type extends string> = {
  [N in MetricName]: Table[N]['type'] extends Type ? N : never;
}[MetricName];

export type GaugeName = NamesOf<'gauge'>;
export type CounterName = NamesOf<'counter'>;
export type HistogramName = NamesOf<'histogram'>;

type OwnLabel<N extends MetricName> = Table[N]['labels'][number];
/** `instance` is the address that Prometheus scrapes. */
type Label<N extends MetricName> = OwnLabel<N> | 'instance';

/** Operator and text: `{ phase: '!="live"' }`. */
export type Matchers<N extends MetricName> = { readonly [L in OwnLabel<N>]?: string };

type Aggregation = 'sum' | 'max' | 'min' | 'count';

/** What Grafana puts in for it is long enough for four scrapes. */
export const RECENT = '$__rate_interval';
/** From the left end of the dashboard's time range to the right one. */
export const SHOWN = '$__range';

/** D1. Whatever is scraped from a process of ours, its own metrics included. */
export const INSTANCES = 'instance=~"$instance"';

function selector(name: MetricName, suffix: string, matchers: Matchers<MetricName>): string {
  const labels: readonly string[] = METRICS[name].labels;
  const scope = labels.includes('partition') ? [INSTANCES, 'partition=~"$partition"'] : [INSTANCES];
  const own = Object.entries<string | undefined>(matchers).map(([label, match]) => label + match);
  return `${name}${suffix}{${[...scope, ...own].join(', ')}}`;
}

const grouped = (aggregation: string, by: readonly string[]) =>
  by.length === 0 ? aggregation : `${aggregation} by (${by.join(', ')})`;

/** The gauge as it is. */
export function now<N extends GaugeName>(name: N, matchers: Matchers<N> = {}): string {
  return selector(name, '', matchers);
}

/** `max by (partition) (shrike_lag_seconds{…})` */
export function gauge<N extends GaugeName>(
  aggregation: Aggregation,
  name: N,
  { by = [], where = {} }: { readonly by?: readonly Label<N>[]; readonly where?: Matchers<N> } = {},
): string {
  return `${grouped(aggregation, by)} (${selector(name, '', where)})`;
}

interface RateOptions<N extends MetricName> {
  readonly by?: readonly Label<N>[];
  readonly where?: Matchers<N>;
  readonly over?: string;
}

function summed<N extends MetricName>(
  call: 'rate' | 'increase',
  [name, suffix]: readonly [N, string],
  { by = [], where = {}, over = RECENT }: RateOptions<N>,
): string {
  return `${grouped('sum', by)} (${call}(${selector(name, suffix, where)}[${over}]))`;
}

/** A second. `over` is the window: recent when left out. */
export function rate<N extends CounterName>(name: N, options: RateOptions<N> = {}): string {
  return summed('rate', [name, ''], options);
}

/** In the window: what is shown when left out. */
export function increase<N extends CounterName>(name: N, options: RateOptions<N> = {}): string {
  return summed('increase', [name, ''], { over: SHOWN, ...options });
}

/** Of a gauge that only grows, as an offset does. */
export function growth<N extends GaugeName>(name: N, options: RateOptions<N> = {}): string {
  return summed('rate', [name, ''], options);
}

/** What was counted and what it came to, a second. */
export function part<N extends HistogramName>(
  name: N,
  suffix: 'sum' | 'count',
  options: RateOptions<N> = {},
): string {
  return summed('rate', [name, `_${suffix}`], options);
}

export function mean<N extends HistogramName>(name: N, options: RateOptions<N> = {}): string {
  return `${part(name, 'sum', options)}\n  / ${part(name, 'count', options)}`;
}

/** By upper bound: what a heatmap and `histogram_quantile` want. */
export function buckets<N extends HistogramName>(
  name: N,
  { by = [], ...rest }: RateOptions<N> = {},
): string {
  const bounds = ['le', ...by] as readonly Label<N>[];
  return summed('rate', [name, '_bucket'], { ...rest, by: bounds });
}

export function quantile<N extends HistogramName>(
  q: number,
  name: N,
  options: RateOptions<N> = {},
): string {
  return `histogram_quantile(${q}, ${buckets(name, options)})`;
}

/** Share of what was counted that is above the bound, which must be one of the buckets'. */
export function shareAbove<N extends HistogramName>(bound: number, name: N): string {
  const matcher = `{${INSTANCES}, le="${bound}"}`;
  const below = `sum (rate(${name}_bucket${matcher}[${RECENT}]))`;
  return `1 - ${below}\n  / ${part(name, 'count')}`;
}
