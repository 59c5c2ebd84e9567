/** The compiled command line as a user runs it: a process, with no setting in its environment. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/core/clock.ts';
import { builtUrl } from './built.ts';
import { endsWithRun } from './server-folder.ts';

const CLI = fileURLToPath(builtUrl('src/cli.js'));
const POLL_MS = 20;

const golden = (name: string) => resolve('test/golden/data', name);

/** Flags that name the golden raw files: 2,026 payments of 19 users. */
export const GOLDEN_CSV: readonly string[] = [
  ...['--transactions', golden('credit_card_transactions.csv')],
  ...['--users', golden('sd254_users.csv')],
  ...['--cards', golden('sd254_cards.csv')],
];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `shrike` with these arguments; `ended` resolves when it is over. */
export class Command {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SHRIKE_'));
    this.process = spawn(process.execPath, [CLI, ...args], {
      cwd: tmpdir(),
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endsWithRun(this.process);
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = once(this.process, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get lines(): readonly string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  /** Ctrl-C. */
  async interrupt(): Promise<Ended> {
    this.process.kill('SIGINT');
    return this.ended;
  }
}

export function shrike(...args: readonly string[]): Promise<Ended> {
  return new Command(args).ended;
}

/** What it prints with --json. @throws what it says when it fails */
export async function shrikeJson(...args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await shrike(...args, '--json');
  if (code !== 0) throw new Error(`shrike ${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

/** JSON values that it prints one a line. */
export async function shrikeLines(...args: readonly string[]): Promise<readonly unknown[]> {
  const { stdout } = await shrike(...args, '--json');
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** Waits for a condition, however long it takes; the test's own limit ends it. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await systemClock.sleep(POLL_MS);
}

export interface RunningEngine {
  readonly command: Command;
  readonly pid: number;
  readonly address: string;
  readonly token: string;
}

/** Starts `shrike run` on the folder and waits until its API answers. */
export function startEngine(data: string, ...args: string[]): Promise<RunningEngine> {
  return startEngineIn({}, data, ...args);
}

/** The same, with variables of the environment: credentials. */
export async function startEngineIn(
  env: Readonly<Record<string, string>>,
  data: string,
  ...args: string[]
): Promise<RunningEngine> {
  const command = new Command(['run', '--port', '0', '--data', data, ...args], env);
  let known: Partial<RunningEngine> = {};
  await until(() => {
    if (command.process.exitCode !== null) throw new Error(command.stderr);
    known = lockOf(data);
    return known.address !== undefined;
  });
  return { command, ...(known as Omit<RunningEngine, 'command'>) };
}

function lockOf(data: string): Partial<RunningEngine> {
  try {
    return JSON.parse(readFileSync(join(data, 'shrike.lock'), 'utf8')) as Partial<RunningEngine>;
  } catch {
    return {}; // not written yet, or half of it
  }
}
