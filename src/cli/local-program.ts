/** A program that outlives the command which starts it; its log and its pid lie in its folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { systemClock as clock } from '../core/clock.ts';
import { ShrikeError } from '../core/errors.ts';

export interface LocalProgram {
  readonly name: string;
  /** The program and its arguments, which name its folder: by that it is known again. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** A path of `port` that answers with 2xx when the program may be used; without: at once. */
  readonly ready?: { readonly port: number; readonly path: string };
}

const POLL_MS = 100;
/** An engine that restores, or a registry on two busy cores. */
const START_MS_MAX = 180_000;
/** A last checkpoint may take s3.deadlineMs, 60 s. */
const STOP_MS_MAX = 90_000;
const LOG_LINES = 20;

export function folderOf(servers: string, name: string): string {
  return join(servers, name);
}

export function logOf(servers: string, name: string): string {
  return join(folderOf(servers, name), `${name}.log`);
}

/**
 * Leaves one that runs as it is, and waits until it is ready.
 * @param servers the folder of all of them, absolute
 * @throws SERVERS_FAILED with the end of its log
 */
export async function startProgram(servers: string, program: LocalProgram): Promise<void> {
  const { name, ready } = program;
  if (pidOf(servers, name) === undefined) await launch(servers, program);
  if (ready === undefined) return;
  const url = `http://127.0.0.1:${ready.port}${ready.path}`;
  const endMs = clock.nowMs() + START_MS_MAX;
  while (!(await answers(url))) {
    expectRunning(servers, name);
    if (clock.nowMs() > endMs) {
      const message = `${name} does not answer on ${url}; see ${logOf(servers, name)}`;
      throw new ShrikeError('SERVERS_FAILED', message);
    }
    await clock.sleep(POLL_MS);
  }
}

/** @throws SERVERS_FAILED with the end of its log */
export function expectRunning(servers: string, name: string): void {
  if (pidOf(servers, name) !== undefined) return;
  const lines = readFileSync(logOf(servers, name), 'utf8').trimEnd().split('\n');
  const said = lines.slice(-LOG_LINES).join('\n');
  throw new ShrikeError('SERVERS_FAILED', `${name} ended at its start:\n${said}`);
}

export function isRunning(servers: string, name: string): boolean {
  return pidOf(servers, name) !== undefined;
}

async function launch(servers: string, { name, command, env, ready }: LocalProgram): Promise<void> {
  if (ready !== undefined && (await isTaken(ready.port))) {
    const message = `port ${ready.port}, for ${name}, is taken by something else; choose another`;
    throw new ShrikeError('SERVERS_FAILED', message);
  }
  process.stderr.write(`starting ${name}\n`);
  const home = folderOf(servers, name);
  mkdirSync(home, { recursive: true });
  const log = openSync(logOf(servers, name), 'a');
  const [file, ...args] = command;
  // Settings of this shell, or of a file in its folder, are not those of the topology: AWS's
  // profile or session token would win over MinIO's keys.
  const inherited = Object.entries(process.env).filter(([key]) => !/^(?:SHRIKE|AWS)_/.test(key));
  const child = spawn(file, args, {
    cwd: home,
    detached: true,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  await once(child, 'spawn').catch((error: unknown) => {
    throw new ShrikeError('SERVERS_FAILED', `${file} cannot be run`, { cause: error });
  });
  writeFileSync(pidFile(servers, name), String(child.pid));
  child.unref();
}

/**
 * By SIGTERM, and waits until it is gone.
 * @returns whether it ran @throws SERVERS_FAILED when it does not end
 */
export async function stopProgram(servers: string, name: string): Promise<boolean> {
  const pid = pidOf(servers, name);
  if (pid !== undefined) process.kill(pid, 'SIGTERM');
  const endMs = clock.nowMs() + STOP_MS_MAX;
  while (pid !== undefined && pidOf(servers, name) !== undefined) {
    if (clock.nowMs() > endMs) {
      const message = `${name}, pid ${pid}, has not ended after ${STOP_MS_MAX / 1000} s`;
      throw new ShrikeError('SERVERS_FAILED', message);
    }
    await clock.sleep(POLL_MS);
  }
  rmSync(pidFile(servers, name), { force: true });
  return pid !== undefined;
}

function pidFile(servers: string, name: string): string {
  return join(folderOf(servers, name), `${name}.pid`);
}

/** Pids are used again: only a process whose command line names the folder is the program. */
function pidOf(servers: string, name: string): number | undefined {
  const file = pidFile(servers, name);
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8'));
  try {
    const isIt = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dirname(file));
    return isIt ? pid : undefined;
  } catch {
    return undefined;
  }
}

async function isTaken(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isOpen = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return isOpen;
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
