/** Grafana's names of colours, as they are on its dark theme. */
import type { Threshold } from './model.ts';

const NAMED: Readonly<Record<string, string>> = {
  green: '#73BF69',
  yellow: '#FADE2A',
  orange: '#FF9830',
  red: '#F2495C',
  blue: '#5794F2',
  purple: '#B877D9',
  'light-blue': '#8AB8FF',
  'super-light-blue': '#C0D8FF',
  'light-purple': '#CA95E5',
};

/** The classic palette. */
const PALETTE: readonly string[] = [
  ...['#73BF69', '#FADE2A', '#8AB8FF', '#FF9830', '#F2495C', '#5794F2', '#B877D9', '#705DA0'],
  ...['#37872D', '#E0B400', '#C0D8FF', '#FA6400', '#C4162A', '#1F60C4', '#8F3BB8', '#FFCB7D'],
  ...['#96D98D', '#FFEE52', '#3274D9', '#FFB357'],
];

export const named = (color: string): string => NAMED[color] ?? color;

export const paletteColor = (i: number): string => PALETTE[i % PALETTE.length] as string;

export function thresholdColor(value: number, steps: readonly Threshold[] = []): string {
  const step = steps.findLast(({ value: from }) => from === null || value >= from);
  return named(step?.color ?? 'green');
}

/** From what is hardly there to what there is most of. */
export function heatColor(share: number): string {
  const at = (low: number, high: number) => Math.round(low + (high - low) * share);
  return `rgb(${at(22, 198)}, ${at(50, 224)}, ${at(92, 255)})`;
}
