/**
 * Where the servers of a test run live, and who ends them.
 *
 * All processes of one `vitest run` share a folder; below it each server has one of its own, with
 * its pid file. A watchdog (`server-watchdog.sh`) ends whatever still runs there when the run ends,
 * even when the run is killed. Outside of vitest (benchmarks) a process has a folder to itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';

/** Every server gets a block of ports: three brokers have ten each. */
const BLOCK_PORTS = 32;
/** Below the ports that systems give to outgoing connections (32768 and up). */
const FIRST_PORT = 20_000;
const BLOCKS = 390;
const POLL_MS = 20;
/** When it began, in ticks since boot, among the fields behind the name (`man 5 proc_pid_stat`). */
const STAT_STARTED = 19;

let serverCount = 0;

export interface Watchdog {
  readonly folder: string;
  /** Ends every server of the folder, and removes it. */
  end(): Promise<void>;
}

/** The folder of this run's servers, and the process that cleans up behind it. */
export function startWatchdog(): Watchdog {
  const folder = mkdtempSync(join(tmpdir(), 'shrike-servers-'));
  process.env.SHRIKE_TEST_SERVERS = folder;
  const child: ChildProcess = spawn('sh', [resolve('test/support/server-watchdog.sh'), folder], {
    // In a session of its own: Ctrl-C must not end it.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  // It lives as long as this process, not the other way round.
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return {
    folder,
    async end() {
      child.ref();
      child.stdin?.end();
      await ended;
    },
  };
}

function runFolder(): string {
  return process.env.SHRIKE_TEST_SERVERS ?? startWatchdog().folder;
}

/**
 * A program that a test has started ends with the run, also when the test never gets to end it: an
 * engine that is left over would join the group of another run that is given the same port.
 */
export function endsWithRun({ pid }: ChildProcess): void {
  const folder = process.env.SHRIKE_TEST_SERVERS;
  if (folder === undefined || pid === undefined) return;
  const programs = join(folder, 'programs');
  mkdirSync(programs, { recursive: true });
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
    writeFileSync(join(programs, String(pid)), fields[STAT_STARTED] as string);
  } catch {
    // It has ended already.
  }
}

/** A folder for one server; the same one in every process of the run if `shared` is its name. */
export function serverFolder(kind: string, shared?: string): string {
  serverCount += 1;
  const folder = join(runFolder(), shared ?? `${kind}-${process.pid}-${serverCount}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** @returns the first of 32 ports that are free, and that no other server of this run gets. */
export async function freePorts(): Promise<number> {
  const claims = join(runFolder(), 'ports');
  mkdirSync(claims, { recursive: true });
  // Runs that go on at the same time begin at different blocks.
  for (let i = 0; i < BLOCKS; i += 1) {
    const block = (process.pid * 37 + i) % BLOCKS;
    const first = FIRST_PORT + block * BLOCK_PORTS;
    if (!claimed(join(claims, String(block)))) continue;
    const ports = Array.from({ length: BLOCK_PORTS }, (_, n) => first + n);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`no ${BLOCK_PORTS} free ports in a row from ${FIRST_PORT}`);
}

function claimed(claim: string): boolean {
  try {
    mkdirSync(claim);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  const isMine = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]).catch(() => false);
  if (isMine) await new Promise((done) => server.close(done));
  return isMine;
}

/** Runs a script of `deploy/local`. @returns what it printed @throws Error with what it said */
export async function runScript(
  script: string,
  [action, folder]: readonly [action: string, folder: string],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn('bash', [resolve(script), action, folder], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pidFile = join(folder, `script-${child.pid}.pid`);
  if (child.pid !== undefined) writeFileSync(pidFile, String(child.pid));
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  rmSync(pidFile, { force: true });
  if (code !== 0) throw new Error(`${script} ${action} ${folder} failed (${code}): ${stderr}`);
  return stdout.trim();
}

/** A server's process, by its pid file; a file that is missing means that it does not run. */
export class ServerProcess {
  readonly #pidFile: string;

  constructor(pidFile: string) {
    this.#pidFile = pidFile;
  }

  get pid(): number | undefined {
    try {
      return Number(readFileSync(this.#pidFile, 'utf8'));
    } catch {
      return undefined;
    }
  }

  get isRunning(): boolean {
    const { pid } = this;
    return pid !== undefined && isAlive(pid);
  }

  /** @throws Error when it does not run */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this;
    if (pid === undefined) throw new Error(`${this.#pidFile} is missing: the server does not run`);
    process.kill(pid, name);
  }

  /** Kills it, as if the machine had lost it. Resolves when it is gone. */
  async kill(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    while (isAlive(pid)) await systemClock.sleep(POLL_MS);
    rmSync(this.#pidFile, { force: true });
  }
}

/**
 * A process that has ended and that nobody has asked about yet (a zombie) is no longer alive; but
 * one whose first thread has ended still holds its ports while the others are ending.
 */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const isZombie = /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
    return !isZombie || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}
