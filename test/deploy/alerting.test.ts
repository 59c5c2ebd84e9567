/**
 * One alert from end to end: a real engine on a real MinIO, a real Prometheus with our own rules,
 * whose minutes are made seconds. Needs the compiled dist.
 */
import { expect, onTestFinished, test } from 'vitest';
import { ruleFiles } from '../support/alert-rules.ts';
import { type RunningEngine, startEngineIn, until } from '../support/command-line.ts';
import { type MinioServer, startMinio } from '../support/minio-server.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus-server.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const LIMIT_MS = 180_000;

let minio: MinioServer;
let engine: RunningEngine;
let start: (...more: readonly string[]) => Promise<RunningEngine>;
let prometheus: PrometheusServer;

/** A minute becomes a second: of ranges, of `for`, of the groups' intervals. */
function hastened(text: string): string {
  return text
    .replaceAll(/\[(\d+)m\]/g, '[$1s]')
    .replaceAll(/^(\s+(?:for|interval): \d+)m$/gm, '$1s');
}

async function startAll(): Promise<void> {
  minio = await startMinio();
  onTestFinished(() => minio.remove());
  const store = [...minio.settings(), ...['--set', 's3.deadlineMs=1000']];
  const pace = ['--set', 'checkpoints.intervalMs=300', '--set', 'input.partitions=2'];
  const source = ['--source', 'simulate', '--population', '200', '--rate', '200'];
  const data = await scratchFolder();
  start = (...more) => startEngineIn(minio.env, data, ...source, ...store, ...pace, ...more);
  engine = await start();
  onTestFinished(async () => {
    await engine.command.interrupt();
  });
  prometheus = await startPrometheus({
    job: 'shrike',
    targets: [new URL(engine.address).host],
    rules: Object.fromEntries(ruleFiles().map(({ name, text }) => [name, hastened(text)])),
  });
  onTestFinished(() => prometheus.end());
}

interface Alerts {
  readonly alerts: readonly {
    readonly state: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

async function firing(): Promise<Alerts['alerts']> {
  const { alerts } = (await prometheus.ask('/api/v1/alerts')) as Alerts;
  return alerts.filter(({ state }) => state === 'firing');
}

const isFiring = async (name: string) =>
  (await firing()).some(({ labels }) => labels.alertname === name);

test('the object store goes: checkpoint alerts fire; it is back: they end; the engine goes: it is down, until it is back', {
  timeout: LIMIT_MS,
}, async () => {
  await startAll();
  const sealed = '/api/v1/query?query=sum(shrike_checkpoints_total)';
  await until(async () => JSON.stringify(await prometheus.ask(sealed)).includes('"value"'));
  await minio.stop();
  await until(() => isFiring('ShrikeObjectStoreUnreachable'));
  await until(() => isFiring('ShrikeCheckpointFailing'));
  const told = await firing();
  const unreachable = told.find(
    ({ labels }) => labels.alertname === 'ShrikeObjectStoreUnreachable',
  );
  expect(unreachable?.labels).toMatchObject({ severity: 'critical', job: 'shrike' });
  expect(unreachable?.annotations.description).toMatch(/^\d+ failures and not one checkpoint/);
  // Payments go on meanwhile, and nobody is called for them.
  const names = told.map(({ labels }) => labels.alertname);
  expect(names.filter((name) => /Commit|NotOwned|Stuck|Lag|Down/.test(name ?? ''))).toEqual([]);
  await minio.start();
  await until(async () => !(await isFiring('ShrikeObjectStoreUnreachable')));
  await until(async () => !(await isFiring('ShrikeCheckpointFailing')));
  await engine.command.interrupt();
  await until(() => isFiring('ShrikeDown'));
  engine = await start('--port', new URL(engine.address).port);
  await until(async () => !(await isFiring('ShrikeDown')));
});
