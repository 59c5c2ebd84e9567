/** The two charts: the last five minutes, one point a second. */
import uPlot from 'uplot';
import type { StatusPoint } from '../src/core/status.ts';
import { byId } from './dom.ts';
import { formatClock, formatNumber, UNKNOWN } from './format.ts';

const WINDOW_SECONDS = 300;
const HEIGHT_PX = 160;
/** No point for so long: the engine was away, and a line across would claim otherwise. */
const GAP_SECONDS = 4;

interface Line {
  readonly label: string;
  /** A custom property of app.css. */
  readonly colour: string;
  readonly filled?: boolean;
  readonly of: (point: StatusPoint) => number | null;
}

interface ChartSpec {
  readonly id: string;
  readonly unit: string;
  /** The vertical axis reaches at least so far, so that noise near zero looks like noise. */
  readonly topMin: number;
  readonly lines: readonly Line[];
}

const SPECS: readonly ChartSpec[] = [
  {
    id: 'throughput',
    unit: '/s',
    topMin: 10,
    lines: [
      { label: 'payments', colour: '--accent', filled: true, of: (p) => p.paymentsPerSecond },
    ],
  },
  {
    id: 'latency',
    unit: 'ms',
    topMin: 5,
    lines: [
      { label: 'p50', colour: '--accent', of: (p) => p.p50 },
      { label: 'p99', colour: '--second', of: (p) => p.p99 },
    ],
  },
];

/** Both charts over one list of points, which only grows at its end. */
export class Charts {
  #points: StatusPoint[] = [];
  #plots: { readonly spec: ChartSpec; readonly plot: uPlot }[] = [];

  constructor() {
    this.#build();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#build());
    new ResizeObserver(() => {
      for (const { spec, plot } of this.#plots) {
        plot.setSize({ width: byId(spec.id).clientWidth, height: HEIGHT_PX });
      }
    }).observe(byId('throughput'));
  }

  /** Points that are known already are left out: a new connection repeats the history. */
  add(points: readonly StatusPoint[]): void {
    for (const point of points) {
      if (point.atMs > (this.#points.at(-1)?.atMs ?? 0)) this.#points.push(point);
    }
    const newest = this.#points.at(-1)?.atMs ?? 0;
    this.#points = this.#points.filter(({ atMs }) => atMs > newest - WINDOW_SECONDS * 1000);
    for (const { spec, plot } of this.#plots) plot.setData(columns(spec, this.#points));
  }

  /** Anew on a change of colours: uPlot paints on a canvas, which knows no style sheet. */
  #build(): void {
    for (const { plot } of this.#plots) plot.destroy();
    this.#plots = SPECS.map((spec) => {
      const place = byId(spec.id);
      const options = optionsOf(spec, place.clientWidth);
      return { spec, plot: new uPlot(options, columns(spec, this.#points), place) };
    });
  }
}

function columns({ lines }: ChartSpec, points: readonly StatusPoint[]): uPlot.AlignedData {
  const seconds: number[] = [];
  const values: (number | null)[][] = lines.map(() => []);
  for (const point of points) {
    const at = point.atMs / 1000;
    const before = seconds.at(-1);
    if (before !== undefined && at - before > GAP_SECONDS) {
      seconds.push(before + 1);
      for (const column of values) column.push(null);
    }
    seconds.push(at);
    for (const [i, line] of lines.entries()) values[i]?.push(line.of(point));
  }
  return [seconds, ...values];
}

function optionsOf(spec: ChartSpec, width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT_PX,
    padding: [8, 20, 0, 0],
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { live: true, isolate: false },
    scales: {
      x: { time: true, range: (_plot, _min, max) => [max - WINDOW_SECONDS, max] },
      y: { range: (_plot, _min, max) => [0, Math.max(spec.topMin, (max ?? 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 50,
        incrs: [60, 120],
        values: (_plot, splits) => splits.map((s) => formatClock(s * 1000).slice(0, 5)),
      },
      { ...axis, size: 52, space: 36, values: (_plot, splits) => splits.map(formatNumber) },
    ],
    series: [
      { label: 'at', value: (plot, at) => shownClock(at ?? newest(plot, 0)) },
      ...spec.lines.map(
        (line): uPlot.Series => ({
          label: line.label,
          stroke: colour(line.colour),
          width: 1.5,
          points: { show: false },
          value: (plot, value, index) => `${shown(value ?? newest(plot, index))} ${spec.unit}`,
          ...(line.filled === true ? { fill: colour('--accent-soft') } : {}),
        }),
      ),
    ],
  };
}

/** Without a cursor the legend tells the present. */
function newest(plot: uPlot, series: number): number | null {
  return plot.data[series]?.at(-1) ?? null;
}

function shown(value: number | null): string {
  return value === null ? UNKNOWN : formatNumber(value);
}

function shownClock(seconds: number | null): string {
  return seconds === null ? UNKNOWN : formatClock(seconds * 1000);
}
