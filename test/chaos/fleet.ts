/** Members of one application: processes of the compiled program, each with a disk of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtUrl } from '../support/built.ts';
import { endsWithRun } from '../support/server-folder.ts';

export const SESSION_TIMEOUT_MS = 3000;
const CLI = fileURLToPath(builtUrl('src/cli.js'));

export interface FleetOptions {
  readonly folder: string;
  readonly application: string;
  readonly bootstrap: string;
  /** `--set` flags for the object store, and its credentials. */
  readonly store: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export class Member {
  readonly name: string;
  readonly process: ChildProcess;
  readonly disk: string;
  /** What it has said so far. */
  stderr = '';

  constructor(name: string, disk: string, process: ChildProcess) {
    this.name = name;
    this.disk = disk;
    this.process = process;
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** How it ended: an exit code, or a signal. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string | null> {
    if (!this.isRunning) return this.process.exitCode ?? this.process.signalCode;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGCONT');
    this.process.kill(signal);
    const [code, by] = (await ended) as [number | null, string | null];
    return code ?? by;
  }
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #members: Member[] = [];
  #diskCount = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  get members(): readonly Member[] {
    return this.#members.filter(({ isRunning }) => isRunning);
  }

  /** Where all members write what they have to say. */
  get logFile(): string {
    return join(this.#options.folder, 'members.log');
  }

  /**
   * @param disk of an earlier member; without one it starts with nothing
   * @param cli of another build of the program
   */
  start(name: string, disk?: string, cli: string = CLI): Member {
    const { folder, application, bootstrap, store, env } = this.#options;
    const data = disk ?? join(folder, `disk-${name}-${++this.#diskCount}`);
    const child = spawn(
      process.execPath,
      [
        ...[cli, 'run', '--source=log', '--no-listen', '--json'],
        ...[`--data=${data}`, `--set=application=${application}`],
        ...[`--set=kafka.bootstrap=${bootstrap}`, `--set=kafka.instanceId=${name}`],
        ...[`--set=kafka.sessionTimeoutMs=${SESSION_TIMEOUT_MS}`, '--set=workers=1'],
        // Checkpoints and bases all the time: most faults hit one of them.
        ...['--set=checkpoints.intervalMs=500', '--set=checkpoints.compactAfterSegments=3'],
        ...['--set=state.dirtyBytesMax=65536', '--set=state.cacheBytesMax=1048576'],
        ...store,
      ],
      { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    endsWithRun(child);
    child.stderr?.pipe(createWriteStream(this.logFile, { flags: 'a' }));
    const member = new Member(name, data, child);
    this.#members.push(member);
    return member;
  }

  /** SIGTERM to all; the ways they ended. */
  async stop(): Promise<readonly (number | string | null)[]> {
    return Promise.all(this.members.map((member) => member.end('SIGTERM')));
  }

  async kill(): Promise<void> {
    await Promise.all(this.members.map((member) => member.end('SIGKILL')));
  }
}

export function wipe(member: Member): void {
  rmSync(member.disk, { recursive: true, force: true });
}
