/**
 * Checkpoints on a disk of 2 MiB that really fills up; mounting it takes root, as in the container
 * of the tests.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { openFolderStore } from '../../checkpoints/folder-store.ts';
import { systemClock } from '../../src/core/clock.ts';
import { ModelPartition, restore } from '../support/model-partition.ts';

const OF = { topic: 'transactions', partition: 0 };

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrike-small-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir]);
});

afterEach(() => {
  execFileSync('umount', [dir]);
  rmdirSync(dir);
});

test('a full disk costs nothing but time: the next checkpoint holds what this one could not', async () => {
  const store = await openFolderStore(join(dir, 'checkpoints'));
  const checkpoints = openCheckpoints({
    store,
    application: 'shrike',
    clock: systemClock,
    keepCount: 2,
    compactAfterSegments: 8,
    backlogBytesMax: 64 << 20,
  });
  const chain = await checkpoints.open(OF);
  const partition = new ModelPartition();
  const seal = (keys: readonly number[], size: number) => {
    partition.step(keys, size);
    return chain.seal(partition.snapshot(), { scan: () => partition.scan() });
  };
  await seal([1, 2, 3], 1000);
  const ballast = join(dir, 'ballast');
  // All but about 100 KiB.
  writeFileSync(ballast, randomBytes((2 << 20) - (160 << 10)));
  partition.noise = randomBytes(300 << 10);
  await expect(seal([4], 300 << 10)).rejects.toMatchObject({
    code: 'CHECKPOINT_UPLOAD_FAILED',
    cause: { code: 'DISK_FULL', message: expect.stringContaining(join(dir, 'checkpoints')) },
  });
  expect((await checkpoints.list(OF)).length).toBe(1);
  expect((await store.list('')).length).toBe(2);
  rmSync(ballast);
  const sealed = await seal([1], 1000);
  expect(sealed.sequence).toBe(2);
  expect(await restore(checkpoints.read(sealed))).toEqual(partition.actors);
});
