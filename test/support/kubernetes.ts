/**
 * A real API server of Kubernetes with its etcd, built by `tools/install-kubernetes.sh`: it accepts
 * and refuses objects as a cluster does, and runs none (there is no controller and no scheduler).
 *
 *     const cluster = await startCluster();
 *     await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], render);
 *     await cluster.remove();
 */
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { type Ended, until } from './command-line.ts';
import { freePorts, ServerProcess, serverFolder } from './server-folder.ts';

const POLL_MS = 100;
/** On two busy cores it has been 10 s. */
const READY_MS_MAX = 90_000;

/** Where helm, etcd, kube-apiserver and crds/ are. */
export function kubernetesTools(): string {
  const script = 'tools/install-kubernetes.sh';
  const { status, stdout } = spawnSync('bash', [script, '--dry'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the tools of Kubernetes are not built: run ${script}`);
  return stdout.trim();
}

/** Runs a program to its end. */
export async function runTool(
  program: string,
  args: readonly string[],
  input = '',
): Promise<Ended> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // One that ends without reading everything says why on stderr.
  child.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

export class Cluster {
  readonly folder: string;
  readonly crds: string;
  /** For helm, which has its own names for the same. */
  readonly helmFlags: readonly string[];
  readonly #flags: readonly string[];
  readonly #servers: readonly ServerProcess[];

  constructor(folder: string, options: { readonly port: number; readonly token: string }) {
    this.folder = folder;
    this.crds = join(kubernetesTools(), 'crds');
    const address = `https://127.0.0.1:${options.port}`;
    const authority = join(folder, 'certs', 'apiserver.crt');
    this.helmFlags = [
      ...['--kubeconfig', '/dev/null', '--kube-apiserver', address],
      ...['--kube-ca-file', authority, '--kube-token', options.token],
    ];
    this.#flags = [
      `--server=${address}`,
      `--certificate-authority=${authority}`,
      `--token=${options.token}`,
      // Nothing of whoever runs the tests.
      '--kubeconfig=/dev/null',
      `--cache-dir=${join(folder, 'cache')}`,
    ];
    this.#servers = ['api', 'etcd'].map((name) => new ServerProcess(join(folder, `${name}.pid`)));
  }

  kubectl(args: readonly string[], input = ''): Promise<Ended> {
    return runTool('kubectl', [...this.#flags, ...args], input);
  }

  /** @throws Error with what the server says when it refuses */
  async create(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.kubectl(['create', ...args]);
    if (code !== 0) throw new Error(`kubectl create ${args.join(' ')}: ${stderr}`);
  }

  /** A namespace that takes `restricted` pods only, and warns of what would make others. */
  async createNamespace(name: string): Promise<void> {
    const modes = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}`);
    await this.create('namespace', name);
    await this.kubectl(['label', 'namespace', name, ...modes.map((mode) => `${mode}=restricted`)]);
  }

  /** Resolves when they can be used, which is a moment after they were made. */
  async createDefinitions(folder: string = this.crds): Promise<void> {
    await this.create('-f', folder);
    const args = ['wait', '--for=condition=Established', '--timeout=60s', '-f', folder];
    await until(async () => {
      const { code, stderr } = await this.kubectl(args);
      // It gives up at once on one that has no conditions yet.
      const isEarly = stderr.includes('.status.conditions accessor error');
      if (code !== 0 && !isEarly) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
      return code === 0;
    });
  }

  get isRunning(): boolean {
    return this.#servers.every((server) => server.isRunning);
  }

  async remove(): Promise<void> {
    for (const server of this.#servers) await server.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function startCluster(): Promise<Cluster> {
  const tools = kubernetesTools();
  const folder = serverFolder('kubernetes');
  const port = await freePorts();
  const token = randomBytes(16).toString('hex');
  writeKeys(folder, token);
  const [client, peer] = [port + 1, port + 2].map((one) => `http://127.0.0.1:${one}`);
  launch(folder, 'etcd', [
    join(tools, 'etcd'),
    `--data-dir=${join(folder, 'etcd')}`,
    // What a crash of the machine would take is of no use after it.
    '--unsafe-no-fsync',
    ...['--listen-client-urls', '--advertise-client-urls'].map((flag) => `${flag}=${client}`),
    ...['--listen-peer-urls', '--initial-advertise-peer-urls'].map((flag) => `${flag}=${peer}`),
    `--initial-cluster=default=${peer}`,
  ]);
  launch(folder, 'api', [
    join(tools, 'kube-apiserver'),
    `--etcd-servers=${client}`,
    ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${port}`],
    `--cert-dir=${join(folder, 'certs')}`,
    '--service-account-issuer=https://kubernetes.example',
    `--service-account-key-file=${join(folder, 'sa.key')}`,
    `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    ...['--authorization-mode=RBAC', '--service-cluster-ip-range=10.0.0.0/24'],
    // It would wait for a controller to make the accounts that pods run as.
    '--disable-admission-plugins=ServiceAccount',
  ]);
  const cluster = new Cluster(folder, { port, token });
  await ready(cluster);
  return cluster;
}

function writeKeys(folder: string, token: string): void {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' });
  writeFileSync(join(folder, 'sa.key'), pem, { mode: 0o600 });
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,system:masters\n`, {
    mode: 0o600,
  });
  mkdirSync(join(folder, 'cache'));
}

function launch(folder: string, name: string, [program, ...args]: readonly string[]): void {
  const log = openSync(join(folder, `${name}.log`), 'a');
  const child = spawn(program as string, args, { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  // The watchdog of the run ends it, should this process not come to that.
  writeFileSync(join(folder, `${name}.pid`), String(child.pid));
  child.unref();
}

async function ready(cluster: Cluster): Promise<void> {
  const deadlineMs = systemClock.nowMs() + READY_MS_MAX;
  for (;;) {
    const { code } = await cluster.kubectl(['get', '--raw', '/readyz']);
    if (code === 0) return;
    if (!cluster.isRunning || systemClock.nowMs() > deadlineMs) {
      const log = readFileSync(join(cluster.folder, 'api.log'), 'utf8');
      await cluster.remove();
      throw new Error(`the API server did not become ready: ${log.slice(-2000)}`);
    }
    await systemClock.sleep(POLL_MS);
  }
}
