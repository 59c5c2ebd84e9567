/**
 * The worker of Kafka Connect in deploy/strimzi: Kafka's own program, with its settings, its login
 * and that login's rules, on a real broker. Its connectors are not to be had here: a sink into a
 * file, which Kafka brings, has their names, topics and settings of Connect.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/command-line.ts';
import { grant, type Right, revoke } from '../support/kafka-acls.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { produceTransaction } from '../support/rdkafka.ts';
import { type ServedProgram, serve } from '../support/served-program.ts';
import { freePorts } from '../support/server-folder.ts';
import { type Resource, rendered, rightsOf } from '../support/strimzi.ts';
import { createTopics, refuseWithoutRule, ruleOf } from '../support/strimzi-broker.ts';

const LIMIT_MS = 240_000;

type Settings = Readonly<Record<string, string | number | boolean>>;

interface Worker extends Resource {
  readonly spec: {
    readonly groupId: string;
    readonly configStorageTopic: string;
    readonly offsetStorageTopic: string;
    readonly statusStorageTopic: string;
    readonly authentication: { readonly type: string };
    readonly config: Settings;
  };
}
interface Connector extends Resource {
  readonly spec: { readonly tasksMax: number; readonly config: Settings };
}

let kafka: KafkaBroker;
let scratch: string;
let resources: readonly Resource[];
let rights: readonly Right[];
let tools: string;

beforeAll(async () => {
  const [variant, connect, broker] = await Promise.all([
    rendered('overlays/development'),
    rendered('connect'),
    startKafka({ secure: true }),
  ]);
  [resources, kafka] = [connect, broker];
  rights = rightsOf(connect, 'shrike-connect');
  scratch = mkdtempSync(join(tmpdir(), 'shrike-connect-'));
  tools = execFileSync('bash', ['tools/install-kafka-tools.sh'], { encoding: 'utf8' }).trim();
  await createTopics(kafka, variant);
  await refuseWithoutRule(kafka);
  await grant(kafka.bootstrap, kafka.username, rights);
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  rmSync(scratch, { recursive: true });
});

function only<T extends Resource>(kind: string, name: string): T {
  const found = resources.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`deploy/strimzi/connect has no ${kind} ${name}`);
  return found as T;
}

/** What the operator makes of the resource, for the listener that is there. */
function workerSettings(port: number): Settings {
  const { spec } = only<Worker>('KafkaConnect', 'shrike-connect');
  expect(spec.authentication.type).toBe('scram-sha-512');
  const login = `username="${kafka.username}" password="${kafka.password}"`;
  const connection = {
    'security.protocol': 'SASL_SSL',
    'sasl.mechanism': 'SCRAM-SHA-512',
    'sasl.jaas.config': `org.apache.kafka.common.security.scram.ScramLoginModule required ${login};`,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': kafka.tls.caFile,
  };
  const ofClients = ['', 'producer.', 'consumer.', 'admin.'].flatMap((prefix) =>
    Object.entries(connection).map(([key, value]) => [`${prefix}${key}`, value]),
  );
  // Secrets of a cluster: the sink here has none.
  const { 'config.providers': providers, ...config } = spec.config;
  expect(providers).toBe('secrets');
  delete (config as Record<string, unknown>)['config.providers.secrets.class'];
  return {
    ...Object.fromEntries(ofClients),
    ...config,
    'bootstrap.servers': kafka.saslTlsBootstrap,
    'group.id': spec.groupId,
    'config.storage.topic': spec.configStorageTopic,
    'offset.storage.topic': spec.offsetStorageTopic,
    'status.storage.topic': spec.statusStorageTopic,
    listeners: `http://127.0.0.1:${port}`,
    'plugin.discovery': 'only_scan',
  };
}

interface RunningWorker extends ServedProgram {
  readonly address: string;
}

async function startWorker(givesUp?: (said: string) => boolean): Promise<RunningWorker> {
  const port = await freePorts();
  const file = join(scratch, `worker-${port}.properties`);
  const lines = Object.entries(workerSettings(port)).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(file, lines.join(''));
  const address = `http://127.0.0.1:${port}`;
  const server = await serve([join(tools, 'bin', 'connect-distributed.sh'), file], {
    ready: `${address}/health`,
    ...(givesUp === undefined ? {} : { givesUp }),
  });
  return { ...server, address };
}

