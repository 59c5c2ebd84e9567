/** A Kafka and a MinIO of this data folder, by the scripts of deploy/local. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShrikeError } from '../core/errors.ts';

export interface Servers {
  /** host:port of each. */
  readonly brokers: readonly string[];
  readonly s3: {
    readonly bucket: string;
    readonly endpoint: string;
    readonly region: string;
    readonly pathStyle: boolean;
  };
}

export interface ServersOptions {
  readonly nodes?: string;
  readonly kafkaPort?: number;
  readonly minioPort?: number;
}

type Server = 'kafka' | 'minio';
type Environment = Readonly<Record<string, string | undefined>>;

const SCRIPTS = fileURLToPath(new URL('../../../deploy/local/', import.meta.url));
const BUCKET = 'checkpoints';
/** Those of minio.sh: on loopback they keep nobody out who is not kept out already. */
export const S3_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'minioadmin',
  AWS_SECRET_ACCESS_KEY: 'minioadmin',
} as const;
/** Brokers lie ten ports apart (kafka.sh). */
const PORTS_PER_NODE = 10;

/** @throws SERVERS_FAILED with what a script says */
export async function startServers(folder: string, options: ServersOptions): Promise<Servers> {
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
  const endpoint = `http://127.0.0.1:${(await readFile(join(folder, 'minio', 'port'), 'utf8')).trim()}`;
  return {
    brokers: Array.from({ length: nodes }, (_, i) => `127.0.0.1:${port + i * PORTS_PER_NODE}`),
    s3: { bucket: BUCKET, endpoint, region: 'us-east-1', pathStyle: true },
  };
}

/** @returns what the scripts say @throws SERVERS_FAILED */
export function stopServers(folder: string): Promise<readonly string[]> {
  const servers = ['kafka', 'minio'] as const;
  return both(servers.map((server) => run('stop', folder, { server, env: {} })));
}

/** Waits for both also when one fails: else the other would still be at it afterwards. */
async function both(runs: readonly Promise<string>[]): Promise<readonly string[]> {
  await Promise.allSettled(runs);
  return Promise.all(runs);
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
