import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ScratchFolder } from '../../src/cli/scratch-folder.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shrike-scratch-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what was made goes again, the folder that was there stays', () => {
  const made = new ScratchFolder(join(folder, 'data', 'drill'));
  mkdirSync(join(made.path, 'state'));
  made.remove();
  expect(existsSync(join(folder, 'data', 'drill'))).toBe(false);
  new ScratchFolder(folder).remove();
  expect(existsSync(folder)).toBe(true);
});

test('what a killed process has left is swept; what a living one has, or a person, is not', () => {
  const { pid: dead } = spawnSync(process.execPath, ['--version']);
  for (const name of [String(dead), String(process.ppid), 'notes']) mkdirSync(join(folder, name));
  const made = new ScratchFolder(folder);
  expect(readdirSync(folder).toSorted()).toEqual(
    [String(process.pid), String(process.ppid), 'notes'].toSorted(),
  );
  made.remove();
});

test('a folder that cannot be made is told by its name', () => {
  expect(() => new ScratchFolder('/proc/drill')).toThrow('cannot write to /proc/drill');
});
