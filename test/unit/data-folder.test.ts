import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimDataFolder, engineAddress } from '../../src/data-folder.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

/** Higher than any process number that Linux gives out. */
const DEAD_PID = 2 ** 22 + 1;

test('a folder is made with its version, claimed, announced and released, and nothing is left beside', async () => {
  const folder = join(await scratchFolder(), 'a', 'b');
  const data = claimDataFolder(folder);
  data.announce({ address: 'http://127.0.0.1:1', token: 't' });
  expect(JSON.parse(readFileSync(join(folder, 'shrike.lock'), 'utf8'))).toEqual({
    ...{ pid: process.pid, address: 'http://127.0.0.1:1', token: 't' },
  });
  expect(readFileSync(join(folder, 'shrike.json'), 'utf8')).toBe('{"dataFolderVersion":1}');
  data.release();
  expect(readdirSync(folder)).toEqual(['shrike.json']);
});

test("a dead owner's lock is taken over, also one that was half written", async () => {
  const folder = await scratchFolder();
  for (const left of [JSON.stringify({ pid: DEAD_PID }), '{"pi', '']) {
    writeFileSync(join(folder, 'shrike.lock'), left);
    expect(engineAddress(folder)).toBe(undefined);
    const data = claimDataFolder(folder);
    expect(readFileSync(join(folder, 'shrike.lock'), 'utf8')).toContain(`${process.pid}`);
    data.release();
  }
});

test('whoever lost a race for the folder leaves the lock of the one that won', async () => {
  const folder = await scratchFolder();
  const loser = claimDataFolder(folder);
  const winners = JSON.stringify({ pid: process.ppid });
  writeFileSync(join(folder, 'shrike.lock'), winners);
  loser.release();
  expect(readFileSync(join(folder, 'shrike.lock'), 'utf8')).toBe(winners);
});

test('a place where no folder can be made is an answer, not a loop', () => {
  expect(() => claimDataFolder('/proc/no/folder')).toThrowError(
    expect.objectContaining({ code: 'DATA_DIR_UNWRITABLE' }),
  );
});
