import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openFolderStore } from '../../checkpoints/folder-store.ts';
import { type DurableObjects, openMemoryObjectStore } from '../support/memory-object-store.ts';
import { objectStoreConformance } from './object-store.ts';

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

objectStoreConformance('folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shrike-objects-'));
  folders.push(folder);
  return () => openFolderStore(folder);
});

objectStoreConformance('memory', async () => {
  const objects: DurableObjects = new Map();
  return async () => openMemoryObjectStore({ objects });
});
