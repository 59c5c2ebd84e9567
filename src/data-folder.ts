/** The data folder: its version, and the one process that may work on it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShrikeError } from './core/errors.ts';

const VERSION = 1;

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

/** @throws DATA_DIR_UNWRITABLE, DATA_DIR_VERSION, DATA_DIR_LOCKED naming the owner's pid */
export function claimDataFolder(folder: string): DataFolder {
  prepare(folder);
  const lock = join(folder, 'shrike.lock');
  const write = (text: string, flag: 'wx' | 'w') =>
    writeFileSync(lock, text, { flag, mode: 0o600 });
  const own = JSON.stringify({ pid: process.pid });
  try {
    write(own, 'wx');
  } catch {
    const owner = engineAddress(folder);
    if (owner !== undefined) {
      throw new ShrikeError(
        'DATA_DIR_LOCKED',
        `${folder} is in use by the process ${owner.pid}${owner.address === undefined ? '' : ` at ${owner.address}`}`,
      );
    }
    // Its owner died without letting go. RocksDB's own lock still keeps a second process out.
    write(own, 'w');
  }
  return {
    log: join(folder, 'log'),
    state: join(folder, 'state'),
    checkpoints: join(folder, 'checkpoints'),
    announce: (address) => write(JSON.stringify({ pid: process.pid, ...address }), 'w'),
    release: () => rmSync(lock, { force: true }),
  };
}

/** Where the engine that works on this folder can be reached; undefined when none does. */
export function engineAddress(folder: string): EngineAddress | undefined {
  try {
    const owner = JSON.parse(readFileSync(join(folder, 'shrike.lock'), 'utf8')) as EngineAddress;
    return owner.pid !== process.pid && isAlive(owner.pid) ? owner : undefined;
  } catch {
    return undefined;
  }
}

function prepare(folder: string): void {
  const versionFile = join(folder, 'shrike.json');
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(versionFile, JSON.stringify({ dataFolderVersion: VERSION }), { flag: 'wx' });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new ShrikeError('DATA_DIR_UNWRITABLE', `cannot write to the data folder ${folder}`, {
        cause: error,
      });
    }
  }
  const version = readVersion(versionFile);
  if (version !== VERSION) {
    throw new ShrikeError(
      'DATA_DIR_VERSION',
      `${folder} has the format version ${String(version)}; this program works with version ${VERSION}`,
    );
  }
}

function readVersion(versionFile: string): unknown {
  try {
    return (JSON.parse(readFileSync(versionFile, 'utf8')) as { dataFolderVersion?: unknown })
      .dataFolderVersion;
  } catch {
    return 'unreadable';
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
