/**
 * Objects as files of a folder; several threads and processes may use it at once.
 * Written beside their place under a name that no key can have, synced, and then renamed (B1, B3)
 * or linked, which fails when the name is taken (B2). The folder is synced as well: it holds the
 * name.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { type Clock, systemClock } from '../src/core/clock.ts';
import { isDiskFull, ShrikeError } from '../src/core/errors.ts';
import type { ObjectStore, ObjectSummary } from '../src/core/object-store.ts';
import { assertObjectKey, assertObjectPrefix } from './keys.ts';

/** `~` is outside the characters of a key. */
const TEMPORARY = '~';
/** A younger one may be the write of a process that is alive. */
const ABANDONED_MS = 60_000;

/** @throws DISK_FULL, OBJECT_STORE_UNAVAILABLE: naming the path; as do all operations. */
export async function openFolderStore(
  folder: string,
  clock: Clock = systemClock,
): Promise<ObjectStore> {
  const root = resolve(folder);
  await explained(`open ${root}`, async () => {
    await makeFolder(root);
    await sweep(root, clock.nowMs() - ABANDONED_MS);
  });
  const pathOf = (key: string) => {
    assertObjectKey(key);
    return join(root, ...key.split('/'));
  };
  return {
    put: async (key, body) => {
      const path = pathOf(key);
      await explained(`write ${path}`, () => writeBeside(path, body, (from) => rename(from, path)));
    },
    putIfAbsent: async (key, body) => {
      const path = pathOf(key);
      return explained(`write ${path}`, () => linkIfAbsent(path, body));
    },
    get: async (key) => {
      const path = pathOf(key);
      const buffer = await explained(`read ${path}`, () => unlessMissing(readFile(path)));
      return buffer && new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    },
    list: async (prefix) => {
      assertObjectPrefix(prefix);
      return explained(`list ${join(root, prefix)}`, () => listFiles(root, prefix));
    },
    delete: async (key) => {
      const path = pathOf(key);
      await explained(`delete ${path}`, async () => {
        await unlessMissing(unlink(path));
        // Gone for good before the next one goes: after a power cut no manifest may outlive its
        // segments (C4).
        await unlessMissing(syncFolder(dirname(path)));
      });
    },
  };
}

async function linkIfAbsent(path: string, body: Uint8Array): Promise<boolean> {
  try {
    await writeBeside(path, body, async (from) => {
      await link(from, path);
      await unlink(from);
    });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function writeBeside(
  path: string,
  body: Uint8Array,
  publish: (from: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  await makeFolder(folder);
  const from = join(folder, `${TEMPORARY}${basename(path)}.${randomUUID()}`);
  try {
    const file = await open(from, 'wx');
    try {
      await file.writeFile(body);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(from);
  } catch (error) {
    // The first error is the one to know; a file that cannot be removed either is swept at the next
    // start.
    await unlink(from).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
}

/** A new folder is a name in the folder above it, which must reach the disk, too. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function listFiles(root: string, prefix: string): Promise<readonly ObjectSummary[]> {
  const summaries: ObjectSummary[] = [];
  for await (const path of files(join(root, dirname(`${prefix}x`)))) {
    const key = relative(root, path).split(sep).join('/');
    if (!key.startsWith(prefix) || basename(path).startsWith(TEMPORARY)) continue;
    const found = await unlessMissing(stat(path));
    if (found === undefined) continue;
    summaries.push({ key, bytes: found.size, modifiedMs: Math.floor(found.mtimeMs) });
  }
  return summaries.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What a crash has left behind. */
async function sweep(root: string, beforeMs: number): Promise<void> {
  for await (const path of files(root)) {
    if (!basename(path).startsWith(TEMPORARY)) continue;
    const found = await unlessMissing(stat(path));
    if (found !== undefined && found.mtimeMs < beforeMs) await unlessMissing(unlink(path));
  }
}

async function* files(folder: string): AsyncGenerator<string> {
  for (const entry of (await unlessMissing(readdir(folder, { withFileTypes: true }))) ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.isFile()) yield path;
  }
}

async function unlessMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

async function explained<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = isDiskFull(error) ? 'DISK_FULL' : 'OBJECT_STORE_UNAVAILABLE';
    throw new ShrikeError(code, `object store folder: cannot ${what}`, { cause: error });
  }
}
