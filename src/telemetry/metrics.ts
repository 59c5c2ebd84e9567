/** /metrics: our metrics out of one snapshot a scrape, and prom-client's own of the process. */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { METRICS, type MetricName } from '../core/metric-table.ts';
import { SAMPLES, type Snapshot } from './samples.ts';

export interface Metrics {
  /** The exposition in Prometheus' text format 0.0.4. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** @param read makes the picture that one scrape shows; called once a scrape */
export function createMetrics(read: () => Snapshot): Metrics {
  const registry = new Registry();
  let snapshot: Snapshot;
  for (const [name, row] of Object.entries(METRICS)) {
    const metric = {
      name,
      ...row,
      aggregator: 'sum',
      get: () => ({
        name,
        help: row.help,
        type: row.type,
        values: SAMPLES[name as MetricName](snapshot).map(({ labels, value, suffix }) => ({
          labels,
          value,
          metricName: suffix === undefined ? name : name + suffix,
        })),
      }),
    };
    // The registry asks a metric for nothing but `name` and `get`; its own classes count by the
    // event, and cannot be set to the totals that other threads have counted.
    registry.registerMetric(metric as unknown as Metric);
  }
  collectDefaultMetrics({ register: registry });
  return {
    text: async () => {
      snapshot = read(); // M1: every `get` runs before the first await in `metrics()`
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
