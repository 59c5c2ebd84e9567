/** A savepoint as the beginning of another application. */
import { expect, test } from 'vitest';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { copyCheckpoint } from '../../checkpoints/copy.ts';
import { verifyCheckpoint } from '../../checkpoints/verify.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import { type DurableObjects, openMemoryObjectStore } from '../support/memory-object-store.ts';
import { ModelPartition, sumDigester } from '../support/model-partition.ts';

const OF = { topic: 'transactions', partition: 3 };

async function sealed() {
  const objects: DurableObjects = new Map();
  const store = openMemoryObjectStore({ objects });
  const of = (application: string) =>
    openCheckpoints({
      ...{ store, application, clock, keepCount: 1, compactAfterSegments: 3 },
      backlogBytesMax: 100,
    });
  const partition = new ModelPartition();
  const chain = await of('blue').open(OF);
  const seal = async (keys: readonly number[], savepoint?: string) => {
    partition.step(keys);
    const named = savepoint === undefined ? {} : { savepoint };
    return chain.seal(partition.snapshot(), { scan: () => partition.scan(), ...named });
  };
  await seal([1, 2, 3]);
  return { objects, store, of, seal, savepoint: await seal([2, 4], 'fork') };
}

test('a copy is whole, lies with the other application, and outlives what it was copied from', async () => {
  const { objects, store, of, savepoint } = await sealed();
  const copy = await copyCheckpoint(store, savepoint, 'green');
  expect(copy.segments.map(({ key }) => key.split('/')[0])).toEqual(['green', 'green']);
  for (const key of objects.keys()) if (key.startsWith('blue/')) objects.delete(key);
  const [listed] = await of('green').list(OF);
  expect(listed).toMatchObject({
    manifest: { application: 'green', savepoint: null, nextOffset: savepoint.nextOffset },
  });
  const checkpoints = of('green');
  const report = await verifyCheckpoint({ checkpoints, manifest: copy, digester: sumDigester() });
  expect(report).toMatchObject({ problems: [], digest: savepoint.digest });
});

test('CHECKPOINT_CONFLICT when the other application has begun already', async () => {
  const { store, seal, savepoint } = await sealed();
  await copyCheckpoint(store, savepoint, 'green');
  const later = await seal([5], 'later');
  await expect(copyCheckpoint(store, later, 'green')).rejects.toMatchObject({
    code: 'CHECKPOINT_CONFLICT',
    message:
      'green has checkpoints of its own already: green/transactions/00003/manifests/0000000002.json',
  });
});

test('CHECKPOINT_CORRUPT when a segment is gone; then there is no copy', async () => {
  const { objects, store, of, savepoint } = await sealed();
  objects.delete(savepoint.segments[1]?.key as string);
  await expect(copyCheckpoint(store, savepoint, 'green')).rejects.toMatchObject({
    code: 'CHECKPOINT_CORRUPT',
  });
  expect(await of('green').list(OF)).toEqual([]);
});
