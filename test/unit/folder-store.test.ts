/** What is special about a folder; the rest is in `test/conformance/object-store.ts`. */
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFolderStore } from '../../checkpoints/folder-store.ts';
import { systemClock } from '../../src/core/clock.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shrike-folder-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const body = new TextEncoder().encode('x');

test('the folder is made, with those above it, and a write leaves no other file', async () => {
  const store = await openFolderStore(join(folder, 'a', 'b'));
  await store.put('k/1', body);
  await store.putIfAbsent('k/2', body);
  await store.putIfAbsent('k/2', body);
  expect((await readdir(join(folder, 'a', 'b', 'k'))).sort()).toEqual(['1', '2']);
});

test('what a crash left is never listed, and goes at the next start after a minute', async () => {
  await mkdir(join(folder, 'k'));
  const [old, young] = [join(folder, 'k', '~1.old'), join(folder, 'k', '~1.young')];
  for (const path of [old, young]) await writeFile(path, 'half of an obj');
  const nowMs = 1_700_000_000_000;
  await utimes(old, nowMs / 1000 - 61, nowMs / 1000 - 61);
  await utimes(young, nowMs / 1000 - 59, nowMs / 1000 - 59);
  const store = await openFolderStore(folder, { ...systemClock, nowMs: () => nowMs });
  expect(await readdir(join(folder, 'k'))).toEqual(['~1.young']);
  expect(await store.list('')).toEqual([]);
});

test('a file where the folder should be is an error that names the path', async () => {
  const path = join(folder, 'file');
  await writeFile(path, '');
  await expect(openFolderStore(path)).rejects.toMatchObject({
    code: 'OBJECT_STORE_UNAVAILABLE',
    message: `object store folder: cannot open ${path}`,
    cause: { code: 'EEXIST' },
  });
  const store = await openFolderStore(folder);
  await expect(store.put('file/below', body)).rejects.toMatchObject({
    code: 'OBJECT_STORE_UNAVAILABLE',
    message: `object store folder: cannot write ${join(path, 'below')}`,
  });
  await mkdir(join(folder, 'taken'));
  await expect(store.put('taken', body)).rejects.toMatchObject({
    code: 'OBJECT_STORE_UNAVAILABLE',
    cause: { code: 'EISDIR' },
  });
  expect((await readdir(folder)).sort()).toEqual(['file', 'taken']);
});
