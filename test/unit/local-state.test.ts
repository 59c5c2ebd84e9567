import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimState, isStateOf, logOfState } from '../../src/local-state.ts';

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'shrike-local-state-')), 'state');
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

const aStore = () => mkdir(join(folder, 'p-0000'), { recursive: true });
const hasStore = () => existsSync(join(folder, 'p-0000'));

test('a new folder gets the name of its log, and keeps its state while the name is the same', async () => {
  expect(claimState(folder, 'kafka/a/1')).toBe(false);
  expect(logOfState(folder)).toBe('kafka/a/1');
  await aStore();
  expect(claimState(folder, 'kafka/a/1')).toBe(false);
  expect(hasStore()).toBe(true);
});

test('state of another log goes, and the folder is that of the new one', async () => {
  claimState(folder, 'embedded/x/transactions');
  await aStore();
  expect(isStateOf(folder, 'kafka/a/1')).toBe(false);
  expect(claimState(folder, 'kafka/a/1')).toBe(true);
  expect(hasStore()).toBe(false);
  expect(logOfState(folder)).toBe('kafka/a/1');
});

test('state without a name is of the embedded log, as it was before names were kept', async () => {
  await aStore();
  expect(isStateOf(folder, 'kafka/a/1')).toBe(false);
  expect(claimState(folder, 'embedded/x/transactions')).toBe(false);
  expect(hasStore()).toBe(true);
});
