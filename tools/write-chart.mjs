/**
 * Writes what the chart takes from elsewhere: its values' schema and the defaults from the one
 * configuration schema; alert rules and dashboards as copies, since Helm reads no file outside of
 * the chart.
 *
 *     node tools/write-chart.mjs            after a build
 *     node tools/write-chart.mjs --check    only says what differs; exit code 1 when something does
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigSchema } from '../dist/src/core/config.js';
import { valuesSchema } from './chart-values.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const CHART = 'deploy/helm/shrike';

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

function defaultsOf(schema) {
  if (schema.type !== 'object') return schema.default;
  const entries = Object.entries(schema.properties);
  return Object.fromEntries(entries.map(([name, below]) => [name, defaultsOf(below)]));
}

/** @returns [path in the chart, its text] of every file of the folder */
function copies(from, to, ending) {
  const names = existsSync(from) ? readdirSync(from).filter((name) => name.endsWith(ending)) : [];
  return names.map((name) => [`${to}/${name}`, readFileSync(join(from, name), 'utf8')]);
}

const wanted = new Map([
  ['values.schema.json', json(valuesSchema(ConfigSchema))],
  ['files/config-defaults.json', json(defaultsOf(ConfigSchema))],
  ...copies('grafana/alerts', 'files/alerts', '.yaml'),
  ...copies('grafana/dashboards', 'files/dashboards', '.json'),
]);

function* differences() {
  for (const [path, text] of wanted) {
    const file = join(CHART, path);
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) yield { path, file, text };
  }
  for (const folder of ['files/alerts', 'files/dashboards']) {
    const there = existsSync(join(CHART, folder)) ? readdirSync(join(CHART, folder)) : [];
    for (const name of there) {
      const path = `${folder}/${basename(name)}`;
      if (!wanted.has(path)) yield { path, file: join(CHART, path), text: undefined };
    }
  }
}

const found = [...differences()];
if (process.argv.includes('--check')) {
  for (const { file } of found) process.stdout.write(`${file} differs from what it is made of\n`);
  if (found.length > 0) process.stdout.write('node tools/write-chart.mjs writes it anew\n');
  process.exit(found.length === 0 ? 0 : 1);
}
for (const { file, text } of found) {
  mkdirSync(dirname(file), { recursive: true });
  if (text === undefined) rmSync(file);
  else writeFileSync(file, text);
  process.stdout.write(`${file}\n`);
}
