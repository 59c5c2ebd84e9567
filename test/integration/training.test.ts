/**
 * A model trained from raw files by `models/training`, with the real engine, and put into a real
 * object store. On the real files, where they are (`real-files.ts`); elsewhere on simulated ones.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FEATURE_ORDER } from '../../operators/index.ts';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { writeBundle } from '../support/bundles.ts';
import { GOLDEN_CSV, shrike, shrikeJson } from '../support/command-line.ts';
import { type MinioServer, sharedMinio } from '../support/minio-server.ts';
import { REAL_FOLDER } from '../support/real-files.ts';
import { s3Store } from '../support/s3-stores.ts';
import { scheduledArguments } from '../support/scheduled-job.ts';
import { tinyOnnx } from '../support/tiny-onnx.ts';
import { SHRIKE_COMMAND, training, trainingPython } from '../support/training.ts';

const isReal = existsSync(join(REAL_FOLDER, 'transactions_16_users.csv.gz'));
const BUCKET = 'training';
const GOLDEN_FEATURES = resolve('test/golden/data/features.csv');
const DEFAULT = resolve('models/default');
const LONG_MS = 300_000;
const GZIP = Buffer.from([0x1f, 0x8b]);

let folder: string;
let raw: string;
let minio: MinioServer;
let store: ObjectStore;
/** The bundle that the first run left, and what that run printed. */
let bundle: string;
let printed: string;

interface Quality {
  readonly averagePrecision: number;
  readonly threshold: number;
  readonly alerts: number;
}

interface Report {
  readonly name: string;
  readonly id: string;
  readonly evaluatedBy: string;
  readonly rows: Readonly<Record<'payments' | 'labelled' | 'training' | 'later', number>>;
  readonly frauds: Readonly<Record<'training' | 'later', number>>;
  readonly later: Quality;
  readonly baseline: (Quality & { readonly name: string }) | null;
}

const at = (name: string) => join(folder, name);
const json = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
const report = () => json(join(bundle, 'report.json')) as Report;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shrike-training-'));
  raw = isReal ? realFiles() : await simulatedFiles();
  minio = await sharedMinio();
  await minio.createBucket(BUCKET);
  // The clients of this process ask for them when they first need them.
  Object.assign(process.env, minio.env);
  store = await s3Store({ bucket: BUCKET, endpoint: minio.endpoint });
  mkdirSync(at('home'));
  const { code, stdout, stderr } = await job(
    ...['--input', raw, '--out', at('first'), '--threads', '1', '--scores', at('scores.csv')],
    ...['--against', isReal ? DEFAULT : weakBundle()],
    ...['--publish', `s3://${BUCKET}/models/`],
  );
  if (code !== 0) throw new Error(stderr);
  printed = stdout;
  bundle = join(at('first'), readdirSync(at('first'))[0] ?? '');
}, LONG_MS);
afterAll(() => rmSync(folder, { recursive: true }));

/** The 16 users, under the names that the job asks for. */
function realFiles(): string {
  mkdirSync(at('raw'));
  for (const name of ['transactions_16_users.csv.gz', 'sd254_users.csv', 'sd254_cards.csv']) {
    cpSync(join(REAL_FOLDER, name), at(`raw/${name}`));
  }
  return at('raw');
}

async function simulatedFiles(): Promise<string> {
  const people = ['--days', '120', '--population', '300', '--seed', '7'];
  const { code, stderr } = await shrike('simulate', '--out', at('raw'), ...people);
  if (code !== 0) throw new Error(stderr);
  return at('raw');
}

/** Scores a payment by the logarithm of its amount alone. */
function weakBundle(): string {
  const model = tinyOnnx({ op: 'Sigmoid', width: FEATURE_ORDER.length });
  return writeBundle({ model, bundle: { features: FEATURE_ORDER, name: 'weak' } });
}

const transactions = () =>
  isReal ? 'transactions_16_users.csv.gz' : 'credit_card_transactions.csv';

/** A setting of the environment must not reach the engine that the job runs. */
const HOSTILE = { SHRIKE_KAFKA_BOOTSTRAP: '127.0.0.1:1', SHRIKE_INPUT_PARTITIONS: 'none' };

function job(...args: readonly string[]) {
  const common = ['--transactions', transactions(), '--shrike', SHRIKE_COMMAND, '--name', 'fraud'];
  const env = { ...minio.env, ...HOSTILE, HOME: at('home') };
  return training('job.py', [...common, '--endpoint', minio.endpoint, ...args], env);
}

