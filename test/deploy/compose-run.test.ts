/**
 * What the Compose file starts of Shrike, with the same arguments and variables, as processes on
 * the servers of `shrike up`: no container, else the same topology. Needs the compiled dist.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Command, shrike, shrikeJson, until } from '../support/command-line.ts';
import { COMPOSE, type ComposeModel, composeModel, madeSecrets } from '../support/compose.ts';
import { startPrometheusFrom } from '../support/prometheus-server.ts';
import { consumeAll } from '../support/rdkafka.ts';
import { freePorts, serverFolder } from '../support/server-folder.ts';

const LIMIT_MS = 240_000;
/** Less history than a demo has, or most of the time would go into it; and files that are here. */
const CHOICES = {
  HISTORY_DAYS: '1',
  KAGGLE_TRANSACTIONS: 'credit_card_transactions.csv',
  PAYMENTS_PER_SECOND: '1000',
};

interface Up {
  readonly kafka: { readonly bootstrap: string };
  readonly s3: { readonly endpoint: string };
  readonly env: Readonly<Record<string, string>>;
}

let up: Up;
let model: ComposeModel;
let scratch: string;
let data: string;
const started: Command[] = [];

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'shrike-compose-run-'));
  const secrets = await madeSecrets(CHOICES);
  model = await composeModel(join(COMPOSE, 'compose.yaml'), join(secrets, '.env'));
  await rm(secrets, { recursive: true });
  data = serverFolder('compose');
  const port = await freePorts();
  const ports = ['--kafka-port', String(port), '--minio-port', String(port + 20)];
  up = (await shrikeJson('up', '--data', data, ...ports)) as Up;
}, LIMIT_MS);
afterAll(async () => {
  await Promise.all(started.map((command) => command.interrupt()));
  await shrike('down', '--data', data, '--delete');
  await rm(scratch, { recursive: true });
});

