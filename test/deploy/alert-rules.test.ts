/** The alert rules: what promtool says of them, and whether the manual goes with them. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/core/metric-table.ts';
import { LATENCY_BOUNDS_MS } from '../../src/core/telemetry.ts';
import {
  type AlertRule,
  alertRules,
  RULES_FOLDER,
  ruleFiles,
  yamlIn,
} from '../support/alert-rules.ts';
import { prometheusTools } from '../support/prometheus-server.ts';

const TESTS_FOLDER = join(RULES_FOLDER, 'tests');
const files = ruleFiles();
const alerts = alertRules();

/** Of others: Prometheus itself, prom-client, kube-state-metrics. */
const FOREIGN = [
  'up',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'kube_statefulset_replicas',
  'kube_statefulset_status_replicas_ready',
];

/** Two rules may have one name, and differ in their window. */
const keyOf = (alert: string, labels: Readonly<Record<string, string>>) =>
  `${alert} ${labels.window ?? ''}`.trim();

/** As GitHub makes them of headings. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

function headings(): readonly string[] {
  const text = readFileSync('docs/operations.md', 'utf8').replaceAll(/^```[^]*?^```/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1] as string);
}

interface Expected {
  readonly alertname: string;
  readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
}

function expectations(): readonly Expected[] {
  return yamlIn(TESTS_FOLDER).flatMap(({ text }) => {
    const { tests } = parse(text) as { tests: readonly { alert_rule_test: readonly Expected[] }[] };
    return tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  });
}

describe('promtool', () => {
  let promtool: string;
  beforeAll(async () => {
    promtool = join(await prometheusTools(), 'promtool');
  });
  const says = async (...args: readonly string[]) => {
    const { stdout, stderr } = await promisify(execFile)(promtool, args).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    return stdout + stderr;
  };

  test('accepts every file', async () => {
    const said = await says('check', 'rules', ...files.map(({ name }) => join(RULES_FOLDER, name)));
    expect(said.match(/SUCCESS: \d+ rules found/g)).toHaveLength(files.length);
    expect(said).not.toContain('FAILED');
  });

  test.each(files.map(({ name }) => name))(
    'finds that the alerts of %s fire, and end, when they should',
    async (name) => {
      const said = await says('test', 'rules', join(TESTS_FOLDER, name));
      expect(said).toMatch(/SUCCESS\s*$/);
    },
  );
});

test('A1: rules name metrics that there are', () => {
  const own = Object.keys(METRICS);
  const isHistogram = (name: string) => /^(.+)_(bucket|count|sum)$/.exec(name)?.[1] ?? '';
  const recorded = files.flatMap(({ rules }) =>
    rules.flatMap((rule) => ('record' in rule ? [rule.record] : [])),
  );
  const unknown = files.flatMap(({ rules }) =>
    rules.flatMap(({ expr }) =>
      [...expr.replaceAll(/"[^"]*"/g, '').matchAll(/\b(?:shrike|process|kube|up)[_:]?[\w:]*/g)]
        .map(([name]) => name)
        .filter((name) => ![...own, ...FOREIGN, ...recorded].includes(name))
        .filter((name) => !own.includes(isHistogram(name))),
    ),
  );
  expect(unknown).toEqual([]);
  expect(LATENCY_BOUNDS_MS.map((ms) => Number((ms / 1000).toPrecision(4)))).toContain(0.3162);
});

test.each(alerts.map((rule) => [keyOf(rule.alert, rule.labels), rule] as const))(
  'A2: %s says how bad it is, what it is about, by how much, and where to read on',
  (_, { alert, labels, annotations }: AlertRule) => {
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(annotations.summary).toMatch(/\S/);
    expect(annotations.description).toMatch(/\{\{ \$value/);
    expect(annotations.runbook_url).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    expect(headings().map(anchorOf)).toContain(alert.toLowerCase());
  },
);

test('A2: the manual has no section of an alert that is not there', () => {
  const named = headings().filter((heading) => /^Shrike[A-Z]\w+$/.test(heading));
  expect(named.toSorted()).toEqual([...new Set(alerts.map(({ alert }) => alert))].toSorted());
});

test('A3: a test expects every alert, and one expects it not', () => {
  const checks = expectations();
  const isIn = ({ alertname, exp_alerts }: Expected, key: string) =>
    exp_alerts.some(({ exp_labels }) => keyOf(alertname, exp_labels) === key);
  const keys = alerts.map(({ alert, labels }) => ({ alert, key: keyOf(alert, labels) }));
  const of = (alert: string) => checks.filter(({ alertname }) => alertname === alert);
  const untried = keys.filter(({ alert, key }) => !of(alert).some((check) => isIn(check, key)));
  const unquiet = keys.filter(({ alert, key }) => of(alert).every((check) => isIn(check, key)));
  expect({ untried, unquiet }).toEqual({ untried: [], unquiet: [] });
});
