/** Sealing and reading over a store whose faults are in the test's hand. */
import { beforeEach, describe, expect, test } from 'vitest';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { verifyCheckpoint } from '../../checkpoints/verify.ts';
import type { CheckpointChain, Checkpoints, Manifest } from '../../src/core/checkpoint.ts';
import { systemClock } from '../../src/core/clock.ts';
import {
  type DurableObjects,
  type ObjectFaults,
  type ObjectOperation,
  openMemoryObjectStore,
} from '../support/memory-object-store.ts';
import { ModelPartition, restore, sumDigester } from '../support/model-partition.ts';

const OF = { topic: 'transactions', partition: 3 };
const PREFIX = 'shrike/transactions/00003/';

let objects: DurableObjects;
let calls: string[];
let faults: ObjectFaults;
let timeMs: number;
let checkpoints: Checkpoints;
let chain: CheckpointChain;
let partition: ModelPartition;

function open(over: Partial<Parameters<typeof openCheckpoints>[0]> = {}): Checkpoints {
  const called = (operation: ObjectOperation, key: string) => {
    calls.push(`${operation} ${key.replace(PREFIX, '').replace(/-[0-9a-f]{16}/, '')}`);
  };
  const store = openMemoryObjectStore({
    objects,
    faults: {
      before: (operation, key) => faults.before?.(operation, key),
      after: (operation, key) => {
        called(operation, key);
        return faults.after?.(operation, key);
      },
    },
  });
  return openCheckpoints({
    store,
    application: 'shrike',
    clock: { ...systemClock, nowMs: () => timeMs++ },
    keepCount: 2,
    compactAfterSegments: 3,
    backlogBytesMax: 100,
    segmentBytesMax: 64,
    ...over,
  });
}

beforeEach(async () => {
  objects = new Map();
  calls = [];
  faults = {};
  timeMs = 5_000;
  checkpoints = open();
  chain = await checkpoints.open(OF);
  partition = new ModelPartition();
});

const seal = (keys: readonly number[], savepoint?: string, on = chain) => {
  partition.step(keys);
  const options = {
    scan: () => partition.scan(),
    ...(savepoint === undefined ? {} : { savepoint }),
  };
  return on.seal(partition.snapshot(), options);
};

const fails = (operation: ObjectOperation, when: 'before' | 'after', end = ''): ObjectFaults => ({
  [when]: (called: ObjectOperation, key: string) => {
    if (called === operation && key.endsWith(end)) throw new Error('connection reset');
  },
});

/** `0000000002-0001.seg` is 2.1 */
const shortNames = ({ segments }: Manifest) =>
  segments.map(({ key }) => {
    const [, sequence, part] = /(\d+)-(\d+)-\w+\.seg$/.exec(key) ?? [];
    return `${Number(sequence)}.${Number(part)}`;
  });

const expectRestorable = async (manifest: Manifest) => {
  expect(await restore(checkpoints.read(manifest))).toEqual(partition.actors);
  const report = await verifyCheckpoint({ checkpoints, manifest, digester: sumDigester() });
  expect(report.problems).toEqual([]);
  expect(report.digest).toBe(manifest.digest);
};

