/** Lays the panels out on Grafana's grid, and draws each. */
import { drawChart } from './chart.ts';
import { element } from './dom.ts';
import { drawFigure } from './figure.ts';
import { drawHeat } from './heat.ts';
import type { Drawn, Panel, Picture } from './model.ts';
import { STYLE } from './style.ts';
import { drawTable } from './table.ts';

declare global {
  interface Window {
    readonly picture: Picture;
  }
}

/** Grafana's grid: 24 columns; rows of 30 px with 8 px between. */
const COLUMNS = 24;
const ROW_PX = 38;
const GAP_PX = 8;
const HEADER_PX = 28;

function draw(picture: Picture): void {
  document.head.append(element('style', { text: STYLE }));
  const main = document.querySelector('main') as HTMLElement;
  main.before(element('h1', { text: picture.title }));
  const columnPx = main.clientWidth / COLUMNS;
  let bottom = 0;
  for (const panel of flat(picture.panels)) {
    const { x, y, w, h } = panel.gridPos;
    const place = `left: ${x * columnPx}px; top: ${y * ROW_PX}px; width: ${w * columnPx - GAP_PX}px;`;
    bottom = Math.max(bottom, (y + h) * ROW_PX);
    if (panel.type === 'row') {
      main.append(element('div', { className: 'row', text: panel.title, style: place }));
      continue;
    }
    const height = h * ROW_PX - GAP_PX;
    const body = element('div', {
      className: 'body',
      style: `height: ${height - HEADER_PX - 4}px`,
    });
    const box = element('section', { className: 'panel', style: `${place} height: ${height}px` });
    box.append(element('header', { text: panel.title }), body);
    main.append(box);
    const drawn = picture.drawn.find((one) => one.panel.title === panel.title);
    if (drawn !== undefined) drawPanel(body, drawn, picture);
  }
  main.setAttribute('style', `height: ${bottom + GAP_PX}px`);
  main.className = 'drawn';
}

/** Rows that are closed are drawn open: a picture is looked at, not clicked. */
function flat(panels: readonly Panel[]): readonly Panel[] {
  return panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
}

function drawPanel(body: HTMLElement, drawn: Drawn, picture: Picture): void {
  const { type } = drawn.panel;
  if (type === 'stat') return drawFigure(body, drawn);
  if (type === 'table') return drawTable(body, drawn);
  const frame = {
    body,
    width: body.clientWidth - 8,
    height: body.clientHeight,
    range: [picture.fromSeconds, picture.toSeconds] as const,
  };
  if (type === 'heatmap') drawHeat(frame, drawn);
  else drawChart(frame, drawn);
}

draw(window.picture);
