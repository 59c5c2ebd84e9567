/** Dashboards, alert rules, metrics and documents name the same things. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { asText, dashboards } from '../../grafana/all.ts';
import { type QueriedPanel, queriedPanels } from '../../grafana/panel-queries.ts';
import { PROCESS_METRICS } from '../../grafana/process-metrics.ts';
import { filledIn } from '../../grafana/variables.ts';
import { METRICS, type MetricName } from '../../src/core/metric-table.ts';

const DASHBOARDS = 'grafana/dashboards';
const RULES = 'grafana/alerts';

/** Metrics that are on no dashboard and in no rule, and why. */
const NOT_SHOWN: Readonly<Record<string, string>> = {};

const all = dashboards();
const panels = all.flatMap(({ file, model }) =>
  queriedPanels(model).map((panel) => ({ at: `${file}: ${panel.title}`, panel })),
);

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}

const rules = readdirSync(RULES)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => {
    const { groups } = parse(readFileSync(join(RULES, name), 'utf8')) as {
      groups: readonly { readonly rules: readonly Rule[] }[];
    };
    return groups.flatMap((group) => group.rules);
  });

const expressions = [
  ...panels.flatMap(({ at, panel }) => panel.targets.map(({ expr }) => ({ at, expr }))),
  ...rules.map(({ alert, record, expr }) => ({ at: alert ?? record ?? '', expr })),
];

/** `shrike_latency_seconds_bucket` is a series of the metric `shrike_latency_seconds`. */
function metricOf(series: string): string {
  const base = series.replace(/_(?:bucket|sum|count)$/, '');
  const isHistogram = METRICS[base as MetricName]?.type === 'histogram';
  return isHistogram ? base : series;
}

/** Names of ours in an expression; those with colons are recorded by rules. */
function metricsIn(expr: string): readonly string[] {
  return Array.from(expr.matchAll(/(?<![\w:])shrike_\w+(?!\w*:)/g), ([name]) => metricOf(name));
}

test('what is checked in is what the code makes; `npm run dashboards` writes it anew', () => {
  expect(readdirSync(DASHBOARDS).sort()).toEqual(all.map(({ file }) => file).sort());
  for (const { file, model } of all) {
    expect(readFileSync(join(DASHBOARDS, file), 'utf8'), file).toBe(asText(model));
  }
});

test('every metric that a panel or a rule names exists', () => {
  const known = new Set(Object.keys(METRICS));
  const strays = expressions.flatMap(({ at, expr }) =>
    metricsIn(expr)
      .filter((name) => !known.has(name))
      .map((name) => `${at}: ${name}`),
  );
  expect(strays).toEqual([]);
  expect(rules.length).toBeGreaterThan(20);
});

test('every metric is on a dashboard or in a rule, or has a reason not to be', () => {
  const named = new Set(expressions.flatMap(({ expr }) => metricsIn(expr)));
  const left = Object.keys(METRICS).filter((name) => !named.has(name));
  expect(left).toEqual(Object.keys(NOT_SHOWN));
});

test('a metric is matched by labels that it has', () => {
  const outer = ['instance', 'namespace', 'job'];
  const strays = expressions.flatMap(({ at, expr }) =>
    Array.from(expr.matchAll(/(?<![\w:])(shrike_\w+)\{([^}]*)\}/g)).flatMap(
      ([, series = '', within]) => {
        const { labels } = METRICS[metricOf(series) as MetricName];
        const has: readonly string[] = [
          ...labels,
          ...outer,
          ...(series.endsWith('_bucket') ? ['le'] : []),
        ];
        return Array.from(
          (within ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g),
          ([, label = '']) => label,
        )
          .filter((label) => !has.includes(label))
          .map((label) => `${at}: ${series} by ${label}`);
      },
    ),
  );
  expect(strays).toEqual([]);
});

test('metrics are grouped by labels that one of them has', () => {
  const outer = ['instance', 'namespace', 'job', 'le'];
  const strays = expressions.flatMap(({ at, expr }) => {
    // kube-state-metrics and prom-client have labels of their own.
    const has = new Set<string>([...outer, 'statefulset', 'kind']);
    for (const name of metricsIn(expr))
      for (const label of METRICS[name as MetricName].labels) has.add(label);
    // A recorded series has the labels that its rule leaves it.
    if (/shrike:/.test(expr)) has.add('model');
    return Array.from(expr.matchAll(/\b(?:by|on|group_left)\s*\(([^)]*)\)/g), ([, list = '']) =>
      list.split(',').map((label) => label.trim()),
    )
      .flat()
      .filter((label) => label !== '' && !has.has(label))
      .map((label) => `${at}: ${label}`);
  });
  expect(strays).toEqual([]);
});

