/**
 * The topology of the Compose file without containers: what `shrike up --all` runs of it has the
 * same arguments and variables, and does its work. Needs the compiled dist.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Command, shrike, shrikeJson, until } from '../support/command-line.ts';
import {
  COMPOSE,
  type ComposeModel,
  type ComposeService,
  composeModel,
  madeSecrets,
} from '../support/compose.ts';
import { consumeAll } from '../support/rdkafka.ts';
import { freePorts, isAlive, serverFolder } from '../support/server-folder.ts';

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
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  readonly programs: readonly { readonly name: string; readonly at: string }[];
}

let up: Up;
let model: ComposeModel;
let scratch: string;
let data: string;
let ports: { readonly engine: number; readonly prometheus: number; readonly registry: number };
const started: Command[] = [];

/** @returns what starts it, and again what is told about it */
function upAll(): readonly string[] {
  return [
    ...['up', '--all', '--data', data],
    ...['--rate', CHOICES.PAYMENTS_PER_SECOND, '--history-days', CHOICES.HISTORY_DAYS],
    ...['--engine-port', String(ports.engine), '--prometheus-port', String(ports.prometheus)],
    ...['--registry-port', String(ports.registry)],
  ];
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'shrike-compose-run-'));
  const secrets = await madeSecrets(CHOICES);
  model = await composeModel(join(COMPOSE, 'compose.yaml'), join(secrets, '.env'));
  await rm(secrets, { recursive: true });
  data = serverFolder('compose');
  const port = await freePorts();
  const servers = ['--kafka-port', String(port), '--minio-port', String(port + 20)];
  ports = { engine: port + 22, prometheus: port + 24, registry: port + 25 };
  up = (await shrikeJson(...upAll(), ...servers)) as Up;
}, LIMIT_MS);
afterAll(async () => {
  await Promise.all(started.map((command) => command.interrupt()));
  const { stdout } = await shrike('down', '--data', data, '--delete');
  await rm(scratch, { recursive: true });
  expect(stdout).toContain('shrike-0 stopped\nshrike-1 stopped\nprometheus stopped\n');
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
  readonly ready: boolean;
  readonly partitions: readonly { readonly partition: number }[];
}

const folder = () => join(data, 'servers');
const logOf = (name: string) => readFile(join(folder(), name, `${name}.log`), 'utf8');
const pidOf = async (name: string) =>
  Number(await readFile(join(folder(), name, `${name}.pid`), 'utf8'));

/** Null-terminated, as the kernel tells them. */
async function told(pid: number, what: 'cmdline' | 'environ'): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/${what}`, 'utf8')).split('\0').slice(0, -1);
}

async function variables(pid: number, prefix: RegExp): Promise<Readonly<Record<string, string>>> {
  const pairs = (await told(pid, 'environ')).map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs.filter(([name]) => prefix.test(name)));
}

async function ask<T>(port: number, path: string): Promise<T> {
  return (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as T;
}

const idxOf = (value: Buffer | null | undefined) =>
  (JSON.parse(String(value)) as { idx: number }).idx;
/** Ids of the alerts that a consumer has printed. */
const alertIds = (stdout: string) =>
  [...stdout.matchAll(/^ {2}alert (\S+),/gm)].map(([, id]) => id as string);

describe('shrike up --all', () => {
  test.each([
    ['shrike-0', ['--data'], { SHRIKE_API_PORT: () => String(ports.engine) }],
    ['shrike-1', ['--data'], { SHRIKE_API_PORT: () => String(ports.engine + 1) }],
    ['simulator', ['--data'], {}],
    ['alerts', ['--data'], {}],
  ] as const)(
    '%s has the arguments and the variables of its service',
    async (name, [flag], own) => {
      const pid = await pidOf(name);
      const { command, environment = {}, deploy } = model.services[name] as ComposeService;
      const line = await told(pid, 'cmdline');
      const program = line.findIndex((arg) => arg.endsWith('/src/cli.js'));
      // As the image's entry does it, and for engines only.
      const heap = line.slice(1, program).map((arg) => arg.split('=')[0]);
      const isEngine = name.startsWith('shrike-');
      expect(heap).toEqual(isEngine ? ['--max-old-space-size', '--max-semi-space-size'] : []);
      expect(line.slice(program + 1)).toEqual([
        ...(command ?? []),
        flag,
        join(folder(), name, 'data'),
      ]);
      const {
        SHRIKE_DATA_DIR,
        SHRIKE_API_HOST_NAMES: _,
        ...expected
      } = Object.fromEntries(
        Object.entries(environment)
          .filter(([key]) => key.startsWith('SHRIKE_'))
          .map(([key, value]) => [key, here(name, value)]),
      );
      expect(SHRIKE_DATA_DIR).toBeDefined();
      expect(await variables(pid, /^SHRIKE_/)).toEqual({
        ...expected,
        ...Object.fromEntries(Object.entries(own).map(([key, value]) => [key, value()])),
        // What bounds a container bounds its budgets.
        ...(isEngine && { SHRIKE_MEMORY_LIMIT_BYTES: deploy?.resources?.limits?.memory }),
      });
    },
  );

  test('Prometheus scrapes what the Compose file has it scrape, and knows its rules', async () => {
    const args = (await told(await pidOf('prometheus'), 'cmdline')).slice(1);
    const retention = (list: readonly string[]) =>
      list.filter((arg) => arg.includes('.retention.'));
    expect(retention(args)).toEqual(retention(model.services.prometheus?.command ?? []));
    interface Found {
      readonly data: {
        readonly result: readonly { readonly metric: { readonly job: string } }[];
        readonly groups: readonly unknown[];
      };
    }
    await until(async () => {
      const { data: found } = await ask<Found>(ports.prometheus, '/api/v1/query?query=up==1');
      const jobs = found.result.map(({ metric }) => metric.job).toSorted();
      return jobs.join() === 'minio,prometheus,shrike,shrike';
    });
    const { data: rules } = await ask<Found>(ports.prometheus, '/api/v1/rules');
    expect(rules.groups.length).toBeGreaterThan(3);
  });

  test('started again, it leaves all as it is, and tells where it is', async () => {
    const names = ['shrike-0', 'shrike-1', 'simulator', 'alerts', 'prometheus'];
    const pids = () => Promise.all(names.map(pidOf));
    const before = await pids();
    const other = await shrike(...upAll(), '--rate', '7');
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/was started with .*"rate":"1000".*`shrike down`/s),
    });
    // Without its flags, it is where it was.
    const { code, stdout, stderr } = await shrike('up', '--all', '--data', data);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`simulator        history of 1 d, then 1000 payments a second\n`);
    expect(await pids()).toEqual(before);
    expect(stdout).toContain(`shrike-1         http://127.0.0.1:${ports.engine + 1}\n`);
    expect(stdout).toContain(`prometheus       http://127.0.0.1:${ports.prometheus}/alerts\n`);
    expect(stdout).toContain(
      'In containers only (deploy/compose): ClickHouse, Kafka UI, Grafana.\n',
    );
  });

  test('two engines share the work of the simulator, the consumer tells alerts, each payment is scored once', {
    timeout: LIMIT_MS,
  }, async () => {
    const engines = [ports.engine, ports.engine + 1];
    await until(async () => {
      const status = await Promise.all(engines.map((port) => ask<Status>(port, '/api/status')));
      return status.map(({ partitions }) => partitions.length).join() === '4,4';
    });
    await until(async () => alertIds(await logOf('alerts')).length >= 3);
    const simulator = await pidOf('simulator');
    process.kill(simulator, 'SIGINT');
    await until(() => !isAlive(simulator));

    const payments = (await consumeAll(up.kafka.bootstrap, 'transactions')).map(({ value }) =>
      idxOf(value),
    );
    await until(async () => {
      const positions = (await shrikeJson('lag', '--config', up.config)) as {
        lagRecords: number;
      }[];
      return positions.every(({ lagRecords }) => lagRecords === 0);
    });
    const scored = (await consumeAll(up.kafka.bootstrap, 'scored')).map(({ value }) =>
      idxOf(value),
    );
    const published = (await consumeAll(up.kafka.bootstrap, 'fraud_alerts')).map(
      ({ value }) => (JSON.parse(String(value)) as { id: string }).id,
    );
    expect(new Set(published).size).toBe(published.length);
    const alerts = await pidOf('alerts');
    process.kill(alerts, 'SIGINT');
    await until(() => !isAlive(alerts));
    const shown = alertIds(await logOf('alerts'));
    expect(new Set(shown).size).toBe(shown.length);
    expect(shown.filter((id) => !published.includes(id))).toEqual([]);
    const byIdx = (idxs: readonly number[]) => idxs.toSorted((a, b) => a - b);
    expect(byIdx(payments)).toEqual(Array.from(payments, (_, i) => i));
    expect(byIdx(scored)).toEqual(byIdx(payments));
  });
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
