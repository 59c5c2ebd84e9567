/** `shrike up`, `shrike down`: a Kafka and a MinIO of this data folder, run by deploy/local. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShrikeError } from '../core/errors.ts';
import { configOf, print, printJson } from './common.ts';
import type { CommonOptions } from './options.ts';

export interface UpOptions extends CommonOptions {
  readonly nodes?: string;
  readonly kafkaPort?: number;
  readonly minioPort?: number;
  readonly json?: boolean;
}
export interface DownOptions extends CommonOptions {
  readonly delete?: boolean;
}

type Server = 'kafka' | 'minio';
type Environment = Readonly<Record<string, string | undefined>>;

const SCRIPTS = fileURLToPath(new URL('../../../deploy/local/', import.meta.url));
const BUCKET = 'checkpoints';
/** Those of minio.sh: on loopback they keep nobody out who is not kept out already. */
const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'minioadmin',
  AWS_SECRET_ACCESS_KEY: 'minioadmin',
} as const;
/** Brokers lie ten ports apart (kafka.sh). */
const PORTS_PER_NODE = 10;

/** @throws SERVERS_FAILED with what a script says */
export async function up(options: UpOptions): Promise<void> {
  const folder = serversFolder(options);
  await mkdir(folder, { recursive: true });
  await both([
    run('start', folder, {
      server: 'kafka',
      env: { KAFKA_NODES: options.nodes, KAFKA_PORT: options.kafkaPort?.toString() },
    }),
    run('start', folder, {
      server: 'minio',
      env: { MINIO_PORT: options.minioPort?.toString(), MINIO_BUCKET: BUCKET },
    }),
  ]);
  const [port = 0, nodes = 1] = (await readFile(join(folder, 'kafka', 'settings'), 'utf8'))
    .split(' ')
    .map(Number);
  const bootstrap = Array.from(
    { length: nodes },
    (_, i) => `127.0.0.1:${port + i * PORTS_PER_NODE}`,
  ).join(',');
  const endpoint = `http://127.0.0.1:${(await readFile(join(folder, 'minio', 'port'), 'utf8')).trim()}`;
  const settings = {
    kafka: { bootstrap },
    s3: { bucket: BUCKET, endpoint, region: 'us-east-1', pathStyle: true },
  };
  const file = join(folder, 'shrike.servers.json');
  await writeFile(file, `${JSON.stringify(settings, null, 2)}\n`);
  if (options.json === true) return printJson({ ...settings, config: file, env: CREDENTIALS });
  const data = options.data === undefined ? '' : ` --data ${options.data}`;
  const exports = Object.entries(CREDENTIALS).map(([name, value]) => `${name}=${value}`);
  print(`kafka  ${bootstrap}
minio  ${endpoint}, bucket ${BUCKET}

Next:
  export ${exports.join(' ')}
  shrike run --source simulate --config ${file}${data}
  shrike down${data}`);
}

/** @throws SERVERS_FAILED with what a script says */
export async function down(options: DownOptions): Promise<void> {
  const folder = serversFolder(options);
  if (!existsSync(folder)) return print('no servers were started here');
  const said = await both(
    (['kafka', 'minio'] as const).map((server) => run('stop', folder, { server, env: {} })),
  );
  print(said.join('\n'));
  if (options.delete === true) await rm(folder, { recursive: true });
  print(options.delete === true ? `${folder} deleted` : `what they stored stays in ${folder}`);
}

/** Waits for both also when one fails: else the other would still be at it afterwards. */
async function both(runs: readonly Promise<string>[]): Promise<readonly string[]> {
  await Promise.allSettled(runs);
  return Promise.all(runs);
}

function serversFolder(options: CommonOptions): string {
  return join(configOf(options).config.dataDir, 'servers');
}

/** @returns what the script printed; what it does meanwhile goes to standard error */
async function run(
  action: 'start' | 'stop',
  folder: string,
  { server, env }: { readonly server: Server; readonly env: Environment },
): Promise<string> {
  const script = join(SCRIPTS, `${server}.sh`);
  if (!existsSync(script)) {
    throw new ShrikeError(
      'SERVERS_FAILED',
      `${script} is missing: Shrike does not run from a clone`,
    );
  }
  const child = spawn('bash', [script, action, join(folder, server)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const code = await once(child, 'close').then(
    ([code]) => code as number | null,
    (error: unknown) => {
      throw new ShrikeError('SERVERS_FAILED', `${script} cannot be run with bash`, {
        cause: error,
      });
    },
  );
  if (code === 0) return stdout.trim();
  throw new ShrikeError('SERVERS_FAILED', `${script} ${action} ended with exit code ${code}`);
}