describe('seal', () => {
  test('a base, then increments, then a new base when one is due', async () => {
    const sealed = [await seal([1, 2, 3, 4]), await seal([2]), await seal([5])];
    partition.pass(2); // two dead letters: the offset moves, no actor does
    for (const keys of [[], [1, 5], [3]]) sealed.push(await seal(keys));
    expect(sealed.map(shortNames)).toEqual([
      ['1.0', '1.1'],
      ['1.0', '1.1', '2.0'],
      ['1.0', '1.1', '2.0', '3.0'],
      ['1.0', '1.1', '2.0', '3.0'],
      ['1.0', '1.1', '2.0', '3.0', '5.0'],
      ['6.0', '6.1'],
    ]);
    expect(sealed.map(({ baseCount }) => baseCount)).toEqual([2, 2, 2, 2, 2, 2]);
    expect(chain.newest).toEqual(sealed[5]);
    expect(sealed[5]).toMatchObject({
      sequence: 6,
      nextOffset: 11,
      actorCount: 5,
      savepoint: null,
    });
    await expectRestorable(sealed[5] as Manifest);
  });

  test('C2: the manifest is written last', async () => {
    calls = [];
    await seal([1, 2, 3, 4]);
    expect(calls).toEqual([
      'put segments/0000000001-0000.seg',
      'put segments/0000000001-0001.seg',
      'putIfAbsent manifests/0000000001.json',
      'list manifests/',
    ]);
  });

  test('nothing is written when nothing happened; a savepoint is, and costs no segment', async () => {
    const first = await seal([1, 2]);
    calls = [];
    expect(await seal([])).toBe(first);
    expect(calls).toEqual([]);
    const savepoint = await seal([], 'before-upgrade');
    expect(savepoint).toMatchObject({ sequence: 2, savepoint: 'before-upgrade' });
    expect(calls).toEqual(['putIfAbsent manifests/0000000002.json', 'list manifests/']);
  });

  test('a chain that is opened later goes on where this one is', async () => {
    await seal([1, 2, 3]);
    const later = await open().open(OF);
    expect(later.newest).toEqual(chain.newest);
    const sealed = await seal([2], undefined, later);
    expect(shortNames(sealed)).toEqual(['1.0', '2.0']);
    await expectRestorable(sealed);
  });

  test('a snapshot that does not follow the newest checkpoint makes a base', async () => {
    await seal([1, 2, 3]);
    partition.step([1]);
    partition.snapshot(); // stored, and then the process died before it was sealed
    const sealed = await seal([2]);
    expect([sealed.baseCount, shortNames(sealed)]).toEqual([1, ['2.0']]);
    await expectRestorable(sealed);
  });

  test('C5: a scan of another moment than the snapshot is noticed', async () => {
    partition.step([1, 2, 3]);
    partition.snapshot();
    partition.step([3]);
    const snapshot = partition.snapshot();
    partition.step([4]);
    partition.snapshot();
    const sealing = chain.seal(snapshot, { scan: () => partition.scan() });
    await expect(sealing).rejects.toThrow('C5: base holds 4 actors, the snapshot 3');
    expect(chain.newest).toBeUndefined();
  });
});

describe('a store that fails', () => {
  const uploadFailed = { code: 'CHECKPOINT_UPLOAD_FAILED' };

  test.each([
    ['a segment before it is there', 'put', 'before'],
    ['a segment after it is there', 'put', 'after'],
    ['a manifest before it is there', 'putIfAbsent', 'before'],
    ['a manifest after it is there', 'putIfAbsent', 'after'],
  ] as const)('%s: the changes go with the next checkpoint', async (_, operation, when) => {
    await seal([1, 2, 3, 4]);
    faults = fails(operation, when);
    await expect(seal([1])).rejects.toMatchObject({
      ...uploadFailed,
      message: expect.stringContaining(
        `${PREFIX}${operation === 'put' ? 'segments' : 'manifests'}`,
      ),
      cause: { code: 'OBJECT_STORE_UNAVAILABLE', cause: { message: 'connection reset' } },
    });
    await expect(seal([])).rejects.toMatchObject(uploadFailed);
    await expect(seal([2])).rejects.toMatchObject(uploadFailed);
    faults = {};
    const sealed = await seal([3]);
    // A manifest that was sent is settled first, with its own number.
    expect(sealed.sequence).toBe(operation === 'put' ? 2 : 3);
    expect(sealed.baseCount).toBe(2);
    await expectRestorable(sealed);
  });

  test('past the bound of the backlog the next checkpoint is a base', async () => {
    await seal([1, 2, 3, 4, 5, 6, 7, 8]);
    faults = fails('put', 'before');
    await expect(seal([1, 2, 3])).rejects.toMatchObject(uploadFailed);
    await expect(seal([4, 5, 6])).rejects.toMatchObject(uploadFailed); // 6 actors: 120 bytes of 100
    await expect(seal([7])).rejects.toMatchObject(uploadFailed);
    faults = {};
    const sealed = await seal([1]);
    expect([sealed.sequence, sealed.baseCount, sealed.segments.length]).toEqual([2, 3, 3]);
    await expectRestorable(sealed);
  });

  test('a snapshot that is missing in the backlog makes a base', async () => {
    await seal([1, 2, 3, 4]);
    faults = fails('put', 'before');
    await expect(seal([1])).rejects.toMatchObject(uploadFailed);
    partition.step([2]);
    partition.snapshot(); // stored, and never handed over
    faults = {};
    const sealed = await seal([3]);
    expect(sealed.baseCount).toBe(2);
    await expectRestorable(sealed);
  });

  test('an error of the scan is not one of the store', async () => {
    await seal([1, 2, 3]);
    partition.step([1]);
    partition.snapshot();
    partition.step([2]);
    const scan = async function* () {
      yield* partition.scan();
      throw new Error('disk gone');
    };
    await expect(chain.seal(partition.snapshot(), { scan })).rejects.toThrow(/^disk gone$/);
    await expectRestorable(await seal([3]));
  });

  test('open and retain say which operation failed', async () => {
    faults = fails('list', 'before');
    const failed = {
      code: 'OBJECT_STORE_UNAVAILABLE',
      message: `object store: list ${PREFIX}manifests/ failed`,
    };
    await expect(checkpoints.open(OF)).rejects.toMatchObject(failed);
    await expect(chain.retain()).rejects.toMatchObject(failed);
  });
});

