/**
 * The kinds of panels, from what differs between two of a kind.
 *
 * D2  Each panel says what it answers, and what to do when it is red.
 */
import * as common from '@grafana/grafana-foundation-sdk/common';
import {
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { type Runbook, runbookLink } from './links.ts';

/** From which value on it is yellow, and red. */
export interface Limits {
  readonly yellow?: number;
  readonly red: number;
  /** Red is below the limit, and not above it. */
  readonly isFloor?: boolean;
}

export interface PanelFacts {
  readonly title: string;
  readonly answers: string;
  readonly whenRed: string;
  readonly runbook: Runbook;
  /** Of 24 columns. */
  readonly width: number;
  readonly unit: string;
  readonly decimals?: number;
  readonly limits?: Limits;
}

export interface Query {
  readonly expr: string;
  /** With labels in braces: `{{instance}}`. */
  readonly legend: string;
}

export interface LineFacts extends PanelFacts {
  readonly queries: readonly Query[];
  /** Areas on top of each other: for what adds up. */
  readonly isStacked?: boolean;
  /** Colours by legend; else by order. */
  readonly colors?: Readonly<Record<string, string>>;
  /** A legend beside the lines, sorted: where there is one line an instance or a partition. */
  readonly isMany?: boolean;
  readonly max?: number;
  /** As high as the table beside it. */
  readonly height?: number;
}

export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const;
export const STAT_HEIGHT = 4;
const HEIGHT = 8;

export function description({ answers, whenRed, runbook }: PanelFacts): string {
  return `${answers}\n\n**When red:** ${whenRed} ${runbookLink(runbook)}`;
}

export function thresholds(limits: Limits | undefined): ThresholdsConfigBuilder {
  const steps = new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute);
  if (limits === undefined) return steps.steps([{ value: null, color: 'green' }]);
  const { yellow, red, isFloor = false } = limits;
  const middle = yellow === undefined ? [] : [yellow];
  const colors = ['green', ...middle.map(() => 'yellow'), 'red'];
  const bounds = isFloor ? [red, ...middle] : [...middle, red];
  if (isFloor) colors.reverse();
  return steps.steps(
    colors.map((color, i) => ({ color, value: i === 0 ? null : (bounds[i - 1] as number) })),
  );
}

export const refId = (i: number): string => String.fromCharCode(65 + i);

function targets(queries: readonly Query[]): DataqueryBuilder[] {
  return queries.map(({ expr, legend }, i) =>
    new DataqueryBuilder().refId(refId(i)).expr(expr).legendFormat(legend).range(),
  );
}

/** A number, with how it came there. */
export function figure(facts: PanelFacts & { readonly expr: string }): stat.PanelBuilder {
  // What happened in the whole range is one number; it has no course.
  const isTotal = facts.expr.includes('$__range');
  const query = new DataqueryBuilder().refId('A').expr(facts.expr).legendFormat(facts.title);
  const panel = new stat.PanelBuilder()
    .title(facts.title)
    .description(description(facts))
    .datasource(DATASOURCE)
    .span(facts.width)
    .height(STAT_HEIGHT)
    .unit(facts.unit)
    .thresholds(thresholds(facts.limits))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(isTotal ? common.BigValueGraphMode.None : common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .withTarget(isTotal ? query.instant() : query.range());
  return facts.decimals === undefined ? panel : panel.decimals(facts.decimals);
}

function legend(isMany: boolean, count: number): common.VizLegendOptionsBuilder {
  const options = new common.VizLegendOptionsBuilder().showLegend(isMany || count > 1);
  if (!isMany) {
    return options
      .displayMode(common.LegendDisplayMode.List)
      .placement(common.LegendPlacement.Bottom);
  }
  return options
    .displayMode(common.LegendDisplayMode.Table)
    .placement(common.LegendPlacement.Right)
    .calcs(['lastNotNull', 'max'])
    .sortBy('Last *')
    .sortDesc(true);
}

/** Values over time. */
export function lines(facts: LineFacts): timeseries.PanelBuilder {
  const { queries, isStacked = false, isMany = false, colors = {}, limits } = facts;
  const panel = new timeseries.PanelBuilder()
    .title(facts.title)
    .description(description(facts))
    .datasource(DATASOURCE)
    .span(facts.width)
    .height(facts.height ?? HEIGHT)
    .unit(facts.unit)
    .min(0)
    .thresholds(thresholds(limits))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    .lineWidth(isStacked ? 1 : 2)
    .fillOpacity(isStacked ? 40 : 0)
    .showPoints(common.VisibilityMode.Never)
    // A scrape that failed is no reason for a gap; a process that was away is.
    .spanNulls(60_000)
    .legend(legend(isMany, queries.length + (queries[0]?.legend.includes('{{') ? 1 : 0)))
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    )
    .targets(targets(queries));
  if (isStacked)
    panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  if (limits !== undefined) {
    const style = new common.GraphThresholdsStyleConfigBuilder();
    panel.thresholdsStyle(style.mode(common.GraphThresholdsStyleMode.Dashed));
  }
  if (facts.decimals !== undefined) panel.decimals(facts.decimals);
  if (facts.max !== undefined) panel.max(facts.max);
  for (const [name, color] of Object.entries(colors)) panel.overrideByName(name, [fixed(color)]);
  return panel;
}

function fixed(color: string): DynamicConfigValue {
  return { id: 'color', value: { mode: 'fixed', fixedColor: color } };
}

/** How many fell into which bucket, over time. */
export function distribution(facts: PanelFacts & { readonly expr: string }): heatmap.PanelBuilder {
  return new heatmap.PanelBuilder()
    .title(facts.title)
    .description(description(facts))
    .datasource(DATASOURCE)
    .span(facts.width)
    .height(HEIGHT)
    .withTarget(
      new DataqueryBuilder()
        .refId('A')
        .expr(facts.expr)
        .legendFormat('{{le}}')
        .format(PromQueryFormat.Heatmap)
        .range(),
    )
    .calculate(false)
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme('Blues')
        .fill('dark-blue')
        .scale(heatmap.HeatmapColorScale.Exponential)
        .exponent(0.5)
        .reverse(false)
        .steps(64),
    )
    .filterValues(new heatmap.FilterValueRangeBuilder().le(1e-9))
    .cellGap(1)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(facts.unit))
    .showLegend();
}