test('a bound that a query names is a bound of the histogram', () => {
  const text = readFileSync('docs/metrics.md', 'utf8');
  expect(text).toContain('four a decade, from 0.1 ms to 5.6 s');
  const bounds = expressions.flatMap(({ expr }) =>
    Array.from(expr.matchAll(/(shrike_\w+)_bucket\{[^}]*le="([\d.]+)"/g), ([, name, le]) => [
      name,
      le,
    ]),
  );
  const known: Readonly<Record<string, readonly string[]>> = {
    shrike_latency_seconds: ['0.1778', '0.3162', '0.5623', '1'],
    shrike_score: ['0.5', '0.9'],
  };
  expect(bounds.length).toBeGreaterThan(0);
  for (const [name = '', le = ''] of bounds) expect(known[name]).toContain(le);
});

/** What it answers, what to do when it is red, and where to read on. */
const SENTENCES = new RegExp(
  [
    String.raw`^[A-Z][^*]+[.?)]\n\n`,
    String.raw`\*\*When red:\*\* .+[.:?] `,
    String.raw`\[Runbook\]\(\$\{docs\}/operations\.md#([\w-]+)\)$`,
  ].join(''),
);

test('every panel says what it answers and what to do, and leads to a section that exists', () => {
  const headings = Array.from(
    readFileSync('docs/operations.md', 'utf8').matchAll(/^#+ (.+)$/gm),
    ([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
  );
  const lost = panels.flatMap(({ at, panel: { description } }) => {
    const match = SENTENCES.exec(description);
    return match !== null && headings.includes(match[1] ?? '') ? [] : [`${at}: ${description}`];
  });
  expect(lost).toEqual([]);
});

function overlaps(a: QueriedPanel['gridPos'], b: QueriedPanel['gridPos']): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

test('panels lie side by side on 24 columns, and titles are told apart', () => {
  for (const { file, model } of all) {
    const placed = queriedPanels(model);
    for (const [i, { title, gridPos }] of placed.entries()) {
      expect(gridPos.x + gridPos.w, `${file}: ${title}`).toBeLessThanOrEqual(24);
      const others = placed.slice(i + 1);
      const below = others.filter((other) => overlaps(gridPos, other.gridPos));
      expect(
        below.map((other) => other.title),
        `${file}: ${title}`,
      ).toEqual([]);
      expect(others.map((other) => other.title)).not.toContain(title);
    }
  }
});

test('every dashboard has the same variables, and its queries use no other', () => {
  const values = {
    instance: '.+',
    partition: '.+',
    rangeSeconds: 60,
    scrapeSeconds: 1,
    stepSeconds: 1,
  };
  for (const { file, model } of all) {
    const names = model.templating?.list?.map(({ name }) => name);
    expect(names, file).toEqual(['datasource', 'application', 'instance', 'partition', 'docs']);
  }
  for (const { panel } of panels) {
    for (const { expr } of panel.targets) expect(filledIn(expr, values)).not.toContain('$');
  }
  expect(() => filledIn('up{job="$job"}', values)).toThrow('nobody has said what $job is');
});

test('the names of the process that dashboards use are those of prom-client', () => {
  const used = new Set(
    panels.flatMap(({ panel }) =>
      panel.targets.flatMap(({ expr }) => expr.match(/\b(?:process|nodejs)_\w+/g) ?? []),
    ),
  );
  expect([...used].sort()).toEqual(Object.keys(PROCESS_METRICS).sort());
});

test('Grafana finds the dashboards and their data source where it is told to look', () => {
  const provisioned = (kind: string, file: string) =>
    parse(readFileSync(join('grafana/provisioning', kind, file), 'utf8')) as Record<
      string,
      unknown
    >;
  expect(provisioned('dashboards', 'shrike.yaml')).toMatchObject({
    apiVersion: 1,
    providers: [
      {
        type: 'file',
        folder: 'Shrike',
        allowUiUpdates: false,
        options: { path: '/etc/grafana/dashboards' },
      },
    ],
  });
  expect(provisioned('datasources', 'prometheus.yaml')).toMatchObject({
    apiVersion: 1,
    datasources: [
      {
        type: 'prometheus',
        url: '${SHRIKE_PROMETHEUS}',
        jsonData: { timeInterval: '${SHRIKE_SCRAPE_INTERVAL}' },
      },
    ],
  });
});
