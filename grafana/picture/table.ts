/** A table panel: queries merged by their labels, columns put in order and renamed. */
import { thresholdColor } from './colors.ts';
import { element } from './dom.ts';
import { type Drawn, overridden, type Panel, type Threshold } from './model.ts';
import { formatted } from './units.ts';

type Row = Map<string, string | number>;

export function drawTable(body: HTMLElement, drawn: Drawn): void {
  const { panel } = drawn;
  const rows = merged(drawn);
  const {
    excludeByName = {},
    indexByName = {},
    renameByName = {},
  } = panel.transformations?.find(({ id }) => id === 'organize')?.options ?? {};
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))]
    .filter((name) => excludeByName[name] !== true)
    .sort((a, b) => (indexByName[a] ?? 99) - (indexByName[b] ?? 99));
  const worst = panel.options.sortBy?.[0]?.displayName;
  const key = columns.find((name) => renameByName[name] === worst) ?? columns[0] ?? '';
  rows.sort((a, b) =>
    worst === undefined
      ? String(a.get(key)).localeCompare(String(b.get(key)), 'en', { numeric: true })
      : Number(b.get(key) ?? 0) - Number(a.get(key) ?? 0),
  );
  const head = columns.map((name) => element('th', { text: renameByName[name] ?? name }));
  const lines = rows.map((row) =>
    element(
      'tr',
      {},
      ...columns.map((name) => cell(row.get(name), renameByName[name] ?? name, panel)),
    ),
  );
  if (lines.length === 0)
    body.append(element('div', { className: 'figure nothing', text: 'No data' }));
  else body.append(element('table', { className: 'rows' }, element('tr', {}, ...head), ...lines));
}

function merged({ panel, results }: Drawn): Row[] {
  const rows: Row[] = [];
  const isOne = panel.targets.length === 1;
  for (const { refId } of panel.targets) {
    for (const { metric, values } of results[refId] ?? []) {
      const labels = Object.entries(metric);
      const known = rows.find((row) =>
        labels.every(([label, text]) => !row.has(label) || row.get(label) === text),
      );
      const row = known ?? new Map<string, string | number>();
      if (known === undefined) rows.push(row);
      for (const [label, text] of labels) row.set(label, text);
      row.set(isOne ? 'Value' : `Value #${refId}`, Number(values.at(-1)?.[1]));
    }
  }
  return rows;
}

function cell(value: string | number | undefined, column: string, panel: Panel): HTMLElement {
  if (typeof value !== 'number') return element('td', { text: value ?? '' });
  const unit = overridden(panel, column, 'unit') as string | undefined;
  const decimals = overridden(panel, column, 'decimals') as number | undefined;
  const limits = overridden(panel, column, 'thresholds') as
    | { readonly steps: readonly Threshold[] }
    | undefined;
  const style = limits === undefined ? '' : `color: ${thresholdColor(value, limits.steps)}`;
  return element('td', { className: 'number', text: formatted(value, unit, decimals), style });
}