test(`${isReal ? 'real data' : 'simulated data, for want of the real'}: the job leaves a bundle that is named by its content, and a report`, async () => {
  expect(readdirSync(at('first'))).toEqual([basename(bundle)]);
  expect(readdirSync(bundle).toSorted()).toEqual(['bundle.json', 'model.onnx', 'report.json']);
  const { name, id, rows, frauds, later, baseline } = report();
  expect(name).toBe(`fraud-${id.slice('sha256:'.length).slice(0, 12)}`);
  expect(name).toBe(basename(bundle));
  expect(rows.training + rows.later).toBe(rows.labelled);
  expect(rows.training).toBe(Math.floor(0.7 * rows.labelled));
  if (isReal) {
    // A third has no label: history for the features, and nothing else.
    expect(rows).toMatchObject({ payments: 161_077, labelled: 107_874 });
    expect(frauds).toEqual({ training: 124, later: 49 });
    expect(baseline).toMatchObject({ name: 'r1', alerts: 3 });
  }
  expect(later.averagePrecision).toBeGreaterThan(baseline?.averagePrecision ?? 1);
  expect(await shrikeJson('model', 'check', bundle)).toMatchObject({
    ...{ name, id, featureSet: 'r1-1', threshold: later.threshold },
  });
  // ONNX Runtime, in Python and in the engine, keeps nothing for its maker.
  expect(readdirSync(at('home'))).toEqual([]);
});

test('the graph has the form that the engine walks in WebAssembly', async () => {
  expect(report().evaluatedBy).toBe('trees');
  expect(await shrikeJson('model', 'check', bundle)).toMatchObject({ by: 'trees' });
});

