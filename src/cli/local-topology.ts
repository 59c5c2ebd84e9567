/**
 * What `shrike up --all` runs besides Kafka and MinIO: services of deploy/compose that need no
 * container, with the same arguments and variables. compose-run.test.ts holds the two together.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ShrikeError } from '../core/errors.ts';
import { folderOf, type LocalProgram } from './local-program.ts';
import { S3_CREDENTIALS, type Servers } from './local-servers.ts';

/** Compose's ports on this machine. */
export const DEFAULTS = {
  ports: { engine: 8477, prometheus: 9090, registry: 8081 },
  rate: '500',
  historyDays: 30,
} as const;

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));

/** Of Compose's limit for an engine. */
const ENGINE_BYTES = 1 << 30;
export const ENGINES = ['shrike-0', 'shrike-1'] as const;
/** As they are stopped: who makes payments and who reads first, and metrics last. */
export const PROGRAMS = ['simulator', 'alerts', ...ENGINES, 'prometheus', 'schema-registry'];
export const IN_CONTAINERS_ONLY = ['ClickHouse', 'Kafka UI', 'Grafana'];

export interface Ports {
  /** Of the first engine; the second one's is the next. */
  readonly engine: number;
  readonly prometheus: number;
  /** The registry's own health is on the next. */
  readonly registry: number;
}

export interface TopologyOptions {
  /** The folder of all of them, absolute. */
  readonly folder: string;
  readonly servers: Servers;
  readonly ports: Ports;
  readonly rate: string;
  readonly historyDays: number;
}

export async function engineProgram(options: TopologyOptions, index: 0 | 1): Promise<LocalProgram> {
  const { servers, ports } = options;
  const name = ENGINES[index];
  const port = ports.engine + index;
  const env = {
    ...kafkaEnv(servers),
    ...S3_CREDENTIALS,
    SHRIKE_APPLICATION: 'shrike',
    SHRIKE_KAFKA_REPLICATION_FACTOR: String(Math.min(3, servers.brokers.length)),
    SHRIKE_KAFKA_INSTANCE_ID: name,
    SHRIKE_API_HOST: '127.0.0.1',
    SHRIKE_API_PORT: String(port),
    SHRIKE_S3_BUCKET: servers.s3.bucket,
    SHRIKE_S3_ENDPOINT: servers.s3.endpoint,
    SHRIKE_S3_REGION: servers.s3.region,
    SHRIKE_S3_PATH_STYLE: 'true',
    SHRIKE_MEMORY_LIMIT_BYTES: String(ENGINE_BYTES),
  };
  const [node, ...args] = shrike(options, name, ['run', '--json']);
  const command = [node, ...(await heapOptions(options.folder, env)), ...args] as const;
  return { name, command, env, ready: { port, path: '/healthz' } };
}

export function simulatorProgram(options: TopologyOptions): LocalProgram {
  const { servers, rate, historyDays } = options;
  const args = ['simulate', '--rate', rate, '--history-days', String(historyDays)];
  return {
    name: 'simulator',
    command: shrike(options, 'simulator', args),
    env: kafkaEnv(servers),
  };
}

export function alertsProgram(options: TopologyOptions): LocalProgram {
  return {
    name: 'alerts',
    command: shrike(options, 'alerts', ['alerts', '--follow']),
    env: kafkaEnv(options.servers),
  };
}

/** With the settings of the Compose file's, at the addresses that services have here. */
export async function prometheusProgram(options: TopologyOptions): Promise<LocalProgram> {
  const { folder, ports, servers } = options;
  const tools = await installed('install-prometheus.sh');
  const home = folderOf(folder, 'prometheus');
  mkdirSync(home, { recursive: true });
  const composed = join(ROOT, 'deploy', 'compose', 'prometheus', 'prometheus.yaml');
  const settings = ENGINES.reduce(
    (text, name, i) => text.replace(`${name}:8080`, `127.0.0.1:${ports.engine + i}`),
    readFileSync(composed, 'utf8'),
  )
    .replace('minio:9000', new URL(servers.s3.endpoint).host)
    .replace('127.0.0.1:9090', `127.0.0.1:${ports.prometheus}`)
    .replace('/etc/prometheus/alerts', join(ROOT, 'grafana', 'alerts'));
  const file = join(home, 'prometheus.yaml');
  writeFileSync(file, settings);
  return {
    name: 'prometheus',
    command: [
      join(tools, 'prometheus'),
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      '--storage.tsdb.retention.time=15d',
      '--storage.tsdb.retention.size=2GB',
      `--web.listen-address=127.0.0.1:${ports.prometheus}`,
    ],
    env: {},
    ready: { port: ports.prometheus, path: '/-/ready' },
  };
}

export async function registryProgram(options: TopologyOptions): Promise<LocalProgram> {
  const { folder, servers, ports } = options;
  const [java = '', ...args] = (await installed('install-registry.sh')).split(' ');
  const scratch = join(folderOf(folder, 'schema-registry'), 'tmp');
  mkdirSync(scratch, { recursive: true });
  return {
    name: 'schema-registry',
    command: [java, `-Djava.io.tmpdir=${scratch}`, ...args],
    env: {
      APICURIO_STORAGE_KIND: 'kafkasql',
      APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: servers.brokers.join(','),
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(ports.registry),
      QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
      QUARKUS_MANAGEMENT_PORT: String(ports.registry + 1),
    },
    ready: { port: ports.registry + 1, path: '/health/ready' },
  };
}

/** As the image's entry asks for them: nothing can set the main thread's heap once it runs. */
async function heapOptions(
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const plan = [CLI, 'plan', '--node-options'];
  const { stdout } = await promisify(execFile)(process.execPath, plan, { cwd, env });
  return stdout.trim().split(' ');
}

/** `--data` rather than its variable: by the folder on its command line a program is known. */
function shrike(
  { folder }: TopologyOptions,
  name: string,
  args: readonly string[],
): LocalProgram['command'] {
  return [process.execPath, CLI, ...args, '--data', join(folderOf(folder, name), 'data')];
}

function kafkaEnv({ brokers }: Servers): Readonly<Record<string, string>> {
  return { SHRIKE_KAFKA_BOOTSTRAP: brokers.join(','), SHRIKE_INPUT_PARTITIONS: '8' };
}

/** @returns what a script of tools/ prints @throws SERVERS_FAILED with the last thing it said */
async function installed(script: string): Promise<string> {
  const run = promisify(execFile)('bash', [join(ROOT, 'tools', script)]);
  run.child.stderr?.pipe(process.stderr, { end: false });
  const { stdout } = await run.catch((error: Error & { readonly stderr?: string }) => {
    const said = error.stderr?.trim().split('\n').at(-1) ?? error.message;
    throw new ShrikeError('SERVERS_FAILED', said);
  });
  return stdout.trim();
}
