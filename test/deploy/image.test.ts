/** The image, built twice and run as production runs it: with limits, and without rights. */
import { cpSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configurationOf, enginePod } from '../support/chart.ts';
import { callUrl } from '../support/http-client.ts';
import { type Container, type ImageTools, imageTools } from '../support/image.ts';
import { sharedKafka } from '../support/kafka-broker.ts';
import { sharedMinio } from '../support/minio-server.ts';
import { newestCheckpoints } from '../support/newest-checkpoints.ts';
import { freePorts } from '../support/server-folder.ts';

const MIB = 2 ** 20;
const BUILD_MS_MAX = 900_000;
const DATA = '/var/lib/shrike';

let tools: ImageTools;
let image: string;

beforeAll(async () => {
  tools = imageTools();
  image = await tools.build({ context: clone('.', 'first'), tag: 'first' });
}, BUILD_MS_MAX);

afterAll(() => tools.remove());

/** What .dockerignore lets through, in a folder of its own: the tree may change meanwhile. */
function clone(from: string, name: string): string {
  const to = join(tools.folder, name);
  const allowed = readFileSync('.dockerignore', 'utf8').matchAll(/^!([^*\n]+)/gm);
  for (const [, path = ''] of [...allowed, [0, '.dockerignore'] as const].toReversed()) {
    cpSync(join(from, path), join(to, path), { recursive: true });
  }
  return to;
}

interface Live {
  readonly engine: Container;
  readonly url: string;
}

/** With `--json` a log line of the engine is an object. */
async function events(engine: Container, event: string): Promise<Record<string, unknown>[]> {
  const lines = (await engine.logs()).split('\n').filter((line) => line.startsWith('{'));
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((one) => one.event === event);
}

async function startEngine(
  volume: string,
  { args = [], env = {} }: { args?: readonly string[]; env?: Record<string, string> } = {},
): Promise<Live> {
  const port = await freePorts();
  const engine = await tools.start(image, {
    args: [...['run', '--json', '--source', 'simulate', '--population', '300'], ...args],
    memory: '768m',
    volumes: { [volume]: DATA },
    env: { ...listensOn(port), ...env },
  });
  return { engine, url: `http://127.0.0.1:${port}` };
}

/** The host's network: on its loopback, and on a port of our own. */
function listensOn(port: number): Record<string, string> {
  return { SHRIKE_API_HOST: '127.0.0.1', SHRIKE_API_PORT: String(port) };
}

const isReady = (url: string) => () =>
  callUrl(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false, // it does not listen yet
  );

