/** A timeseries panel: lines, or areas on top of each other, with their thresholds. */
import uPlot from 'uplot';
import { named, paletteColor } from './colors.ts';
import { element } from './dom.ts';
import { type Drawn, type Named, namedSeries, overridden, type Panel } from './model.ts';
import { formatted } from './units.ts';

const AXIS = { stroke: '#9fa7b3', grid: { stroke: '#2c3235', width: 1 }, ticks: { show: false } };
const SIDE_LEGEND_PX = 260;
const FONT = '12px sans-serif';

export interface Frame {
  readonly body: HTMLElement;
  readonly width: number;
  readonly height: number;
  readonly range: readonly [number, number];
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Line {
  readonly name: string;
  readonly color: string;
  readonly values: readonly (number | null)[];
}

function linesOf(panel: Panel, series: readonly Named[], times: readonly number[]): Line[] {
  return series.map(({ name, values }, i) => {
    const at = new Map(values.map(([time, text]) => [time, Number(text)]));
    const color = overridden(panel, name, 'color') as { fixedColor?: string } | undefined;
    return {
      name,
      color: color?.fixedColor === undefined ? paletteColor(i) : named(color.fixedColor),
      values: times.map((time) => finite(at.get(time))),
    };
  });
}

const finite = (value: number | undefined) =>
  value === undefined || !Number.isFinite(value) ? null : value;

export function drawChart(frame: Frame, drawn: Drawn): void {
  const { panel } = drawn;
  const series = namedSeries(drawn);
  if (series.length === 0) {
    frame.body.append(element('div', { className: 'figure nothing', text: 'No data' }));
    return;
  }
  const times = [...new Set(series.flatMap(({ values }) => values.map(([time]) => time)))].sort(
    (a, b) => a - b,
  );
  const lines = linesOf(panel, series, times);
  const legend = legendOf(panel, lines);
  const isBeside = panel.options.legend?.placement === 'right' && legend !== undefined;
  const plot = element('div', {});
  frame.body.classList.toggle('beside', isBeside);
  frame.body.append(plot);
  if (legend !== undefined) frame.body.append(legend);
  const size = {
    width: frame.width - (isBeside ? SIDE_LEGEND_PX : 0),
    height: frame.height - (legend === undefined || isBeside ? 0 : legend.offsetHeight + 4),
  };
  new uPlot(options(frame, panel, { lines, size }), table(panel, { times, lines }), plot);
}

const isStacked = ({ fieldConfig }: Panel) =>
  fieldConfig.defaults.custom.stacking?.mode === 'normal';

/** Stacked lines from the top down, so that each area covers what is above it no more. */
function table(
  panel: Panel,
  { times, lines }: { readonly times: readonly number[]; readonly lines: readonly Line[] },
): uPlot.AlignedData {
  if (!isStacked(panel)) return [[...times], ...lines.map(({ values }) => [...values])];
  const sums = times.map(() => 0);
  const stacked = lines.map(({ values }) =>
    values.map((value, i) => (sums[i] = (sums[i] as number) + (value ?? 0))),
  );
  return [[...times], ...stacked.reverse()];
}

function options(
  { range }: Frame,
  panel: Panel,
  { lines, size }: { readonly lines: readonly Line[]; readonly size: Size },
): uPlot.Options {
  const { unit, decimals, max } = panel.fieldConfig.defaults;
  const order = isStacked(panel) ? [...lines].reverse() : lines;
  return {
    ...size,
    legend: { show: false },
    cursor: { show: false },
    padding: [12, 12, 0, 0],
    scales: {
      x: { time: true, range: () => [range[0], range[1]] },
      y: { range: (_, __, top) => [0, max ?? (top > 0 ? top * 1.1 : 1)] },
    },
    axes: [
      timeAxis(),
      {
        ...AXIS,
        font: FONT,
        size: 72,
        // Bytes are counted in powers of two.
        ...(unit === 'bytes' && { incrs: Array.from({ length: 50 }, (_, i) => 2 ** i) }),
        values: (_, splits) => splits.map((value) => formatted(value, unit, decimals)),
      },
    ],
    series: [{}, ...order.map(({ color }) => seriesOf(color, panel))],
    hooks: { draw: [(plot) => drawThresholds(plot, panel)] },
  };
}

/** As Grafana writes them, in the browser's time zone. */
export function timeAxis(): uPlot.Axis {
  const two = (value: number) => String(value).padStart(2, '0');
  return {
    ...AXIS,
    font: FONT,
    space: 70,
    size: 26,
    values: (plot, splits) =>
      splits.map((seconds) => {
        // At the edges it would be cut, or run into the lowest value's label.
        const { min, max } = plot.scales.x ?? {};
        const place = (seconds - (min ?? 0)) / ((max ?? 1) - (min ?? 0));
        if (place < 0.06 || place > 0.94) return '';
        const at = new Date(seconds * 1000);
        return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
      }),
  };
}

function seriesOf(color: string, panel: Panel): uPlot.Series {
  return {
    stroke: color,
    width: isStacked(panel) ? 1 : 2,
    points: { show: false },
    spanGaps: false,
    // A stacked area hides those that it stands in front of.
    ...(isStacked(panel) && { fill: mixed(color) }),
  };
}

/** The colour at 40 %, on the panel's background. */
function mixed(color: string): string {
  const channel = (i: number) => Number.parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16);
  const background = [0x18, 0x1b, 0x1f];
  const mix = background.map((under, i) => Math.round(under * 0.55 + channel(i) * 0.45));
  return `rgb(${mix.join(', ')})`;
}

function drawThresholds(plot: uPlot, panel: Panel): void {
  const { thresholds, custom } = panel.fieldConfig.defaults;
  if (custom.thresholdsStyle === undefined) return;
  const { left, top, width, height } = plot.bbox;
  for (const { value, color } of thresholds?.steps ?? []) {
    if (value === null) continue;
    const y = plot.valToPos(value, 'y', true);
    if (y < top || y > top + height) continue;
    plot.ctx.save();
    plot.ctx.strokeStyle = named(color);
    plot.ctx.setLineDash([8, 6]);
    plot.ctx.beginPath();
    plot.ctx.moveTo(left, y);
    plot.ctx.lineTo(left + width, y);
    plot.ctx.stroke();
    plot.ctx.restore();
  }
}

function legendOf(panel: Panel, lines: readonly Line[]): HTMLElement | undefined {
  const { legend } = panel.options;
  if (legend?.showLegend !== true) return undefined;
  const { unit, decimals } = panel.fieldConfig.defaults;
  const text = (value: number | null | undefined) =>
    value === null || value === undefined ? '' : formatted(value, unit, decimals);
  const mark = (color: string) => element('i', { style: `background: ${color}` });
  if (legend.placement !== 'right') {
    const names = lines.map(({ name, color }) =>
      element('span', {}, mark(color), document.createTextNode(name)),
    );
    return element('div', { className: 'legend' }, ...names);
  }
  const ranked = [...lines].sort((a, b) => (b.values.at(-1) ?? 0) - (a.values.at(-1) ?? 0));
  const cells = (...texts: readonly string[]) => texts.map((one) => element('td', { text: one }));
  const rows = ranked.map(({ name, color, values }) => {
    const max = Math.max(...values.filter((value) => value !== null));
    const first = element('td', {}, mark(color), document.createTextNode(name));
    return element('tr', {}, first, ...cells(text(values.at(-1)), text(max)));
  });
  const head = element('tr', {}, ...cells('', 'Last *', 'Max'));
  return element('table', { className: 'legend' }, head, ...rows);
}