describe('two owners', () => {
  test('C3: of two that seal the same number one has a conflict, and stops', async () => {
    await seal([1, 2, 3]);
    const [stale, owner] = [chain, await open().open(OF)];
    partition.step([2]);
    const snapshot = partition.snapshot();
    const options = { scan: () => partition.scan() };
    const answers = await Promise.allSettled([
      stale.seal(snapshot, options),
      owner.seal(snapshot, options),
    ]);
    const failed = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(failed).toMatchObject([
      {
        code: 'CHECKPOINT_CONFLICT',
        message: expect.stringContaining('manifests/0000000002.json'),
      },
    ]);
    const [winner, loser] = answers[0]?.status === 'fulfilled' ? [stale, owner] : [owner, stale];
    const sealed = await seal([1], undefined, winner);
    expect(sealed.sequence).toBe(3);
    calls = [];
    await expect(loser.seal(snapshot, options)).rejects.toMatchObject({
      code: 'CHECKPOINT_CONFLICT',
    });
    expect(await loser.retain()).toEqual([]);
    expect(calls).toEqual([]);
    await expectRestorable(sealed);
  });

  test('C3: an owner that slept while its number was sealed and freed again takes it back', async () => {
    await seal([1, 2, 3]);
    const owner = await open().open(OF);
    const sleeper = await open().open(OF);
    partition.step([1]);
    const snapshot = partition.snapshot();
    for (const keys of [[1], [2], [3]]) await seal(keys, undefined, owner);
    expect((await owner.retain()).some((key) => key.endsWith('0000000002.json'))).toBe(true);
    const sealing = sleeper.seal(snapshot, { scan: () => partition.scan(), savepoint: 'mine' });
    await expect(sealing).rejects.toMatchObject({ code: 'CHECKPOINT_CONFLICT' });
    expect(objects.has(`${PREFIX}manifests/0000000002.json`)).toBe(false);
  });

  test('a manifest that was sent, and not written, is lost to the next owner', async () => {
    await seal([1, 2, 3]);
    faults = fails('putIfAbsent', 'before');
    await expect(seal([1])).rejects.toMatchObject({ code: 'CHECKPOINT_UPLOAD_FAILED' });
    faults = {};
    await seal([2], undefined, await open().open(OF));
    await expect(seal([3])).rejects.toMatchObject({ code: 'CHECKPOINT_CONFLICT' });
  });
});

describe('retain', () => {
  test('C4: keeps two checkpoints and the savepoint; manifests go before segments', async () => {
    for (const keys of [[1, 2, 3], [4]]) await seal(keys);
    await seal([5], 'mine');
    for (const keys of [[6], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]]) await seal(keys);
    calls = [];
    const deleted = await chain.retain();
    expect(deleted.map((key) => key.slice(PREFIX.length).replace(/-\w{16}\./, '.'))).toEqual([
      'manifests/0000000001.json',
      'manifests/0000000002.json',
      'manifests/0000000004.json',
      'segments/0000000004-0000.seg',
    ]);
    expect(calls.filter((call) => call.startsWith('delete')).length).toBe(4);
    const listed = await checkpoints.list(OF);
    expect(listed.map((one) => 'manifest' in one && one.manifest.sequence)).toEqual([6, 5, 3]);
    for (const one of listed) {
      if (!('manifest' in one)) continue;
      const { manifest } = one;
      const report = await verifyCheckpoint({ checkpoints, manifest, digester: sumDigester() });
      expect(report.problems).toEqual([]);
    }
    expect(await chain.retain()).toEqual([]);
  });
});