async function metric(url: string, name: string): Promise<number> {
  const { body } = await callUrl(`${url}/metrics`);
  const values = body.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

const hasScored = (url: string, count: number) => async () =>
  (await metric(url, 'shrike_records_total')) >= count;

test.each(['deploy/docker/Dockerfile', 'deploy/docker/training/Dockerfile'])(
  'hadolint has nothing to say about %s',
  async (file) => {
    const { code, stdout } = await tools.hadolint(file);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  },
);

test('the image of training makes a bundle from raw files, without rights, by the engine within', {
  timeout: BUILD_MS_MAX,
}, async () => {
  const trainer = await tools.build({
    context: join(tools.folder, 'first'),
    tag: 'training',
    dockerfile: 'deploy/docker/training/Dockerfile',
    args: { SHRIKE_IMAGE: image },
  });
  const volume = tools.dataFolder('training');
  const training = await tools.start(trainer, {
    // The golden sample has 37 frauds, and nothing that could beat the model it was made with.
    args: ['--input', '/raw', '--out', DATA, '--frauds-min', '1', '--alert-rate', '0.01'],
    memory: '1g',
    volumes: { [volume]: DATA, [resolve('test/golden/data')]: '/raw:ro' },
  });
  const code = await training.exitCode();
  expect({ code, said: await training.logs() }).toEqual({
    code: 0,
    said: expect.stringContaining(': trees, threshold 0.'),
  });
  const [bundle = ''] = readdirSync(volume);
  expect(readdirSync(volume)).toEqual([bundle]);
  expect(readdirSync(join(volume, bundle)).toSorted()).toEqual([
    ...['bundle.json', 'model.onnx', 'report.json'],
  ]);
  // The image is Shrike's otherwise: it says itself whether it can use what came out.
  const mounted = ['--volume', `${volume}:/models:ro`, '--entrypoint', 'shrike'];
  const check = ['model', 'check', `/models/${bundle}`];
  expect(await tools.done('podman', ['run', '--rm', ...mounted, image, ...check])).toMatch(
    /evaluated by trees \(verdict: current\)$/,
  );
});

test('the same files make the same image, whenever and by whom they were written', {
  timeout: BUILD_MS_MAX,
}, async () => {
  // Other times, and one more file, so that nothing from the first build but the packages is used.
  const context = clone(join(tools.folder, 'first'), 'second');
  writeFileSync(join(context, 'tools/another.mjs'), '// goes nowhere\n');
  for (const file of readdirSync(context, { recursive: true, encoding: 'utf8' })) {
    utimesSync(join(context, file), 1_000_000_000, 1_000_000_000);
  }
  const second = await tools.build({ context, tag: 'second' });
  // Layers first: where they differ, the message is worth more than two hashes.
  const inspect = (name: string, format: string) =>
    tools.done('podman', ['image', 'inspect', '--format', format, name]);
  for (const format of ['{{json .RootFS.Layers}}', '{{.Id}}', '{{.Digest}}']) {
    expect(await inspect(second, format), format).toBe(await inspect(image, format));
  }
});

test('the image holds what runs and its licences, owned by root, and says what it is made of', async () => {
  const root = await tools.done('podman', ['image', 'mount', image]);
  const below = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  const files = below('app');
  expect(files.filter((file) => /\.(?:map|ts|cc|tsbuildinfo)$/.test(file))).toEqual([]);
  expect(files.filter((file) => /darwin|win32|musl/.test(file))).toEqual([]);
  const tree = ['bin', 'usr/bin', 'usr/local/bin'].flatMap(below);
  expect(
    tree.filter((file) => /^(?:npm|npx|yarn|gcc|cc|c\+\+|make|python3|curl|git)$/.test(file)),
  ).toEqual([]);
  const loose = files.filter((file) => {
    const { uid, mode } = statSync(join(root, 'app', file));
    return uid !== 0 || (mode & 0o022) !== 0;
  });
  expect(loose).toEqual([]);
  const data = statSync(join(root, DATA));
  expect([data.uid, data.gid]).toEqual([10_001, 10_001]);

  const bill = JSON.parse(readFileSync(join(root, 'app/sbom.cdx.json'), 'utf8')) as {
    bomFormat: string;
    components: { name: string; group?: string; version: string; purl: string }[];
  };
  const purls = new Set(bill.components.map(({ purl }) => purl));
  const installed = files.filter((file) =>
    /^node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(file),
  );
  const packages = installed.map((file) => {
    const { name, version } = JSON.parse(readFileSync(join(root, 'app', file), 'utf8'));
    return `pkg:npm/${String(name).replace('@', '%40')}@${String(version)}`;
  });
  expect(packages.length).toBeGreaterThan(60);
  expect(packages.filter((purl) => !purls.has(purl))).toEqual([]);
  // Bundled into the program, and not there as a package.
  const names = bill.components.map(({ purl }) => purl.replace(/@[^@]*$/, ''));
  expect(names).toContain('pkg:npm/%40aws-sdk/client-s3');
  expect(names).toContain('pkg:generic/node');
  await tools.done('podman', ['image', 'unmount', image]);
});

test('what Shrike adds to its base, Node.js included, is below 190 MB', async () => {
  const size = async (name: string) =>
    Number(await tools.done('podman', ['image', 'inspect', '--format', '{{.Size}}', name]));
  const base = /^ARG BASE_IMAGE=(.*)$/m.exec(readFileSync('deploy/docker/Dockerfile', 'utf8'))?.[1];
  expect((await size(image)) - (await size(base ?? ''))).toBeLessThan(190e6);
});

test('in 768 MiB, without rights, an engine scores and is healthy; SIGTERM drains it; it goes on where it was', {
  timeout: 300_000,
}, async () => {
  const volume = tools.dataFolder('embedded');
  const { engine, url } = await startEngine(volume, { args: ['--rate', '2000'] });
  await engine.until(isReady(url));
  await engine.until(hasScored(url, 5000));
  expect(await engine.isHealthy()).toBe(true);
  const { stdout: identity } = await engine.exec(
    'sh',
    '-c',
    'id -u; cat /proc/1/comm; touch /app/x',
  );
  expect(identity.split('\n').slice(0, 2)).toEqual(['10001', 'node']);

  // The plan is that of the container's limit, and the process is bound by it.
  const [plan] = await events(engine, 'memory is planned');
  expect(plan).toMatchObject({ limitBytes: 768 * MIB });
  expect(Number(plan?.heapLimitBytes)).toBeLessThan(96 * MIB);
  const peakFiles = '/sys/fs/cgroup/memory/memory.max_usage_in_bytes /sys/fs/cgroup/memory.peak';
  const { stdout: peak } = await engine.exec('sh', '-c', `cat ${peakFiles} 2>/dev/null`);
  expect(Number(peak.trim())).toBeGreaterThan(100 * MIB);
  expect(Number(peak.trim())).toBeLessThan(700 * MIB);

  await engine.signal('TERM');
  expect(await engine.exitCode()).toBe(0);
  expect(await engine.inspect('{{.State.OOMKilled}}')).toBe('false');
  const sealed = newestCheckpoints(volume);
  expect(sealed).toHaveLength(8);

  await engine.start();
  await engine.until(isReady(url));
  const lives = (await events(engine, 'partition is live')).slice(8);
  expect(lives).toHaveLength(8);
  // All that was committed is in the last checkpoint: the drain had the time for it.
  const resumed = lives.map(({ partition, offset, committed, from }) => ({
    ...{ partition, offset, committed, from },
  }));
  expect(resumed.toSorted((a, b) => Number(a.partition) - Number(b.partition))).toEqual(
    sealed.map(({ nextOffset }, partition) => ({
      ...{ partition, offset: nextOffset, committed: nextOffset, from: 'local' },
    })),
  );

  // Killed, it starts again: the lock of the life before names PID 1, which is this one's too.
  await engine.until(hasScored(url, 500));
  await engine.signal('KILL');
  expect(await engine.exitCode()).toBe(137);
  await engine.start();
  await engine.until(isReady(url));
  await engine.signal('TERM');
  expect(await engine.exitCode()).toBe(0);
});

test('against Kafka and MinIO outside of the container: nothing but the data folder is needed', async () => {
  const [kafka, minio] = await Promise.all([sharedKafka(), sharedMinio()]);
  const volume = tools.dataFolder('kafka');
  const bucket = 'image-checkpoints';
  await minio.createBucket(bucket);
  const { engine, url } = await startEngine(volume, {
    args: ['--set', 'application=image', '--set', `kafka.bootstrap=${kafka.bootstrap}`].concat(
      ...['transactions', 'cards', 'users'].map((name) => ['--set', `input.${name}=image-${name}`]),
      minio.settings(bucket),
    ),
    env: minio.env,
  });
  await engine.until(isReady(url));
  await engine.until(hasScored(url, 500));
  expect(await engine.isHealthy()).toBe(true);
  await engine.signal('TERM');
  expect(await engine.exitCode()).toBe(0);
  expect(readdirSync(volume)).not.toContain('checkpoints');
  expect(readdirSync(volume)).not.toContain('log');
}, 300_000);

test('what the chart gives a pod runs in the image, and SIGTERM ends it inside the grace period', {
  timeout: 300_000,
}, async () => {
  const render = readFileSync('test/golden/chart/development.yaml', 'utf8');
  const { containers, terminationGracePeriodSeconds } = enginePod(render).spec;
  const [container] = containers;
  const volume = tools.dataFolder('chart');
  const settings = tools.dataFolder('chart-settings');
  writeFileSync(join(settings, 'shrike.json'), configurationOf(render));
  const port = await freePorts();
  const engine = await tools.start(image, {
    args: container?.args ?? [],
    memory: container?.resources.limits.memory?.replace('Mi', 'm') ?? '',
    volumes: { [volume]: DATA, [settings]: '/etc/shrike/config:ro' },
    env: { ...listensOn(port), SHRIKE_KAFKA_INSTANCE_ID: 'fraud-shrike-0' },
  });
  const url = `http://127.0.0.1:${port}`;
  await engine.until(isReady(url));
  await engine.until(hasScored(url, 500));
  await engine.stop(terminationGracePeriodSeconds ?? 0);
  expect(await engine.exitCode()).toBe(0);
  expect(newestCheckpoints(volume)).toHaveLength(8);
});

test('a limit that is too small ends the container with the one that would do', async () => {
  const engine = await tools.start(image, { args: ['run'], memory: '256m' });
  expect(await engine.exitCode()).toBe(1);
  expect(await engine.logs()).toMatch(
    /a memory limit of 256 MiB is too small.* take \d+ MiB at least/,
  );
});

test('a container whose engine does not listen is unhealthy, and says why', async () => {
  const engine = await tools.start(image, { args: ['plan', '--memory', '1Gi'] });
  expect(await engine.exitCode()).toBe(0);
  const check = ['run', '--rm', '--entrypoint', 'node', image, '/app/healthcheck.cjs'];
  const { code, stdout } = await tools.call('podman', check);
  expect(code).toBe(1);
  expect(stdout).toContain('shrike.lock');
});

test('SIGTERM before Node.js has taken over ends the container', async () => {
  // A Node.js that is asked for the plan, and takes its time.
  const slow = join(import.meta.dirname, '../support/slow-node.sh');
  const engine = await tools.start(image, {
    args: ['run'],
    volumes: { [slow]: '/usr/local/bin/node:ro' },
  });
  await engine.until(async () => (await engine.logs()).includes('asked for the plan'));
  await engine.signal('TERM');
  expect(await engine.exitCode()).toBe(143);
  expect(await engine.logs()).not.toContain('the engine');
});
