/** A folder for one command, gone when the command ends, however it ends. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ShrikeError } from '../core/errors.ts';

export class ScratchFolder {
  readonly path: string;
  readonly #atExit = () => this.remove();

  /** @param parent made when it is not there; the process has a folder of its own in it */
  constructor(parent: string) {
    this.path = join(parent, String(process.pid));
    try {
      mkdirSync(parent, { recursive: true });
      sweep(parent);
      mkdirSync(this.path);
    } catch (cause) {
      throw new ShrikeError('DATA_DIR_UNWRITABLE', `cannot write to ${parent}`, { cause });
    }
    process.once('exit', this.#atExit);
  }

  remove(): void {
    process.off('exit', this.#atExit);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What a killed process has left. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!/^\d+$/.test(name) || isAlive(Number(name))) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  // Numbers are given out again: in a container the one before had the same.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