async function ask(url: string, method = 'GET', body?: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

const fileOf = (name: string) => join(scratch, `${name}.txt`);

/** With what of its settings is Connect's, and not the connector's own. */
async function putSink({ address }: RunningWorker, name: string): Promise<void> {
  const { tasksMax, config } = only<Connector>('KafkaConnector', name).spec;
  await ask(`${address}/connectors/${name}/config`, 'PUT', {
    'connector.class': 'FileStreamSink',
    file: fileOf(name),
    'tasks.max': String(tasksMax),
    topics: config.topics,
    'errors.tolerance': config['errors.tolerance'],
  });
}

interface Status {
  readonly tasks: readonly { readonly state: string; readonly trace?: string }[];
}

/** Once all have the state that is wanted. @returns what they say of it */
async function tasksAre({ address }: RunningWorker, name: string, state: string) {
  let { tasks }: Status = { tasks: [] };
  await until(async () => {
    const url = `${address}/connectors/${name}/status`;
    ({ tasks } = (await ask(url).catch(() => ({ tasks: [] }))) as Status);
    return tasks.length > 0 && tasks.every((task) => task.state === state);
  });
  return tasks.map(({ trace = '' }) => trace).join('\n');
}

function written(name: string): string {
  try {
    return readFileSync(fileOf(name), 'utf8');
  } catch {
    return '';
  }
}

const payloadsOf = (idxs: readonly number[]) =>
  idxs.map((idx) => ({ partition: idx % 8, key: String(idx), value: JSON.stringify({ idx }) }));

test('both sinks run with the rules of the login, and get what is committed, and nothing else', {
  timeout: LIMIT_MS,
}, async () => {
  const worker = await startWorker();
  for (const name of ['shrike-clickhouse', 'shrike-s3']) {
    await putSink(worker, name);
    await tasksAre(worker, name, 'RUNNING');
  }
  const publish = (topic: string, end: 'commit' | 'abort', ...idxs: readonly number[]) =>
    produceTransaction(kafka.bootstrap, topic, payloadsOf(idxs), { transactionalId: 'some', end });
  await publish('fraud_alerts', 'abort', 1, 2);
  await publish('fraud_alerts', 'commit', 9, 10);
  await publish('scored', 'commit', 17);
  const idxsIn = (name: string) =>
    written(name)
      .match(/\d+/g)
      ?.map(Number)
      .toSorted((a, b) => a - b);
  await until(() => written('shrike-clickhouse').trim().split('\n').length === 3);
  await until(() => written('shrike-s3').trim().split('\n').length === 2);
  expect(idxsIn('shrike-clickhouse')).toEqual([9, 10, 17]);
  expect(idxsIn('shrike-s3')).toEqual([9, 10]);

  for (const [name, rule, says] of [
    ['shrike-clickhouse', 'topic scored read', /Not authorized to access topics: \[scored\]/],
    [
      'shrike-s3',
      'group connect-shrike- read',
      /Not authorized to access group: connect-shrike-s3/,
    ],
  ] as const) {
    const lacks = rights.filter((right) => ruleOf(right) === rule);
    expect(lacks).toHaveLength(1);
    await revoke(kafka.bootstrap, kafka.username, lacks);
    const again = `${worker.address}/connectors/${name}/restart?includeTasks=true`;
    await ask(again, 'POST');
    expect(await tasksAre(worker, name, 'FAILED')).toMatch(says);
    await grant(kafka.bootstrap, kafka.username, lacks);
    await ask(again, 'POST');
    await tasksAre(worker, name, 'RUNNING');
  }
  await worker.end();
});

test.each([
  ['group shrike-connect read', /Not authorized to access group: shrike-connect/],
  ['topic shrike-connect- read', /Not authorized to access topics: \[shrike-connect-/],
])('without %s the worker does not start', { timeout: LIMIT_MS }, async (rule, says) => {
  const lacks = rights.filter((right) => ruleOf(right) === rule);
  expect(lacks).toHaveLength(1);
  await revoke(kafka.bootstrap, kafka.username, lacks);
  await expect(startWorker((said) => says.test(said))).rejects.toThrow(says);
  await grant(kafka.bootstrap, kafka.username, lacks);
});
