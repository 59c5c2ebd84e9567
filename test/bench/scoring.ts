/**
 * CPU µs a row and latency of scoring, there and back, through the pool of threads.
 *   node tools/build.mjs --all && node dist/test/bench/scoring.js [onnxruntime]
 */
import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/core/clock.ts';
import { LatencyHistogram } from '../../src/core/telemetry.ts';
import { type ModelBundle, readBundle } from '../../src/scoring/bundle.ts';
import { openScorer } from '../../src/scoring/pool.ts';

const ROWS = 20_000;
const runtime = process.argv[2] === 'onnxruntime' ? 'onnxruntime' : 'auto';
const threadFile = new URL('../../src/score-thread.js', import.meta.url);
const names = JSON.parse(readFileSync('models/default/bundle.json', 'utf8')).features as string[];
const bundle = await readBundle('models/default', names);
const golden = readFileSync('test/golden/data/features.csv', 'utf8').trim().split('\n').slice(1);
const features = Float32Array.from(golden.flatMap((line) => line.split(',').slice(1).map(Number)));

/** `size` rows of golden features. */
function rowsOf(size: number, at: number): Float32Array {
  const width = names.length;
  const from = (at % (golden.length - size)) * width;
  return features.slice(from, from + size * width);
}

/** One request after the other, so that every call holds `size` rows. */
async function measure(with_: ModelBundle, size: number): Promise<string> {
  const limits = { threads: 1, batchRowsMax: 1024, batchWaitMs: 0, clock: systemClock };
  const scorer = await openScorer({ bundle: with_, runtime, threadFile, ...limits });
  const calls = Math.min(2_000, Math.ceil(ROWS / size));
  const once = async (i: number) => scorer.score(rowsOf(size, i * size), size);
  for (let i = 0; i < calls / 5; i++) await once(i);
  const latency = new LatencyHistogram();
  const cpu = process.cpuUsage();
  for (let i = 0; i < calls; i++) {
    const start = performance.now();
    await once(i);
    latency.record(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(cpu);
  await scorer.close();
  const perRow = (user + system) / calls / size;
  const [p50, p99] = [latency.quantile(0.5), latency.quantile(0.99)];
  const figures = [perRow, p50, p99].map((figure) => figure.toFixed(2).padStart(10));
  return String(size).padStart(5) + figures.join('');
}

console.log(' rows CPU µs/row    p50 ms    p99 ms');
for (const size of [1, 4, 16, 64, 256, 1024]) console.log(await measure(bundle, size));
