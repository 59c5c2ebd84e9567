/** A member of the group that a drill starts, to kill it: `shrike run` in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock as clock } from '../core/clock.ts';
import { codeOf, ShrikeError } from '../core/errors.ts';
import type { StatusSnapshot } from '../core/status.ts';
import { engineClient } from './access.ts';
import type { CommonOptions } from './options.ts';

const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));
const POLL_MS = 250;
/** Partitions go on coming while the group settles: so often the same, and it has. */
const SAME_MIN = 8;

export interface DrillMemberOptions {
  readonly options: CommonOptions;
  /** Its name in the group. */
  readonly member: string;
  readonly scratch: string;
}

interface Wanted {
  /** Of the input. */
  readonly partitionCount: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

let count = 0;

export class DrillMember {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #data: string;
  readonly #output: string;

  /** The configuration is that of this command, but for its name, its disk and its address. */
  static start({ options, member, scratch }: DrillMemberOptions): DrillMember {
    count += 1;
    const folder = join(scratch, `member-${count}`);
    mkdirSync(folder);
    return new DrillMember(folder, [
      ...['run', '--json', '--port', '0', '--data', join(folder, 'data')],
      ...(options.config === undefined ? [] : ['--config', options.config]),
      ...(options.set ?? []).flatMap((pair) => ['--set', pair]),
      ...['--set', `kafka.instanceId=${member}`],
    ]);
  }

  private constructor(folder: string, args: readonly string[]) {
    this.#data = join(folder, 'data');
    this.#output = join(folder, 'output');
    const output = openSync(this.#output, 'w');
    this.#child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', output, output] });
    closeSync(output);
    this.#ended = once(this.#child, 'exit');
    process.once('exit', this.#atExit);
  }

  /** However this process ends, it leaves no member behind. */
  readonly #atExit = () => this.#child.kill('SIGKILL');

  /**
   * @returns its partitions, when the group has settled and each of them has committed here
   * @throws DRILL_FAILED when that does not happen in time, DRILL_NEEDS_GROUP when it is alone
   */
  async ownsAndCommits({ partitionCount, waitMs, signal }: Wanted): Promise<readonly number[]> {
    const endMs = clock.nowMs() + waitMs;
    let [same, before] = [0, ''];
    for (;;) {
      const partitions = await this.#partitions();
      if (partitions.length === partitionCount) {
        const message = 'the member got every partition: no other one runs';
        throw new ShrikeError('DRILL_NEEDS_GROUP', message);
      }
      const isReady = partitions.every(({ phase, commits }) => phase === 'live' && commits > 0);
      const owned = partitions.map(({ partition }) => partition).sort((a, b) => a - b);
      const now = owned.join();
      same = now === before && isReady ? same + 1 : 0;
      before = now;
      if (same >= SAME_MIN && owned.length > 0) return owned;
      if (signal.aborted) throw new ShrikeError('DRILL_FAILED', 'the drill was interrupted');
      if (clock.nowMs() > endMs) throw this.#late(partitions, waitMs);
      await clock.sleep(POLL_MS, signal);
    }
  }

  /** @returns when, on the clock */
  async kill(): Promise<number> {
    this.#child.kill('SIGKILL');
    const killedAtMs = clock.nowMs();
    await this.#ended;
    return killedAtMs;
  }

  /** In good order, unless it has ended already. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      await this.#ended;
    }
    process.off('exit', this.#atExit);
  }

  async #partitions(): Promise<StatusSnapshot['partitions']> {
    if (this.#child.exitCode !== null) {
      throw new ShrikeError('DRILL_FAILED', `the member has ended: ${this.#lastWords()}`);
    }
    try {
      const status = await engineClient(this.#data)?.get<StatusSnapshot>('/api/status');
      return status?.partitions ?? [];
    } catch (error) {
      // It is starting: the folder is claimed before the API answers.
      if (codeOf(error) === 'DATA_DIR_LOCKED' || codeOf(error) === 'API_UNREACHABLE') return [];
      throw error;
    }
  }

  #late(partitions: StatusSnapshot['partitions'], waitMs: number): ShrikeError {
    const idle = partitions.filter(({ commits }) => commits === 0).map((one) => one.partition);
    const why =
      partitions.length === 0
        ? 'got no partition'
        : `has nothing committed of partitions ${idle.join(', ')}: do payments come?`;
    return new ShrikeError('DRILL_FAILED', `after ${waitMs / 1000} s the member ${why}`);
  }

  #lastWords(): string {
    return readFileSync(this.#output, 'utf8').trim().split('\n').slice(-2).join(' ');
  }
}
