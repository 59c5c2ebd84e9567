/** The rule files of grafana/alerts as data. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const RULES_FOLDER = 'grafana/alerts';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export type Rule = AlertRule | RecordingRule;

export interface RuleFile {
  readonly name: string;
  readonly text: string;
  readonly rules: readonly Rule[];
}

export function yamlIn(
  folder: string,
): readonly { readonly name: string; readonly text: string }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}

export function ruleFiles(): readonly RuleFile[] {
  return yamlIn(RULES_FOLDER).map(({ name, text }) => {
    const { groups } = parse(text) as { groups: readonly { rules: readonly Rule[] }[] };
    return { name, text, rules: groups.flatMap(({ rules }) => rules) };
  });
}

export function alertRules(): readonly AlertRule[] {
  return ruleFiles().flatMap(({ rules }) => rules.filter((rule) => 'alert' in rule));
}
