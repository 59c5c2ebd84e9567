/** The command lines and configuration that the chart renders, run for real. */
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import {
  configurationOf,
  enginePod,
  jobOf,
  manifestOf,
  type PodTemplate,
  render,
  valuesFile,
} from '../support/chart.ts';
import { Command, startEngineIn, until } from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';
import { sharedKafka } from '../support/kafka-broker.ts';
import { runTool } from '../support/kubernetes.ts';
import { clientOf } from '../support/minio-role.ts';
import { sharedMinio } from '../support/minio-server.ts';
import { parseMetrics } from '../support/prometheus-text.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const CONFIG = '/etc/shrike/config/shrike.json';

/** The container's arguments, with the file of the ConfigMap where the test has put it. */
function argumentsOf({ spec }: PodTemplate, file: string): readonly string[] {
  const args = spec.containers[0]?.args ?? [];
  expect(args).toContain(CONFIG);
  return args.map((one) => (one === CONFIG ? file : one));
}

function engineArguments(text: string, file: string): string[] {
  const [command, ...args] = argumentsOf(enginePod(text), file);
  expect(command).toBe('run');
  return args;
}

async function metricOf(address: string, name: string): Promise<number | undefined> {
  const metrics = parseMetrics((await callUrl(`${address}/metrics`)).body);
  return metrics.get(name)?.samples[0]?.value;
}

test('the demonstration becomes ready, and answers to the names of its Service', async () => {
  const folder = await scratchFolder();
  const file = join(folder, 'shrike.json');
  const text = await render('-f', valuesFile('development'));
  writeFileSync(file, configurationOf(text));
  const args = engineArguments(text, file);
  const pod = { SHRIKE_KAFKA_INSTANCE_ID: 'fraud-shrike-0' };
  const engine = await startEngineIn(pod, join(folder, 'data'), ...args);
  const { port } = new URL(engine.address);
  const askAs = async (host: string) =>
    (await callUrl(`http://127.0.0.1:${port}/readyz`, { headers: { host } })).status;
  // As the kubelet asks: by the pod's address.
  await until(async () => (await askAs(`10.1.2.3:${port}`)) === 200);
  expect(await askAs('fraud-shrike.payments.svc.cluster.local:8080')).toBe(200);
  expect(await askAs('elsewhere.example')).toBe(403);
  engine.command.process.kill('SIGTERM');
  expect((await engine.command.ended).code).toBe(0);
});

test('what is on schedule needs Kafka and the bucket alone; a drill shows in the metrics', {
  timeout: 300_000,
}, async () => {
  const [kafka, minio, folder] = await Promise.all([sharedKafka(), sharedMinio(), scratchFolder()]);
  await minio.createBucket('chart');
  const values = join(folder, 'values.json');
  const config = {
    application: 'chart',
    input: { transactions: 'chart-payments', cards: 'chart-cards', users: 'chart-users' },
    kafka: { bootstrap: kafka.bootstrap },
    s3: { bucket: 'chart', endpoint: minio.endpoint, pathStyle: true },
    checkpoints: { intervalMs: 500 },
  };
  const verify = ['checkpoint', 'verify', '--config', '/etc/shrike/config/shrike.json'];
  const jobs = { schedules: { verify: { schedule: '@weekly', args: verify } } };
  const scheduled = { drill: { enabled: true }, jobs };
  writeFileSync(values, JSON.stringify({ config, source: 'simulate', ...scheduled }));
  const text = await render('-f', values);
  const file = join(folder, 'shrike.json');
  writeFileSync(file, configurationOf(text));

  const env = { ...minio.env, SHRIKE_KAFKA_INSTANCE_ID: 'fraud-shrike-0' };
  const engine = await startEngineIn(env, join(folder, 'data'), ...engineArguments(text, file));
  await until(async () => ((await metricOf(engine.address, 'shrike_checkpoints_total')) ?? 0) >= 3);
  expect(await metricOf(engine.address, 'shrike_drill_success')).toBeUndefined();

  const scratch = join(folder, 'scratch');
  const runJob = (name: string) => {
    const { template } = jobOf(text, name);
    return new Command([...argumentsOf(template, file), '--data', scratch], minio.env).ended;
  };
  const drill = await runJob('fraud-shrike-drill-previous');
  expect(drill).toMatchObject({ code: 0, stdout: expect.stringMatching(/^verdict: equal$/m) });
  expect(drill.stdout).toMatch(/^report: chart\/chart-payments\/drills\/\S+-restore-equal-\S+$/m);

  // Nobody told the engine; it looks once a minute, or when it is asked.
  const headers = { authorization: `Bearer ${engine.token}` };
  await callUrl(`${engine.address}/api/drills`, { headers });
  await until(async () => (await metricOf(engine.address, 'shrike_drill_success')) === 1);
  engine.command.process.kill('SIGTERM');
  expect((await engine.command.ended).code).toBe(0);
  expect(await runJob('fraud-shrike-job-verify')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+ checkpoints are whole$/m),
  });
  expect(readdirSync(folder).toSorted()).toEqual(['data', 'shrike.json', 'values.json']);
});

test('compaction of the lake runs as production schedules it, in its bucket', async () => {
  const [minio, folder] = await Promise.all([sharedMinio(), scratchFolder()]);
  const text = await render('-f', valuesFile('production'));
  const file = join(folder, 'shrike.json');
  writeFileSync(file, configurationOf(text));
  const { template } = jobOf(text, 'fraud-shrike-job-lake');
  const here = { SHRIKE_S3_ENDPOINT: minio.endpoint, SHRIKE_S3_PATH_STYLE: 'true' };
  const compact = () => new Command(argumentsOf(template, file), { ...minio.env, ...here }).ended;
  expect(await compact()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('s3://shrike-archive at'),
  });

  await minio.createBucket('shrike-archive');
  const client = clientOf(minio, minio.env);
  onTestFinished(() => client.destroy());
  // As the sink names it; it is compacted when it has a day behind it.
  const Key = 'alerts/fraud_alerts-0-0.jsonl.gz';
  await client.send(new PutObjectCommand({ Bucket: 'shrike-archive', Key, Body: gzipSync('{}') }));
  expect(await compact()).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('left: 1 too young'),
  });
});

test.each([
  [200, 0],
  [503, 1],
])('helm test: an answer %i ends it with %i', async (status, code) => {
  const server = createServer((_request, answer) => answer.writeHead(status).end('{}'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const pod = manifestOf(await render(), 'Pod', 'fraud-shrike-readiness');
  const [ask] = (pod as unknown as PodTemplate).spec.containers;
  const [program, ...args] = ask?.command ?? [];
  const asked = new URL(args.at(-1) ?? '');
  expect([asked.host, asked.pathname]).toEqual(['fraud-shrike:8080', '/readyz']);
  const address = `http://127.0.0.1:${port}/readyz`;
  const ended = await runTool(program ?? '', [...args.slice(0, -1), address]);
  expect(ended.code).toBe(code);
  expect(ended.stdout).toContain(String(status));
});
