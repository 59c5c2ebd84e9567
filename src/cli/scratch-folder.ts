/** A folder for one command, gone when the command ends, however it ends. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ShrikeError } from '../core/errors.ts';
import { makeFolder } from '../data-folder.ts';

export class ScratchFolder {
  readonly path: string;
  readonly #parent: string;
  readonly #isParentMade: boolean;
  readonly #atExit = () => this.remove();

  /** @param parent made when it is not there; the process has a folder of its own in it */
  constructor(parent: string) {
    this.#parent = parent;
    this.path = join(parent, String(process.pid));
    try {
      this.#isParentMade = !existsSync(parent);
      makeFolder(parent);
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
    if (!this.#isParentMade || readdirSync(this.#parent).length > 0) return;
    rmdirSync(this.#parent);
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
