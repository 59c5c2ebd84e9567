/** A stat panel: a number in the colour of its threshold, over its course. */
import { named, thresholdColor } from './colors.ts';
import { element } from './dom.ts';
import { type Drawn, type Field, namedSeries } from './model.ts';
import { formatted } from './units.ts';

export function drawFigure(body: HTMLElement, drawn: Drawn): void {
  const { defaults } = drawn.panel.fieldConfig;
  const values = namedSeries(drawn)[0]?.values ?? [];
  const last = values.map(([, text]) => Number(text)).findLast((value) => !Number.isNaN(value));
  if (last === undefined) {
    body.append(element('div', { className: 'figure nothing', text: 'No data' }));
    return;
  }
  const { text, color } = shown(last, defaults);
  if (drawn.panel.options.graphMode === 'area') body.append(course(values, color));
  body.append(element('div', { className: 'figure', text, style: `color: ${color}` }));
}

function shown(value: number, field: Field): { readonly text: string; readonly color: string } {
  const mapped = field.mappings?.[0]?.options[String(value)];
  if (mapped !== undefined) return { text: mapped.text, color: named(mapped.color) };
  return {
    text: formatted(value, field.unit, field.decimals),
    color: thresholdColor(value, field.thresholds?.steps),
  };
}

function course(values: readonly (readonly [number, string])[], color: string): Element {
  const numbers = values.map(([at, text]) => [at, Number(text)] as const);
  const heights = numbers.map(([, value]) => value).filter((value) => !Number.isNaN(value));
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const [from, to] = [numbers[0]?.[0] ?? 0, numbers.at(-1)?.[0] ?? 1];
  const points = numbers
    .filter(([, value]) => !Number.isNaN(value))
    .map(([at, value]) => {
      const x = (100 * (at - from)) / (to - from || 1);
      const y = 100 - (80 * (value - low)) / (high - low || 1);
      return `${x.toFixed(2)},${y.toFixed(2)}`;
    });
  const holder = element('div', {});
  holder.innerHTML = `<svg class="course" viewBox="0 0 100 100" preserveAspectRatio="none">
    <polygon points="0,100 ${points.join(' ')} 100,100" fill="${color}" fill-opacity="0.15"/></svg>`;
  return holder;
}
