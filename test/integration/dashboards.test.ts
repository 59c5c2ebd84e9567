/**
 * Every query of every dashboard, asked of a real Prometheus that scrapes real engines under load:
 * one on Kafka (over TLS) with its checkpoints in MinIO, and one on the embedded log that re-keys.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dashboards } from '../../grafana/all.ts';
import { type PanelQuery, queriedPanels } from '../../grafana/panel-queries.ts';
import { PrometheusClient, type PrometheusSeries } from '../../grafana/prometheus-client.ts';
import { renderAll } from '../../grafana/render.ts';
import { filledIn } from '../../grafana/variables.ts';
import { systemClock } from '../../src/core/clock.ts';
import { METRICS } from '../../src/core/metric-table.ts';
import { Command, type RunningEngine, startEngineIn, until } from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { type MinioServer, sharedMinio } from '../support/minio-server.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus-server.ts';
import { freePorts } from '../support/server-folder.ts';

/** There only while a partition waits, which no scrape may have met. */
const FLEETING: ReadonlySet<string> = new Set(['shrike_partition_waiting_seconds']);
/** Half a minute on a quiet machine: a drilled failover waits for a session to end. */
const LIMIT_MS = 240_000;
const POLL_MS = 500;
/** As a ServiceMonitor has them, for the release of test/golden/chart. */
const POD_LABELS = { namespace: 'payments', service: 'fraud-shrike-members' };
const LOAD = [
  ...['--source', 'simulate', '--population', '300', '--fraud-rate', '0.03', '--rate', '300'],
  ...['--set', 'checkpoints.intervalMs=1000', '--set', 'input.partitions=4', '--json'],
];

const set = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);

interface Where {
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;
  readonly settings: readonly string[];
}

let folder: string;
let kafka: KafkaBroker;
let minio: MinioServer;
let prometheus: PrometheusServer;
let client: PrometheusClient;
let grouped: Where;
let alone: Where;
let engines: [RunningEngine, RunningEngine];
let targets: readonly [string, string];
let startedAtSeconds: number;

const started: RunningEngine[] = [];

async function start({ data, env, settings }: Where, target: string): Promise<RunningEngine> {
  const port = target.split(':')[1] as string;
  const engine = await startEngineIn(env, data, ...settings, ...LOAD, '--port', port);
  started.push(engine);
  return engine;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shrike-dashboards-'));
  [kafka, minio] = await Promise.all([startKafka({ secure: true }), sharedMinio()]);
  await minio.createBucket('dashboards');
  grouped = {
    data: join(folder, 'grouped'),
    env: minio.env,
    settings: [
      ...minio.settings('dashboards'),
      ...set({
        application: 'dashboards',
        'kafka.bootstrap': kafka.tlsBootstrap,
        'kafka.tls.enabled': 'true',
        'kafka.tls.caFile': kafka.tls.caFile,
        'kafka.tls.certFile': kafka.tls.certFile,
        'kafka.tls.keyFile': kafka.tls.keyFile,
        'kafka.sessionTimeoutMs': '6000',
      }),
    ],
  };
  alone = {
    data: join(folder, 'alone'),
    env: {},
    settings: set({ application: 'dashboards-alone', 'input.keyedByUser': 'false' }),
  };
  const port = await freePorts();
  targets = [`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`];
  startedAtSeconds = systemClock.nowMs() / 1000;
  prometheus = await startPrometheus({ job: 'shrike', targets, labels: POD_LABELS, rules: {} });
  client = new PrometheusClient(prometheus.address);
  engines = await Promise.all([start(grouped, targets[0]), start(alone, targets[1])]);
});
afterAll(async () => {
  await Promise.all(started.map(({ command }) => command.interrupt()));
  await prometheus.end();
  await kafka.remove();
  await rm(folder, { recursive: true, force: true });
});

const get = async ({ address, token }: RunningEngine, path: string) =>
  callUrl(`${address}${path}`, { headers: { authorization: `Bearer ${token}` } });

async function ready(engine: RunningEngine): Promise<void> {
  await until(async () => (await get(engine, '/readyz')).status === 200);
}

async function drill(kind: string, { data, env, settings }: Where): Promise<void> {
  const args = ['drill', kind, '--json', '--data', data, ...settings];
  const { code, stderr } = await new Command(args, env).ended;
  expect(code, stderr).toBe(0);
}

/** Records that no reader understands: dead letters, and errors by their codes. */
async function produceNonsense({ address, token }: RunningEngine): Promise<void> {
  const record = { key: '1', partition: 1, value: 'nonsense' };
  const answer = await callUrl(`${address}/api/topics/transactions/records`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
    body: JSON.stringify(record),
  });
  expect(answer.status).toBe(201);
}

/** After it has sealed, so that what it replays lies between disk and log. */
async function crashAndRestart(): Promise<void> {
  const ended = engines[1].command.ended;
  process.kill(engines[1].pid, 'SIGKILL');
  await ended;
  // Its address is no longer right, and would be taken for that of the next one.
  await rm(join(alone.data, 'shrike.lock'));
  engines[1] = await start(alone, targets[1]);
  await ready(engines[1]);
}

