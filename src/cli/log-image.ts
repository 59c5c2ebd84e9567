/**
 * A running engine's log, to be read beside it. RocksDB lets one process in, and the API hands out
 * no records, so this opens an image: the files as a crash at this moment would leave them. The
 * tables are immutable and are linked, not copied; the write-ahead log (bounded by RocksDB's write
 * buffers) and the manifest are copied. A crash loses no commit and shows none in part (L5), so
 * neither does an image.
 */
import { copyFile, link, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock as clock } from '../core/clock.ts';
import { codeOf, ShrikeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { openEmbeddedLog } from '../log/embedded/log.ts';

/** Each fails only when the log flushed or compacted during the copy. */
const TRIES_MAX = 10;
const NAME = 'image-';

export interface LogImage {
  readonly log: Log;
  close(): Promise<void>;
}

/** @param dataDir gets the image's folder: links do not cross volumes */
export async function openLogImage(logDir: string, dataDir: string): Promise<LogImage> {
  await removeAbandoned(dataDir);
  const folder = await mkdtemp(join(dataDir, `${NAME}${process.pid}-`));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const log = await open(logDir, folder);
    const close = async () => {
      await log.close();
      await remove();
    };
    return { log, close };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function open(logDir: string, folder: string): Promise<Log> {
  for (let tries = 1; ; tries++) {
    const attempt = join(folder, String(tries));
    await mkdir(attempt);
    try {
      await copyFiles(logDir, attempt);
      return await openEmbeddedLog(attempt, { sync: 'interval', syncIntervalMs: 60_000, clock });
    } catch (cause) {
      if (tries === TRIES_MAX || codeOf(cause) === 'DISK_FULL') {
        const message = `the log in ${logDir} could not be read beside the engine`;
        throw new ShrikeError('LOG_UNAVAILABLE', message, { cause });
      }
    }
  }
}

/**
 * In this order: a write-ahead log that is flushed after its copy is in a table that the later
 * manifest names; the other way round, its records would be in neither, and what follows them in
 * the next one.
 */
async function copyFiles(from: string, to: string): Promise<void> {
  const copy = (name: string) => copyFile(join(from, name), join(to, name));
  const before = await readdir(from);
  for (const name of before.filter((one) => one.endsWith('.log'))) await copy(name);
  const manifest = (await readFile(join(from, 'CURRENT'), 'utf8')).trim();
  for (const name of [manifest, 'CURRENT', 'IDENTITY']) await copy(name);
  for (const name of await readdir(from)) {
    if (name.endsWith('.sst')) await link(join(from, name), join(to, name));
  }
}

/** What a killed command left would hold on to the space of deleted tables. */
async function removeAbandoned(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = Number(/^image-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && pid !== process.pid && !isAlive(pid)) {
      await rm(join(dataDir, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
