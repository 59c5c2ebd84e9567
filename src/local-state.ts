/**
 * Local state is a fold of one log: its offsets mean nothing in another, nor in a topic that was
 * deleted and made again. So the folder keeps the log's name, and what was made from another log
 * goes, which loses nothing: the log and the checkpoints have it all.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isDiskFull, ShrikeError } from './core/errors.ts';

const MARKER = 'log.json';

/** The log that the state in the folder was made from; undefined: none is told. */
export function logOfState(folder: string): string | undefined {
  try {
    const known = JSON.parse(readFileSync(join(folder, MARKER), 'utf8')) as { log?: string };
    return known.log;
  } catch {
    return undefined; // not there, or half of it: as good as none
  }
}

/** True when state in the folder is that of the log, or there is none. */
export function isStateOf(folder: string, log: string): boolean {
  const known = logOfState(folder);
  // Before the folder kept a name, there was the embedded log only.
  return known === undefined ? log.startsWith('embedded/') || !hasState(folder) : known === log;
}

/**
 * Makes the folder the log's. Only for who has claimed the data folder.
 * @returns true when state of another log went
 * @throws DATA_DIR_UNWRITABLE, DISK_FULL
 */
export function claimState(folder: string, log: string): boolean {
  if (logOfState(folder) === log) return false;
  try {
    const isForeign = hasState(folder) && !isStateOf(folder, log);
    // In this order: after a crash in between it is done again.
    if (isForeign) rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const file = join(folder, MARKER);
    writeFileSync(`${file}.new`, JSON.stringify({ log }));
    renameSync(`${file}.new`, file);
    return isForeign;
  } catch (cause) {
    const code = isDiskFull(cause) ? 'DISK_FULL' : 'DATA_DIR_UNWRITABLE';
    throw new ShrikeError(code, `cannot write to the folder ${folder}`, { cause });
  }
}

function hasState(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('p-'));
}