/** What is elsewhere when there are no containers. */
function here(name: string, text: string): string {
  return text
    .replace(/^kafka:9092$/, up.kafka.bootstrap)
    .replace(/^http:\/\/minio:9000$/, up.s3.endpoint)
    .replace(/^\/var\/lib\/shrike$/, join(scratch, name))
    .replace(/^\/kaggle\//, `${resolve('test/golden/data')}/`)
    .replace(/^0\.0\.0\.0$/, '127.0.0.1');
}

/** The service's own command line; @param more what differs between two of one machine */
function start(name: string, more: Readonly<Record<string, string>> = {}): Command {
  const { command, environment = {} } = model.services[name] ?? {};
  const env = Object.entries(environment).map(([key, value]) => [key, here(name, value)] as const);
  const args = command?.map((arg) => here(name, arg)) ?? [];
  const process = new Command(args, { ...Object.fromEntries(env), ...up.env, ...more });
  started.push(process);
  return process;
}

interface Status {
  readonly partitions: readonly { readonly partition: number }[];
}

async function startEngine(name: string, port: number): Promise<() => Promise<Status>> {
  const engine = start(name, { SHRIKE_API_PORT: String(port) });
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  await until(async () => {
    expect(engine.process.exitCode, engine.stdout + engine.stderr).toBe(null);
    // What the container's health check asks.
    return ask('/healthz').then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return async () => (await (await ask('/api/status')).json()) as Status;
}

const idxOf = (value: Buffer | null | undefined) =>
  (JSON.parse(String(value)) as { idx: number }).idx;
/** Ids of the alerts that a consumer has printed. */
const alertIds = (stdout: string) =>
  [...stdout.matchAll(/^ {2}alert (\S+),/gm)].map(([, id]) => id as string);

/** By a Prometheus with the file's own settings, at the addresses that engines have here. */
async function expectScraped(ports: readonly number[]): Promise<void> {
  const settings = await readFile(join(COMPOSE, 'prometheus', 'prometheus.yaml'), 'utf8');
  const local = ports
    .reduce((text, port, i) => text.replace(`shrike-${i}:8080`, `127.0.0.1:${port}`), settings)
    .replace('/etc/prometheus/alerts/', `${resolve('grafana/alerts')}/`);
  const file = join(scratch, 'prometheus.yaml');
  await writeFile(file, local);
  const prometheus = await startPrometheusFrom(file);
  const ask = async (path: string) => (await prometheus.ask(path)) as Record<string, unknown[]>;
  await until(async () => {
    const { result } = await ask('/api/v1/query?query=up{job="shrike"}==1');
    return result?.length === ports.length;
  });
  const { groups } = await ask('/api/v1/rules');
  expect(groups?.length).toBeGreaterThan(3);
  await prometheus.end();
}

test('two engines share the work of the simulator, the consumer tells alerts, each payment is scored once', {
  timeout: LIMIT_MS,
}, async () => {
  const port = await freePorts();
  const one = await startEngine('shrike-0', port);
  const two = await startEngine('shrike-1', port + 1);
  const alerts = start('alerts');
  const simulator = start('simulator');
  await until(async () => {
    const owned = (await Promise.all([one(), two()])).map(({ partitions }) => partitions.length);
    return owned.join() === '4,4';
  });
  await until(() => alertIds(alerts.stdout).length >= 3);
  await expectScraped([port, port + 1]);
  const { code, stderr } = await simulator.interrupt();
  expect({ code, stderr }).toMatchObject({ code: 0 });

  const payments = (await consumeAll(up.kafka.bootstrap, 'transactions')).map(({ value }) =>
    idxOf(value),
  );
  const isScored = async () => {
    const positions = (await shrikeJson(
      'lag',
      '--config',
      join(data, 'servers', 'shrike.servers.json'),
    )) as {
      lagRecords: number;
    }[];
    return positions.every(({ lagRecords }) => lagRecords === 0);
  };
  await until(isScored);
  const scored = (await consumeAll(up.kafka.bootstrap, 'scored')).map(({ value }) => idxOf(value));
  const published = (await consumeAll(up.kafka.bootstrap, 'fraud_alerts')).map(
    ({ value }) => (JSON.parse(String(value)) as { id: string }).id,
  );
  expect(new Set(published).size).toBe(published.length);
  const shown = alertIds((await alerts.interrupt()).stdout);
  expect(new Set(shown).size).toBe(shown.length);
  expect(shown.filter((id) => !published.includes(id))).toEqual([]);
  const byIdx = (idxs: readonly number[]) => idxs.toSorted((a, b) => a - b);
  expect(byIdx(payments)).toEqual(Array.from(payments, (_, i) => i));
  expect(byIdx(scored)).toEqual(byIdx(payments));
});

test('the replay of files brings them into the topics, at its pace, and then ends', {
  timeout: LIMIT_MS,
}, async () => {
  // The simulator's payments are in the topics: this one gets topics of its own.
  const replay = start('replay', {
    SHRIKE_INPUT_TRANSACTIONS: 'replayed',
    SHRIKE_INPUT_PARTITIONS: '8',
  });
  const { code, stdout, stderr } = await replay.ended;
  expect({ code, stdout, stderr }).toMatchObject({
    code: 0,
    stdout: '2026 payments, 19 users, 49 cards in the log\n',
  });
  expect(await consumeAll(up.kafka.bootstrap, 'replayed')).toHaveLength(2026);
});

interface InClickHouse {
  readonly scored: readonly Readonly<Record<string, number>>[];
  readonly alerts: readonly {
    readonly id: string;
    readonly score: number;
    readonly features: object;
  }[];
  readonly byHour: readonly { readonly alerts: number }[];
}

test('ClickHouse, with the tables of the file, holds each score and each alert once', {
  timeout: LIMIT_MS,
}, async () => {
  const run = promisify(execFile);
  const { stdout: chdb } = await run('bash', ['tools/install-chdb.sh']);
  const tables = await readFile(join(COMPOSE, 'clickhouse', 'tables.sql'), 'utf8');
  const statements = tables
    .replaceAll(/^--.*$/gm, '')
    .replaceAll('kafka:9092', up.kafka.bootstrap)
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
  const [scored, alerts] = await Promise.all(
    ['scored', 'fraud_alerts'].map((topic) => consumeAll(up.kafka.bootstrap, topic)),
  );
  const request = {
    statements: ['CREATE DATABASE shrike', ...statements],
    scored: scored?.length,
    alerts: alerts?.length,
  };
  const reader = 'test/support/clickhouse-reader.mjs';
  const args = [reader, chdb.trim(), join(scratch, 'clickhouse'), JSON.stringify(request)];
  const { stdout } = await run(process.execPath, args, { maxBuffer: 256 << 20 });
  const found = JSON.parse(stdout) as InClickHouse;

  const names = scored?.map(({ partition, offset }) => `${partition}/${offset}`).toSorted();
  expect(found.scored.map((row) => `${row.partition}/${row.offset}`).toSorted()).toEqual(names);
  const published = alerts?.map(
    ({ value }) => JSON.parse(String(value)) as { id: string; score: number; features: object },
  );
  const byId = new Map(published?.map((alert) => [alert.id, alert]));
  expect(found.alerts).toHaveLength(byId.size);
  for (const { id, score, features } of found.alerts) {
    expect(Math.fround(score), id).toBe(Math.fround(byId.get(id)?.score ?? -1));
    expect(Object.keys(features).toSorted()).toEqual(
      Object.keys(byId.get(id)?.features ?? {}).toSorted(),
    );
  }
  const hours = found.byHour.reduce((sum, hour) => sum + hour.alerts, 0);
  expect(hours).toBe(byId.size);
});
