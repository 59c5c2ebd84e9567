/**
 * Building and running the image without a container engine's server: buildah, podman and runc, as
 * `tools/install-image-tools.sh` installs them.
 *
 *     const tools = await imageTools();
 *     afterAll(() => tools.remove());
 *     const image = await tools.build({ context: '.', tag: 'one' });
 *     const engine = await tools.run(image, { args: ['run'], memory: '768m', … });
 *
 * Images and containers are in a folder of the run; the base images are only read.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { serverFolder } from './server-folder.ts';

const POLL_MS = 100;
/** A container that nobody stops ends by itself, so that a run that was killed leaves none. */
const LIFE_SECONDS_MAX = 600;
/** The user of the image. */
const USER = 10_001;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly memory?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of this machine -> folder in the container. */
  readonly volumes?: Readonly<Record<string, string>>;
}

export interface BuildOptions {
  readonly context: string;
  readonly tag: string;
  /** Below the context; that of Shrike itself unless given. */
  readonly dockerfile?: string;
  readonly args?: Readonly<Record<string, string>>;
}

export class ImageTools {
  readonly folder: string;
  readonly #tools: string;
  readonly #containers: string[] = [];

  constructor(tools: string) {
    this.#tools = tools;
    this.folder = serverFolder('containers');
    const driver = /driver="(\w+)"/.exec(readFileSync(join(tools, 'storage.conf'), 'utf8'))?.[1];
    const lines = [
      '[storage]',
      `driver="${driver}"`,
      `runroot="${this.folder}/run"`,
      `graphroot="${this.folder}/graph"`,
      '[storage.options]',
      `additionalimagestores=["${tools}/graph"]`,
    ];
    writeFileSync(join(this.folder, 'storage.conf'), `${lines.join('\n')}\n`);
  }

  /** @returns the image's name; layers are kept, so that a second build makes only what differs. */
  async build({
    context,
    tag,
    dockerfile = 'deploy/docker/Dockerfile',
    args = {},
  }: BuildOptions): Promise<string> {
    const image = `localhost/shrike:${tag}`;
    // A cache of packages, as far as this user has one.
    const packages = join(homedir(), '.npm');
    mkdirSync(packages, { recursive: true });
    await this.done('buildah', [
      ...['build', '--layers', '--format', 'docker', '--pull-never', '--timestamp', '0'],
      ...['--isolation', 'chroot', '--network', 'host', '--volume', `${packages}:/root/.npm`],
      ...this.#pipSettings().flatMap((volume) => ['--volume', volume]),
      ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
      ...['-t', image, '-f', join(context, dockerfile), context],
    ]);
    return image;
  }

  /** Whom this machine trusts: its way to pip's packages may have an authority of its own. */
  #pipSettings(): string[] {
    const authorities = '/etc/ssl/certs/ca-certificates.crt';
    if (!existsSync(authorities)) return [];
    const settings = join(this.folder, 'pip.conf');
    writeFileSync(settings, '[global]\ncert = /etc/pip-authorities.crt\n');
    return [`${settings}:/etc/pip.conf:ro`, `${authorities}:/etc/pip-authorities.crt:ro`];
  }

  /** A container as production has it: no rights, a root file system that cannot be written. */
  async start(image: string, options: RunOptions): Promise<Container> {
    const { memory = '768m', env = {}, volumes = {}, args = [] } = options;
    const id = await this.done('podman', [
      ...['run', '--detach', '--read-only', '--tmpfs', '/tmp:size=64m', '--cap-drop', 'ALL'],
      ...['--security-opt', 'no-new-privileges', '--timeout', String(LIFE_SECONDS_MAX)],
      ...['--memory', memory, '--memory-swap', memory],
      ...Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
      ...Object.entries(volumes).flatMap(([from, to]) => ['-v', `${from}:${to}`]),
      ...[image, ...args],
    ]);
    this.#containers.push(id);
    return new Container(this, id);
  }

  /** A folder that the image's user may write to. */
  dataFolder(name: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    chownSync(folder, USER, USER);
    chmodSync(folder, 0o750);
    return folder;
  }

  hadolint(file: string): Promise<Ended> {
    return this.call(join(this.#tools, 'hadolint/bin/hadolint'), [file]);
  }

  /** @returns what it printed @throws Error with what it said */
  async done(program: string, args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.call(program, args);
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed (${code}): ${stderr}`);
    return stdout.trim();
  }

  call(program: string, args: readonly string[]): Promise<Ended> {
    const env = {
      ...process.env,
      CONTAINERS_CONF: join(this.#tools, 'containers.conf'),
      CONTAINERS_STORAGE_CONF: join(this.folder, 'storage.conf'),
    };
    return new Promise((resolve) => {
      execFile(program, [...args], { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code ?? 1);
        resolve({ code: Number.isNaN(code) ? 1 : code, stdout, stderr });
      });
    });
  }

  async remove(): Promise<void> {
    for (const id of this.#containers) await this.call('podman', ['rm', '--force', '-t', '0', id]);
    await this.call('buildah', ['rmi', '--all', '--force']);
    await rm(this.folder, { recursive: true, force: true });
  }
}

export class Container {
  readonly id: string;
  readonly #tools: ImageTools;

  constructor(tools: ImageTools, id: string) {
    this.#tools = tools;
    this.id = id;
  }

  async logs(): Promise<string> {
    const { stdout, stderr } = await this.#tools.call('podman', ['logs', this.id]);
    return stdout + stderr;
  }

  exec(...args: readonly string[]): Promise<Ended> {
    return this.#tools.call('podman', ['exec', this.id, ...args]);
  }

  /** What the image's HEALTHCHECK says, called as a container engine calls it. */
  async isHealthy(): Promise<boolean> {
    return (await this.#tools.call('podman', ['healthcheck', 'run', this.id])).code === 0;
  }

  async signal(name: 'TERM' | 'KILL'): Promise<void> {
    await this.#tools.done('podman', ['kill', '--signal', name, this.id]);
  }

  /** SIGTERM, and SIGKILL (exit code 137) for what has not ended after so many seconds. */
  async stop(graceSeconds: number): Promise<void> {
    await this.#tools.done('podman', ['stop', '--time', String(graceSeconds), this.id]);
  }

  async start(): Promise<void> {
    await this.#tools.done('podman', ['start', this.id]);
  }

  /** @returns its exit code, when it has ended */
  async exitCode(): Promise<number> {
    return Number(await this.#tools.done('podman', ['wait', this.id]));
  }

  inspect(format: string): Promise<string> {
    return this.#tools.done('podman', ['inspect', '--format', format, this.id]);
  }

  /** @throws Error with the container's log, when it ends instead */
  async until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      if ((await this.inspect('{{.State.Running}}')) !== 'true' && !(await isSo())) {
        throw new Error(`the container has ended:\n${await this.logs()}`);
      }
      await systemClock.sleep(POLL_MS);
    }
  }
}

/** @throws Error when they are not installed */
export function imageTools(): ImageTools {
  const tools = execFileSync('bash', ['tools/install-image-tools.sh', '--dry'], {
    encoding: 'utf8',
  });
  return new ImageTools(tools.trim());
}