test(
  'the engine gives the scores that XGBoost gave, and the alerts of the report',
  async () => {
    const { code, stderr } = await shrike(
      ...['run', '--source', 'csv', '--until-end', '--no-listen', '--data', at('data')],
      ...['--transactions', join(raw, transactions())],
      ...['--users', join(raw, 'sd254_users.csv'), '--cards', join(raw, 'sd254_cards.csv')],
      ...['--model', bundle, '--out', at('results')],
    );
    expect({ code, stderr: stderr.match(/\[[A-Z_]+\]/) }).toEqual({ code: 0, stderr: null });
    const scored = new Map(
      readFileSync(at('results/scored.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { idx: number; score: number })
        .map(({ idx, score }) => [idx, score]),
    );
    const [, ...told] = readFileSync(at('scores.csv'), 'utf8').trimEnd().split('\n');
    expect(told).toHaveLength(report().rows.later);
    let difference = 0;
    let alerts = 0;
    for (const line of told) {
      const [idx, score] = line.split(',').map(Number) as [number, number];
      const found = scored.get(idx) ?? Number.NaN;
      difference = Math.max(difference, Math.abs(found - score));
      if (found >= report().later.threshold) alerts += 1;
    }
    // Float32 sums of 200 leaves: 9e-8 was measured.
    expect(difference).toBeLessThan(1e-6);
    expect(alerts).toBe(report().later.alerts);
  },
  LONG_MS,
);

test(
  'the same files give the same bytes, from a bucket and with other threads; what is published is never replaced',
  async () => {
    const key = (name: string) => `models/${basename(bundle)}/${name}`;
    const objects = async () => (await store.list('models/')).map((one) => one.key);
    const files = ['bundle.json', 'model.onnx', 'report.json'];
    expect(await objects()).toEqual(files.map(key));
    for (const name of files) {
      const stored = Buffer.from((await store.get(key(name))) ?? []);
      expect(stored.equals(readFileSync(join(bundle, name)))).toBe(true);
    }
    expect(printed).toContain(`published: s3://${BUCKET}/models/${basename(bundle)}/`);
    const modified = await store.list('models/');
    for (const name of [transactions(), 'sd254_users.csv', 'sd254_cards.csv']) {
      await store.put(`raw/${name}`, readFileSync(join(raw, name)));
    }

    const { code, stderr } = await job(
      ...['--input', `s3://${BUCKET}/raw`, '--out', at('second'), '--threads', '2'],
      ...['--publish', `s3://${BUCKET}/models`],
    );
    for (const name of ['bundle.json', 'model.onnx']) {
      const again = readFileSync(join(at('second'), basename(bundle), name));
      expect(again.equals(readFileSync(join(bundle, name)))).toBe(true);
    }
    // Another number of threads makes another report, and it does not go over the first one.
    expect(stderr).toContain(`job: s3://${BUCKET}/${key('report.json')} exists [TRAINING_EXISTS]`);
    expect(code).toBe(1);
    expect(await store.list('models/')).toEqual(modified);
  },
  LONG_MS,
);

test(
  "production's job on schedule takes the raw files from its bucket, and puts the model beside them",
  async () => {
    const given = scheduledArguments('train');
    const bucket = /--input=s3:\/\/([^/]+)\//.exec(given.join(' '))?.[1] ?? '';
    await minio.createBucket(bucket);
    const own = await s3Store({ bucket, endpoint: minio.endpoint });
    const names = ['credit_card_transactions.csv', 'sd254_users.csv', 'sd254_cards.csv'];
    for (const name of names) {
      const file = readFileSync(join(raw, name === names[0] ? transactions() : name));
      const text = file.subarray(0, 2).equals(GZIP) ? gunzipSync(file) : file;
      await own.put(`shrike/training/${name}`, text);
    }
    // In the image Shrike is on the path.
    const args = given.map((arg) =>
      arg
        .replace('=/var/lib/shrike', `=${at('scheduled')}`)
        .replace('=/app/models/default', `=${isReal ? DEFAULT : weakBundle()}`),
    );
    const here = ['--shrike', SHRIKE_COMMAND, '--endpoint', minio.endpoint];
    const { code, stdout, stderr } = await training('job.py', [...args, ...here], minio.env);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const [name = ''] = readdirSync(at('scheduled'));
    expect(stdout).toContain(`published: s3://${bucket}/shrike/models/${name}/`);
    // Of the same payments, under another name.
    const model = await own.get(`shrike/models/${name}/model.onnx`);
    expect(Buffer.from(model ?? []).equals(readFileSync(join(bundle, 'model.onnx')))).toBe(true);
  },
  LONG_MS,
);

test('a bundle that was published in part is completed; a whole one, or another one, is left alone', async () => {
  const publish = (of: string) =>
    trainingPython(`
from pathlib import Path
from bucket import Prefix
from refusal import Refusal
try:
    print(Prefix("s3://${BUCKET}/parts", "${minio.endpoint}").publish(Path("${of}")))
except Refusal as refusal:
    print(str(refusal).splitlines()[0])
`);
  const key = (name: string) => `parts/${basename(bundle)}/${name}`;
  await store.put(key('model.onnx'), readFileSync(join(bundle, 'model.onnx')));
  const url = `s3://${BUCKET}/parts/${basename(bundle)}/`;
  expect(await publish(bundle)).toBe(url);
  expect(await publish(bundle)).toBe(`${url}bundle.json exists [TRAINING_EXISTS]`);
  await store.delete(key('bundle.json'));
  await store.put(key('model.onnx'), Buffer.from('another'));
  expect(await publish(bundle)).toBe(`${url}model.onnx exists [TRAINING_EXISTS]`);
  expect(Buffer.from((await store.get(key('model.onnx'))) ?? []).toString()).toBe('another');
});

test('each code of a refusal stands in models/README.md with its advice, and is raised', async () => {
  const printedTable = await trainingPython(
    'import json, refusal; print(json.dumps(refusal.GATES | refusal.FAILURES))',
  );
  const advice = JSON.parse(printedTable) as Readonly<Record<string, string>>;
  const page = readFileSync('models/README.md', 'utf8');
  const rows = Array.from(page.matchAll(/^\| `(TRAINING_\w+)` \| (.*) \|$/gm), (row) => [
    row[1],
    row[2],
  ]);
  expect(rows).toEqual(Object.entries(advice));
  const modules = readdirSync('models/training').filter((name) => /(?<!refusal)\.py$/.test(name));
  const code = modules.map((name) => readFileSync(`models/training/${name}`, 'utf8')).join('');
  expect(Object.keys(advice).filter((one) => !code.includes(`"${one}"`))).toEqual([]);
});

test("the job of the chart's README is one that job.py understands", async () => {
  const page = readFileSync('deploy/helm/shrike/README.md', 'utf8');
  const args = /^ +train:\n(?:.*\n){2} +args: \[(.*)\]/m.exec(page)?.[1]?.split(', ') ?? [];
  expect(args).toContain('--publish');
  const { stdout } = await training('job.py', ['--help']);
  const unknown = args.filter((arg) => arg.startsWith('--') && !stdout.includes(`  ${arg} `));
  expect(unknown).toEqual([]);
  const { code, stderr } = await training('job.py', [
    '--input',
    'raw',
    '--name',
    'a/b',
    '--out',
    'o',
  ]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('argument --name')]);
});

/** train.py on the golden rows: exit code, and the first line of what it says. */
async function refusal(
  args: readonly string[],
  { labels = goldenLabels, features = GOLDEN_FEATURES } = {},
): Promise<string> {
  const common = ['--features', features, '--labels', labels, '--out', at('refused')];
  const { code, stderr } = await training('train.py', [...common, '--threads', '1', ...args]);
  return `${code} ${stderr.split('\n')[0]?.replaceAll(folder, 'DIR')}`;
}

let goldenLabels: string;
beforeAll(async () => {
  await shrike('clean', ...GOLDEN_CSV, '--out', at('golden'), '--data', at('golden-data'));
  goldenLabels = at('golden/transactions.csv');
});

test('a gate refuses with exit code 3, says why, and leaves no model', async () => {
  expect(await refusal([])).toBe(
    '3 train: 3 frauds among the 284 labelled payments to choose by, at least 20 are wanted [TRAINING_TOO_FEW_FRAUDS]',
  );
  const few = ['--frauds-min', '1'];
  expect(await refusal([...few, '--against', DEFAULT, '--alert-rate', '0.01'])).toMatch(
    /^3 train: .* 0\.\d{4} on 608 later payments; r1 in \S+ has 0\.7232 \[TRAINING_NOT_BETTER\]$/,
  );
  expect(await refusal([...few, '--alert-rate', '0.001'])).toBe(
    '3 train: there is no threshold at which at most 0.001 of the payments alert [TRAINING_NO_THRESHOLD]',
  );
  expect(existsSync(at('refused'))).toBe(false);
});

test('features and labels that are not of the same payments are refused', async () => {
  const lines = readFileSync(goldenLabels, 'utf8').trimEnd().split('\n');
  const refused = (changed: readonly string[]) => {
    writeFileSync(at('labels.csv'), `${changed.join('\n')}\n`);
    return refusal([], { labels: at('labels.csv') });
  };
  const files = 'features.csv and labels.csv';
  expect(await refused(lines.slice(0, -1))).toBe(
    `1 train: ${files} have 2026 and 2025 payments [TRAINING_ROWS_MISMATCH]`,
  );
  const renumbered = lines.map((line, i) => (i < 4 ? line : line.replace(/^\d+/, String(i))));
  expect(await refused(renumbered)).toBe(
    `1 train: ${files} are not of the same payments: idx of row 3 is 3 and 4 [TRAINING_ROWS_MISMATCH]`,
  );
  const features = readFileSync(GOLDEN_FEATURES, 'utf8').trimEnd().split('\n');
  const fallen = [features, lines].map((all, i) => {
    writeFileSync(at(`fallen-${i}.csv`), `${all.with(2, all[1] ?? '').join('\n')}\n`);
    return at(`fallen-${i}.csv`);
  });
  expect(await refusal([], { features: fallen[0] ?? '', labels: fallen[1] ?? '' })).toMatch(
    /: idx, which has to ascend, of row 1 is 0 and 0 \[TRAINING_ROWS_MISMATCH\]$/,
  );
  // The same numbers, and other payments.
  const exchanged = lines.with(1, `0${lines[2]?.slice(1)}`).with(2, `1${lines[1]?.slice(1)}`);
  expect(await refused(exchanged)).toMatch(
    /same payments: amount of row 0 is \S+ and \S+ \[TRAINING_ROWS_MISMATCH\]$/,
  );
});

test('a file that is missing, and a baseline that cannot score, are named', async () => {
  expect(await refusal([], { features: at('none.parquet') })).toMatch(
    /^1 train: cannot read DIR\/none\.parquet: .*\[TRAINING_INPUT\]$/,
  );
  const few = ['--frauds-min', '1', '--alert-rate', '0.01'];
  expect(await refusal([...few, '--against', at('nowhere')])).toMatch(
    /^1 train: cannot score by DIR\/nowhere: .*\[TRAINING_BASELINE\]$/,
  );
});

test('the threshold is the lowest that the rule allows; an ONNX graph that scores otherwise is refused', async () => {
  const printedLines = await trainingPython(`
import numpy as np
from forest import check_same
from measures import choose_threshold, quality
from refusal import Refusal
scores = np.array([0.9, 0.5, 0.5, 0.8, 0.25, 0.125], np.float32)
fraud = np.array([True, True, False, False, False, False])
print(choose_threshold(fraud, scores, 0.4, None))
print(choose_threshold(fraud, scores, 0.5, None))
print(choose_threshold(fraud, scores, 0.7, None))
print(choose_threshold(fraud, scores, 0.7, 0.5))
found = quality(fraud, scores, 0.5)
print(found["alerts"], found["precision"], found["recall"])
print(check_same(scores, scores + np.float32(2**-20)) < 1e-5)
try:
    check_same(scores, scores + np.float32(2**-16))
except Refusal as refusal:
    print(refusal.exit_code, str(refusal).splitlines()[0])
`);
  expect(printedLines.split('\n')).toEqual([
    // Two payments of six, then still two, since two of the same score alert together, then four.
    '0.800000011920929',
    '0.800000011920929',
    '0.5',
    // Two of four.
    '0.5',
    '4 0.5 1.0',
    'True',
    "3 the ONNX graph's scores differ from XGBoost's by up to 1.53e-05 [TRAINING_ONNX_DIFFERS]",
  ]);
});
