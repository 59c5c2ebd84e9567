/** A heatmap panel: how many of each moment fell into which bucket. */
import uPlot from 'uplot';
import { type Frame, timeAxis } from './chart.ts';
import { heatColor } from './colors.ts';
import { element } from './dom.ts';
import type { Drawn } from './model.ts';
import { formatted } from './units.ts';

const AXIS = { stroke: '#9fa7b3', grid: { show: false }, ticks: { show: false } };
const FONT = '12px sans-serif';

interface Heat {
  readonly times: readonly number[];
  readonly bounds: readonly number[];
  /** Of each bound, by time: how many are in its own bucket. */
  readonly counts: readonly (readonly number[])[];
  readonly most: number;
}

export function drawHeat(frame: Frame, drawn: Drawn): void {
  const heat = heatOf(drawn);
  if (heat === undefined) {
    frame.body.append(element('div', { className: 'figure nothing', text: 'No data' }));
    return;
  }
  const unit = drawn.panel.options.yAxis?.unit;
  const name = (index: number) => {
    const bound = heat.bounds[index];
    return bound === undefined ? '' : formatted(bound, unit);
  };
  const { width, height, range, body } = frame;
  const every = Math.ceil(heat.bounds.length / 10);
  new uPlot(
    {
      width,
      height,
      legend: { show: false },
      cursor: { show: false },
      padding: [12, 12, 0, 0],
      scales: {
        x: { time: true, range: () => [range[0], range[1]] },
        y: { range: () => [0, heat.bounds.length] },
      },
      axes: [
        timeAxis(),
        {
          ...AXIS,
          font: FONT,
          size: 72,
          // A bucket's name stands at its upper end.
          splits: () => heat.bounds.map((_, i) => i + 1).filter((at) => at % every === 0),
          values: (_, splits) => splits.map((at) => name(at - 1)),
        },
      ],
      series: [{}, { points: { show: false }, stroke: 'transparent' }],
      hooks: { draw: [(plot) => paint(plot, heat)] },
    },
    [[...heat.times], heat.times.map(() => 0)],
    body,
  );
}

function heatOf({ panel, results }: Drawn): Heat | undefined {
  const series = (results[panel.targets[0]?.refId ?? ''] ?? [])
    .map(({ metric, values }) => ({
      bound: Number(metric.le?.replace('+Inf', 'Infinity')),
      values,
    }))
    .sort((a, b) => a.bound - b.bound);
  const times = series[0]?.values.map(([time]) => time);
  if (times === undefined) return undefined;
  const cumulative = series.map(({ values }) => {
    const at = new Map(values.map(([time, text]) => [time, Number(text)]));
    return times.map((time) => at.get(time) ?? 0);
  });
  const counts = cumulative.map((row, i) =>
    row.map((count, t) => Math.max(0, count - (cumulative[i - 1]?.[t] ?? 0))),
  );
  const most = Math.max(1e-9, ...counts.flat());
  return { times, bounds: series.map(({ bound }) => bound), counts, most };
}

function paint(plot: uPlot, { times, counts, most }: Heat): void {
  const step = (times[1] ?? 1) - (times[0] ?? 0);
  const { ctx } = plot;
  counts.forEach((row, bucket) => {
    const top = plot.valToPos(bucket + 1, 'y', true);
    const bottom = plot.valToPos(bucket, 'y', true);
    row.forEach((count, t) => {
      if (count <= 1e-9) return;
      const left = plot.valToPos((times[t] as number) - step, 'x', true);
      const right = plot.valToPos(times[t] as number, 'x', true);
      if (left < plot.bbox.left) return;
      ctx.fillStyle = heatColor(Math.sqrt(count / most));
      ctx.fillRect(left, top, Math.max(1, right - left), bottom - top - 1);
    });
  });
}
