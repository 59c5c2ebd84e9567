/**
 * What all dashboards have in common.
 *
 * D3  The same variables everywhere, so that a link from one dashboard to the next keeps what was
 *     chosen.
 */
import {
  ConstantVariableBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DOCS_URL, DOCS_VARIABLE } from './links.ts';
import type { figure } from './panels.ts';
import { DATASOURCE } from './panels.ts';

const TAG = 'shrike';

export type PanelBuilder = Parameters<DashboardBuilder['withPanel']>[0] | ReturnType<typeof figure>;

export interface Section {
  /** The heading above the panels; absent: they stand at the top. */
  readonly title?: string;
  /** Opened by who needs it. */
  readonly isCollapsed?: boolean;
  readonly panels: readonly PanelBuilder[];
}

export interface DashboardFacts {
  /** Name of the file and, behind `shrike-`, of the dashboard in its address. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The range that it opens with. */
  readonly from?: string;
  readonly sections: readonly Section[];
}

function query(name: string, label: string, text: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query({ query: text, refId: name })
    .definition(text)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc);
}

const all = { text: 'All', value: '$__all' };

/** All of them at first. No partition has an empty name, and a new one is in `.+` at once. */
const several = (variable: QueryVariableBuilder) =>
  variable.multi(true).includeAll(true).current(all);

function variables(docs: string) {
  const ofApplication = 'shrike_info{application="$application"}';
  return [
    new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    query('application', 'Application', 'label_values(shrike_info, application)'),
    several(query('instance', 'Instance', `label_values(${ofApplication}, instance)`)),
    several(
      query(
        'partition',
        'Partition',
        'label_values(shrike_lag_records{instance=~"$instance"}, partition)',
      ),
    ).allValue('.+'),
    new ConstantVariableBuilder(DOCS_VARIABLE).label('Address of the documents').value(docs),
  ];
}

export function dashboard(facts: DashboardFacts, docs: string = DOCS_URL): DashboardBuilder {
  const builder = new DashboardBuilder(`Shrike / ${facts.title}`)
    .uid(`shrike-${facts.name}`)
    .description(facts.description)
    .tags([TAG])
    .timezone('browser')
    .time({ from: facts.from ?? 'now-1h', to: 'now' })
    .refresh('10s')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables(variables(docs))
    .link(
      new DashboardLinkBuilder('Shrike')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    );
  for (const { title, isCollapsed = false, panels } of facts.sections) {
    if (title !== undefined) {
      const row = new RowBuilder(title).collapsed(isCollapsed);
      if (isCollapsed) for (const panel of panels) row.withPanel(panel);
      builder.withRow(row);
    }
    if (!isCollapsed) for (const panel of panels) builder.withPanel(panel);
  }
  return builder;
}