describe('damage', () => {
  const bodyOf = (key: string) => objects.get(key)?.body as Uint8Array;
  const last = (manifest: Manifest) => manifest.segments.at(-1)?.key as string;
  const read = async (manifest: Manifest) => restore(checkpoints.read(manifest));
  const verified = async (manifest: Manifest) =>
    verifyCheckpoint({ checkpoints, manifest, digester: sumDigester() });

  test('a changed byte of a segment is named, also by verify', async () => {
    const sealed = await seal([1, 2, 3]);
    const key = last(sealed);
    bodyOf(key)[20] = (bodyOf(key)[20] as number) ^ 0x40;
    await expect(read(sealed)).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      message: expect.stringMatching(
        /^checkpoint .*0000000001\.json: segment .*\.seg: its sha256 is \w{64} instead of \w{64}$/,
      ),
    });
    const report = await verified(sealed);
    expect(report.problems).toHaveLength(1);
    expect(report.digest).toBeUndefined();
  });

  test('a missing segment is named, and verify goes on to the next', async () => {
    await seal([1, 2, 3, 4]);
    const sealed = await seal([2]);
    objects.delete(last(sealed));
    await expect(read(sealed)).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      message: expect.stringContaining('it is not in the store'),
    });
    objects.delete(sealed.segments[0]?.key as string);
    expect((await verified(sealed)).problems).toHaveLength(2);
  });

  test('segments that make another state than the manifest says are found by verify', async () => {
    const sealed = await seal([1, 2, 3]);
    const lying = { ...sealed, digest: '0'.repeat(32), actorCount: 4 };
    expect((await verified(lying)).problems).toEqual([
      'the segments hold 3 actors, the manifest 4',
      `the segments have the digest ${sealed.digest}, the manifest ${'0'.repeat(32)}`,
    ]);
  });

  test('newest first, a manifest is read only when it is asked for', async () => {
    await seal([1, 2, 3]);
    await seal([2]);
    const key = `${PREFIX}manifests/0000000002.json`;
    objects.set(key, { body: bodyOf(key).subarray(0, 100), modifiedMs: 0 });
    const listed = await checkpoints.list(OF);
    calls = [];
    const newestFirst = checkpoints.newestFirst(OF)[Symbol.asyncIterator]();
    expect((await newestFirst.next()).value).toEqual(listed[0]);
    expect(calls).toEqual(['list manifests/', 'get manifests/0000000002.json']);
    expect((await newestFirst.next()).value).toEqual(listed[1]);
    expect((await newestFirst.next()).done).toBe(true);
    await seal([3], undefined, await open({ log: 'one' }).open(OF));
    const other = open({ log: 'other' }).newestFirst(OF)[Symbol.asyncIterator]();
    await expect(other.next()).rejects.toMatchObject({ code: 'CHECKPOINT_OF_OTHER_LOG' });
  });

  test('a truncated manifest is listed as damage; its number is not used again', async () => {
    const first = await seal([1, 2, 3]);
    await seal([2]);
    const key = `${PREFIX}manifests/0000000002.json`;
    objects.set(key, { body: bodyOf(key).subarray(0, 100), modifiedMs: 0 });
    objects.set(`${PREFIX}manifests/notes.txt`, { body: bodyOf(key), modifiedMs: 0 });
    expect(await checkpoints.list(OF)).toEqual([
      { key, damage: expect.stringMatching(/^not JSON \(100 bytes\): /) },
      { key: `${PREFIX}manifests/0000000001.json`, manifest: first },
      { key: `${PREFIX}manifests/notes.txt`, damage: 'not the name of a manifest' },
    ]);
    const later = await checkpoints.open(OF);
    expect(later.newest).toEqual(first);
    const sealed = await seal([3], undefined, later);
    expect([sealed.sequence, sealed.baseCount, shortNames(sealed)]).toEqual([3, 1, ['3.0']]);
    await expectRestorable(sealed);
  });
});
