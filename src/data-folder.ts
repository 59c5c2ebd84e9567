/** The data folder: its version, and the one process that may work on it. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isDiskFull, ShrikeError } from './core/errors.ts';

const VERSION = 1;
const LOCK = 'shrike.lock';

/** What a running engine leaves for the tools of the same user: readable by that user only. */
export interface EngineAddress {
  readonly pid: number;
  /** http://127.0.0.1:8477; undefined until the API listens. */
  readonly address?: string;
  readonly token?: string;
}

export interface DataFolder {
  readonly log: string;
  readonly state: string;
  readonly checkpoints: string;
  /** Publishes where the engine can be reached. */
  announce(address: Omit<EngineAddress, 'pid'>): void;
  release(): void;
}

/**
 * @throws DATA_DIR_UNWRITABLE, DATA_DIR_VERSION, DISK_FULL, DATA_DIR_LOCKED naming the owner's pid
 */
export function claimDataFolder(folder: string): DataFolder {
  return explained(folder, () => {
    prepare(folder);
    const lock = join(folder, LOCK);
    const own = { pid: process.pid };
    if (!createWhole(lock, JSON.stringify(own))) {
      const owner = engineAddress(folder);
      if (owner !== undefined) throw lockedError(folder, owner);
      // Its owner died without letting go. RocksDB's own lock still keeps a second process out.
      replaceWhole(lock, JSON.stringify(own));
    }
    return {
      log: join(folder, 'log'),
      state: join(folder, 'state'),
      checkpoints: join(folder, 'checkpoints'),
      announce: (address) =>
        explained(folder, () => replaceWhole(lock, JSON.stringify({ ...own, ...address }))),
      release: () => {
        // Of two that found a dead owner's lock at once, the one that lost must leave the winner's.
        if (readAddress(folder)?.pid === process.pid) rmSync(lock, { force: true });
      },
    };
  });
}

function lockedError(folder: string, { pid, address }: EngineAddress): ShrikeError {
  const at = address === undefined ? '' : ` at ${address}`;
  return new ShrikeError('DATA_DIR_LOCKED', `${folder} is in use by the process ${pid}${at}`);
}

/** Where the engine that works on this folder can be reached; undefined when none does. */
export function engineAddress(folder: string): EngineAddress | undefined {
  const owner = readAddress(folder);
  if (owner === undefined || owner.pid === process.pid || !isAlive(owner.pid)) return undefined;
  return owner;
}

function readAddress(folder: string): EngineAddress | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, LOCK), 'utf8')) as EngineAddress;
  } catch {
    return undefined;
  }
}

function prepare(folder: string): void {
  makeFolder(folder);
  const versionFile = join(folder, 'shrike.json');
  if (createWhole(versionFile, JSON.stringify({ dataFolderVersion: VERSION }))) return;
  const version = readVersion(versionFile);
  if (version === VERSION) return;
  throw new ShrikeError(
    'DATA_DIR_VERSION',
    version === undefined
      ? `${versionFile} does not tell the folder's format version; it was not written by Shrike, or is damaged`
      : `${folder} has the format version ${JSON.stringify(version)}; this program works with version ${VERSION}`,
  );
}

function readVersion(versionFile: string): unknown {
  const text = readFileSync(versionFile, 'utf8');
  try {
    return (JSON.parse(text) as { dataFolderVersion?: unknown } | null)?.dataFolderVersion;
  } catch {
    return undefined;
  }
}

/** Not with `recursive`: below /proc, or wherever no name can be made, that never returns. */
export function makeFolder(folder: string): void {
  try {
    makeOne(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(folder) === folder)
      throw error;
    makeFolder(dirname(folder));
    makeOne(folder);
  }
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (!isThere || !statSync(folder).isDirectory()) throw error;
  }
}

/**
 * All of the text or no file: a full disk leaves no half. @returns false when there is one already.
 */
function createWhole(path: string, text: string): boolean {
  if (existsSync(path)) return false;
  const from = writeBeside(path, text);
  try {
    linkSync(from, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(from, { force: true });
  }
}

function replaceWhole(path: string, text: string): void {
  renameSync(writeBeside(path, text), path);
}

function writeBeside(path: string, text: string): string {
  const from = `${path}.${process.pid}`;
  try {
    // The lock holds the API's token.
    writeFileSync(from, text, { mode: 0o600 });
  } catch (error) {
    rmSync(from, { force: true });
    throw error;
  }
  return from;
}

function explained<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof ShrikeError) throw cause;
    throw isDiskFull(cause)
      ? new ShrikeError('DISK_FULL', `no space left for the data folder ${folder}`, { cause })
      : new ShrikeError('DATA_DIR_UNWRITABLE', `cannot write to the data folder ${folder}`, {
          cause,
        });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Numbers are given out again: after a crash, another program may have the owner's.
    return (
      process.platform !== 'linux' || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('node')
    );
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
