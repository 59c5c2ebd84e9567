/** Every dashboard, as the JSON that Grafana reads. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { DRILLS } from './drills.ts';
import { RESOURCES } from './resources.ts';
import { SCORING } from './scoring.ts';
import { STATE } from './state.ts';
import { THROUGHPUT } from './throughput.ts';

const ALL = [THROUGHPUT, STATE, SCORING, RESOURCES, DRILLS];

export interface NamedDashboard {
  /** Without a folder: `throughput.json`. */
  readonly file: string;
  readonly model: Dashboard;
}

export function dashboards(docs?: string): readonly NamedDashboard[] {
  return ALL.map((facts) => ({
    file: `${facts.name}.json`,
    model: numbered(dashboard(facts, docs).build()),
  }));
}

/** Panels get numbers, by which Grafana links to them; in their order, so that they stay. */
function numbered(model: Dashboard): Dashboard {
  let id = 0;
  for (const panel of model.panels ?? []) {
    panel.id = ++id;
    if ('panels' in panel) for (const inner of panel.panels) inner.id = ++id;
  }
  return model;
}

export function asText(model: Dashboard): string {
  return `${JSON.stringify(model, null, 2)}\n`;
}