const isFinite = (series: readonly PrometheusSeries[]) =>
  series.some(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))));

interface Asked {
  readonly at: string;
  readonly query: PanelQuery;
}

const queries: readonly Asked[] = dashboards().flatMap(({ file, model }) =>
  queriedPanels(model).flatMap(({ title, targets: asked }) =>
    asked.map((query) => ({ at: `${file}: ${title}: ${query.refId}`, query })),
  ),
);

/**
 * At any moment since the start: a table asks for the present one alone, and on a busy machine a
 * scrape may come too late for it.
 * @throws Error with what Prometheus says of a query that it does not understand
 */
async function hasData({ expr }: PanelQuery): Promise<boolean> {
  const query = filledIn(expr, {
    instance: targets.join('|').replaceAll('.', String.raw`\\.`),
    partition: '.+',
    rangeSeconds: 300,
    scrapeSeconds: 1,
    stepSeconds: 1,
  });
  const toSeconds = systemClock.nowMs() / 1000;
  return isFinite(
    await client.over(query, { fromSeconds: startedAtSeconds, toSeconds, stepSeconds: 1 }),
  );
}

test(
  'no panel is empty or wrong beside engines under load that were drilled and killed',
  async () => {
    await Promise.all(engines.map(ready));
    await Promise.all(engines.map(produceNonsense));
    await Promise.all([drill('failover', grouped), drill('restore', alone).then(crashAndRestart)]);
    // An engine looks for drills once a minute, or when it is asked.
    for (const engine of engines) expect((await get(engine, '/api/drills')).status).toBe(200);

    let left = queries;
    expect(left.length).toBeGreaterThan(90);
    const deadlineMs = systemClock.nowMs() + LIMIT_MS / 4;
    while (left.length > 0 && systemClock.nowMs() < deadlineMs) {
      const without: Asked[] = [];
      for (const asked of left) if (!(await hasData(asked.query))) without.push(asked);
      left = without;
      if (left.length > 0) await systemClock.sleep(POLL_MS);
    }
    expect(left.map(({ at, query }) => `${at}: ${query.expr}`)).toEqual([]);
  },
  LIMIT_MS,
);

test('what KEDA scales by is answered, with the labels that a release of the chart has', async () => {
  const render = readFileSync('test/golden/chart/production.yaml', 'utf8');
  const asked = [...render.matchAll(/^ +query: (.*)$/gm)].map(([, query]) => query as string);
  expect(asked).toHaveLength(2);
  for (const query of asked) {
    const series = await client.at(query, systemClock.nowMs() / 1000);
    // One number: KEDA takes no more, and none would be an error of the scaler's.
    expect(series, query).toHaveLength(1);
    expect(Number(series[0]?.values[0]?.[1]), query).toBeGreaterThanOrEqual(0);
  }
});

test(
  'drawn without Grafana, every panel has its picture, and its texts have room',
  async () => {
    const draw = () =>
      renderAll(dashboards(), {
        folder: join(folder, 'pictures'),
        prometheus: prometheus.address,
        application: undefined,
        rangeSeconds: Math.ceil(systemClock.nowMs() / 1000 - startedAtSeconds),
        scrapeSeconds: 1,
      });
    let drawn = await draw();
    // Tables show the present: on a busy machine its scrape may be the one that came too late.
    for (let again = 0; again < 2 && drawn.some(({ empty }) => empty.length > 0); again++) {
      drawn = await draw();
    }
    expect(drawn.map(({ path }) => basename(path))).toEqual([
      ...['throughput.png', 'state.png', 'scoring.png', 'resources.png', 'drills.png'],
    ]);
    for (const { path, empty, cut } of drawn) {
      expect({ empty, cut }, path).toEqual({ empty: [], cut: [] });
      expect((await stat(path)).size, path).toBeGreaterThan(30_000);
    }
  },
  LIMIT_MS,
);

test('every metric of the table was scraped, with no label that the table does not have', async () => {
  const ofScraping = new Set(['__name__', 'instance', 'job', 'le', ...Object.keys(POD_LABELS)]);
  const atSeconds = systemClock.nowMs() / 1000;
  for (const [name, row] of Object.entries(METRICS)) {
    // At any moment since the start.
    const query = `last_over_time({__name__=~"${name}(_bucket)?"}[1h])`;
    const [series] = await client.at(query, atSeconds);
    if (series === undefined && FLEETING.has(name)) continue;
    const labels = Object.keys(series?.metric ?? {}).filter((label) => !ofScraping.has(label));
    expect(series && new Set(labels), name).toEqual(new Set<string>(row.labels));
  }
});

test('the variables find what there is to choose', async () => {
  expect(await client.labelValues('application', 'shrike_info')).toEqual([
    'dashboards',
    'dashboards-alone',
  ]);
  const ofApplication = 'shrike_info{application="dashboards"}';
  expect(await client.labelValues('instance', ofApplication)).toEqual([targets[0]]);
  const ofInstance = `shrike_lag_records{instance=~"${targets[0]}"}`;
  expect(await client.labelValues('partition', ofInstance)).toEqual(['0', '1', '2', '3']);
});
