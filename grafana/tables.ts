/** Tables: one row for each combination of the labels, one column a query. */
import {
  TableCellHeight,
  TableSortByFieldStateBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type {
  DataTransformerConfig,
  DynamicConfigValue,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as table from '@grafana/grafana-foundation-sdk/table';
import {
  DATASOURCE,
  description,
  type Limits,
  type PanelFacts,
  refId,
  thresholds,
} from './panels.ts';

export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit: string;
  readonly decimals?: number;
  readonly limits?: Limits;
  /** Only its labels are wanted. */
  readonly isHidden?: boolean;
}

export interface TableFacts extends Omit<PanelFacts, 'unit' | 'decimals' | 'limits'> {
  /** In the order of the columns they become. */
  readonly labels: readonly string[];
  readonly columns: readonly Column[];
  readonly height: number;
  /** Title of the column whose largest values come first. */
  readonly worstBy?: string;
}

/** What Grafana calls the value of a query: the one of several has the query's letter. */
const valueName = (i: number, count: number) => (count === 1 ? 'Value' : `Value #${refId(i)}`);

export function rows(facts: TableFacts): table.PanelBuilder {
  const panel = new table.PanelBuilder()
    .title(facts.title)
    .description(description({ ...facts, unit: '' }))
    .datasource(DATASOURCE)
    .span(facts.width)
    .height(facts.height)
    .cellHeight(TableCellHeight.Sm)
    .filterable(true)
    .thresholds(thresholds(undefined))
    .targets(
      facts.columns.map(({ expr }, i) =>
        new DataqueryBuilder().refId(refId(i)).expr(expr).format(PromQueryFormat.Table).instant(),
      ),
    )
    .transformations([{ id: 'merge', options: {} }, organise(facts)]);
  if (facts.worstBy !== undefined) {
    panel.sortBy([new TableSortByFieldStateBuilder().displayName(facts.worstBy).desc(true)]);
  }
  for (const column of facts.columns) panel.overrideByName(column.title, overrides(column));
  return panel;
}

function organise({ labels, columns }: TableFacts): DataTransformerConfig {
  const names = columns.map((_, i) => valueName(i, columns.length));
  const hidden = names.filter((_, i) => columns[i]?.isHidden);
  return {
    id: 'organize',
    options: {
      excludeByName: Object.fromEntries(['Time', ...hidden].map((name) => [name, true])),
      indexByName: Object.fromEntries([...labels, ...names].map((name, i) => [name, i])),
      renameByName: Object.fromEntries(names.map((name, i) => [name, columns[i]?.title])),
    },
  };
}

function overrides({ unit, decimals, limits }: Column): DynamicConfigValue[] {
  return [
    { id: 'unit', value: unit },
    ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
    ...(limits === undefined
      ? []
      : [
          { id: 'thresholds', value: thresholds(limits).build() },
          { id: 'custom.cellOptions', value: { type: 'color-text' } },
        ]),
  ];
}
