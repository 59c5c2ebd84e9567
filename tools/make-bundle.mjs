#!/usr/bin/env node
// Writes bundle.json beside a model.onnx: content hash, feature names, and a few probe rows with
// the scores that the model gives them (in another order of features, the probes fail).
//
//   node tools/make-bundle.mjs FOLDER --name r1 --feature-set r1-1 --rows features.csv
//
// --rows: CSV with the features in the model's order as header (a column idx is left out) and rows
// to choose probes from. Options, with their defaults:
//   --threshold 0.5 --input features --output probabilities --column 1 --probes 8
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string' },
    'feature-set': { type: 'string' },
    rows: { type: 'string' },
    threshold: { type: 'string', default: '0.5' },
    input: { type: 'string', default: 'features' },
    output: { type: 'string', default: 'probabilities' },
    column: { type: 'string', default: '1' },
    probes: { type: 'string', default: '8' },
  },
});
const folder = positionals[0];
if (!folder || !o.name || !o['feature-set'] || !o.rows) {
  console.error(
    'usage: node tools/make-bundle.mjs FOLDER --name NAME --feature-set NAME --rows FILE.csv',
  );
  process.exit(2);
}

const lines = readFileSync(o.rows, 'utf8').trim().split(/\r?\n/);
const header = lines[0].split(',');
const first = header[0] === 'idx' ? 1 : 0;
const features = header.slice(first);
const rows = lines.slice(1).map((line) => line.split(',').slice(first).map(Number));

const model = readFileSync(join(folder, 'model.onnx'));
const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
const score = async (many) => {
  const shape = [many.length, features.length];
  const tensor = new Tensor('float32', Float32Array.from(many.flat()), shape);
  const table = (await session.run({ [o.input]: tensor }, [o.output]))[o.output].data;
  const columns = table.length / many.length;
  return many.map((_, i) => table[i * columns + Number(o.column)]);
};
const scores = await score(rows);

// Exchange every two features of a row: a probe is worth the exchanges that change its score.
const pairs = [];
for (let a = 0; a < features.length; a++) {
  for (let b = a + 1; b < features.length; b++) pairs.push([a, b]);
}
const noticed = async (row, s) => {
  const exchanged = await score(
    pairs.map(([a, b]) => row.map((v, i) => (i === a ? row[b] : i === b ? row[a] : v))),
  );
  return new Set(pairs.flatMap((_, i) => (Math.abs(exchanged[i] - s) > 1e-4 ? [i] : [])));
};
// Candidates: rows spread over the scores, high ones included, since low ones hardly move.
const order = [...rows.keys()].sort((a, b) => scores[b] - scores[a]);
const step = Math.max(1, Math.floor(order.length / 200));
const open = order.filter((_, i) => i < 50 || i % step === 0);
const worth = new Map();
for (const i of open) worth.set(i, await noticed(rows[i], scores[i]));
const seen = new Set();
const chosen = [];
while (chosen.length < Number(o.probes) && worth.size > 0) {
  const gain = ([, set]) => [...set].filter((p) => !seen.has(p)).length;
  const [i, set] = [...worth].reduce((best, next) => (gain(next) > gain(best) ? next : best));
  if (gain([i, set]) === 0) break;
  for (const p of set) seen.add(p);
  chosen.push(i);
  worth.delete(i);
}

const bundle = {
  format: 1,
  id: `sha256:${createHash('sha256').update(model).digest('hex')}`,
  name: o.name,
  featureSet: o['feature-set'],
  input: o.input,
  output: o.output,
  scoreColumn: Number(o.column),
  threshold: Number(o.threshold),
  features,
  probes: chosen.map((i) => ({
    features: Object.fromEntries(features.map((f, k) => [f, rows[i][k]])),
    score: scores[i],
  })),
};
writeFileSync(join(folder, 'bundle.json'), `${JSON.stringify(bundle, null, 1)}\n`);
console.log(`${folder}/bundle.json: ${features.length} features, ${chosen.length} probes`);
console.log(`${seen.size} of ${pairs.length} exchanges of two features would be noticed`);
const blind = pairs.filter((_, i) => !seen.has(i)).map(([a, b]) => `${features[a]}/${features[b]}`);
if (blind.length > 0) console.log(`unnoticed: ${blind.join(' ')}`);
