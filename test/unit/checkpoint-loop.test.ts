/** The loop over a real table and a real chain; the faults are in the test's hand. */
import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Stepper } from '../../src/core/flow.ts';
import { CheckpointLoop } from '../../src/runtime/checkpoint-loop.ts';
import type { CommitPort, TaskLimits } from '../../src/runtime/ports.ts';
import { createWorkerHistograms, TaskCounters } from '../../src/runtime/task-counters.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { type CachedActorTable, createActorTable } from '../../state/actor-table.ts';
import { MemoryStores } from '../../state/memory-store.ts';
import { type ObjectFaults, openMemoryObjectStore } from '../support/memory-object-store.ts';
import { tallyFlow } from '../support/tally-flow.ts';

const OF = { topic: 'transactions', partition: 0 };
const LIMITS: TaskLimits = {
  batchRecordsMax: 1024,
  inFlightBatchesMax: 4,
  fetchBytesMax: 1 << 20,
  dirtyBytesMax: 1 << 20,
  checkpointIntervalMs: 10_000,
  backlogBytesMax: 1 << 20,
  replayNoProgressMs: 1000,
  pollMs: 10,
  backoffMsMax: 10,
};
const commits: CommitPort = {
  position: async () => ({ committed: 0, earliest: 0, highWatermark: 0 }),
  commit: async () => undefined,
  sync: async () => undefined,
};

let faults: ObjectFaults;
let events: string[];
let counters: TaskCounters;
let table: CachedActorTable;
let loop: CheckpointLoop;
let isReached: boolean;
let limits: { -readonly [K in keyof TaskLimits]: TaskLimits[K] };
/** One payment more of the only user. */
let step: (minute: number) => Promise<void>;

beforeEach(async () => {
  faults = {};
  events = [];
  isReached = true;
  limits = { ...LIMITS };
  const clock = { ...systemClock, nowMs: () => 5000 };
  counters = new TaskCounters(clock, createWorkerHistograms());
  const store = await new MemoryStores(new Map(), {}).open(0);
  const stepper = new Stepper(tallyFlow);
  table = createActorTable({
    store,
    codec: new ActorCodec(tallyFlow),
    clock,
    cacheBytesMax: 1 << 20,
    createActor: () => stepper.createActor(),
  });
  step = async (minute) => {
    await table.prefetch([7]);
    stepper.step(table.change(7), { user: 7, card: 0, minute, amount: 1 }, new Float32Array(2), 0);
  };
  await step(1);
  const objects = openMemoryObjectStore({
    faults: { before: (operation, key) => faults.before?.(operation, key) },
  });
  const checkpoints = openCheckpoints({
    store: objects,
    application: 'shrike',
    clock,
    keepCount: 3,
    compactAfterSegments: 8,
    backlogBytesMax: 1 << 20,
  });
  const emitEvent = (level: string, event: string) => events.push(`${level} ${event}`);
  loop = new CheckpointLoop({
    of: OF,
    parts: { checkpoints, limits, emitEvent },
    clock,
    store,
    table,
    commits,
    counters,
    reached: async () => isReached,
  });
});

/** As a session does it between two batches, or while no record comes. */
async function tickUntil<T>(asked: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  asked.then(settle, settle);
  while (!isSettled) {
    loop.tick(1);
    await setImmediate();
  }
  return asked;
}

test('K3: savepoints that are asked for at once are sealed one after the other, each by its name', async () => {
  const asked = ['before', 'upgrade', 'drill'].map((name) => loop.savepoint(name));
  const sealed = await tickUntil(Promise.all(asked));
  expect(
    sealed.map(({ sequence, savepoint, nextOffset }) => [sequence, savepoint, nextOffset]),
  ).toEqual([
    [1, 'before', 1],
    [2, 'upgrade', 1],
    [3, 'drill', 1],
  ]);
  expect(counters.checkpoint).toMatchObject({ sealedCount: 3, failedCount: 0 });
});

test('K3: a session that ends seals what was asked for before its end', async () => {
  const asked = ['one', 'two'].map((name) => loop.savepoint(name));
  await loop.finish(1);
  const sealed = await Promise.all(asked);
  expect(sealed.map(({ savepoint }) => savepoint)).toEqual(['one', 'two']);
});

test('of two requests, the one whose upload fails is told so, and the other is sealed', async () => {
  let uploads = 0;
  faults = {
    before: (operation) => {
      if (operation === 'put' && ++uploads === 1) throw new Error('no space');
    },
  };
  const [first, second] = [loop.savepoint('first'), loop.savepoint('second')];
  const refused = expect(first).rejects.toMatchObject({ code: 'CHECKPOINT_UPLOAD_FAILED' });
  expect(await tickUntil(second)).toMatchObject({ sequence: 1, savepoint: 'second' });
  await refused;
  expect(events).toEqual(['warn checkpoint not sealed']);
});

test('retention that fails is an event of its own; the checkpoint is sealed', async () => {
  faults = {
    before: (operation, key) => {
      if (operation === 'list' && key.endsWith('segments/')) throw new Error('connection reset');
    },
  };
  expect(await tickUntil(loop.savepoint('one'))).toMatchObject({ savepoint: 'one' });
  await loop.settled();
  expect(events).toEqual(['warn old checkpoints not deleted']);
  expect(counters.checkpoint).toMatchObject({ sealedCount: 1, failedCount: 0 });
  expect(counters.shared.errors).toEqual({ OBJECT_STORE_UNAVAILABLE: 1 });
});

test('K4: all who ask for a digest are told that of the next snapshot, where it is stored', async () => {
  const [first, second] = [loop.digest(), loop.digest()];
  const told = await tickUntil(first);
  expect(told).toMatchObject({ nextOffset: 1, actorCount: 1 });
  expect(await second).toEqual(told);
  expect(table.storedOffset).toBe(1);
  const savepoint = await tickUntil(loop.savepoint('one'));
  expect(told).toEqual({ nextOffset: 1, digest: savepoint.digest, actorCount: 1 });
});

test('K4: a digest of what this session will never commit is refused', async () => {
  isReached = false;
  const refused = expect(loop.digest()).rejects.toMatchObject({
    message: 'the partition recovers; ask again',
  });
  await loop.finish(1);
  await refused;
});

test('K2: while the store hangs snapshots go on, and no more bytes wait than the backlog may hold', async () => {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  faults = { before: (operation) => (operation === 'put' ? opened : undefined) };
  // Less than two snapshots of the actor.
  limits.backlogBytesMax = 40;
  const answers: string[] = [];
  const asked: Promise<unknown>[] = [];
  for (let position = 1; position <= 5; position++) {
    const name = `at ${position}`;
    asked.push(
      loop.savepoint(name).then(
        ({ sequence }) => answers.push(`${name}: sealed as ${sequence}`),
        (error: Error) => answers.push(`${name}: ${error.message}`),
      ),
    );
    while (table.storedOffset < position) {
      loop.tick(position);
      await setImmediate();
    }
    await step(position + 1);
  }
  const full = 'the backlog of snapshots is full';
  expect(answers).toEqual([`at 2: ${full}`, `at 3: ${full}`, `at 4: ${full}`]);
  expect(counters.checkpoint.backlogBytes).toBeGreaterThan(20);
  expect(counters.checkpoint.backlogBytes).toBeLessThanOrEqual(40);
  open();
  await Promise.all(asked);
  expect(counters.checkpoint.backlogBytes).toBe(0);
  expect(answers.slice(3)).toEqual(['at 1: sealed as 1', 'at 5: sealed as 2']);
  expect(counters.checkpoint).toMatchObject({ offset: 5, sealedCount: 2, failedCount: 3 });
});

test('K1: an offset that this session will never commit is not written, and its request is refused', async () => {
  isReached = false;
  const asked = loop.savepoint('one');
  const refused = expect(asked).rejects.toMatchObject({
    message: 'the partition recovers; ask again',
  });
  await loop.finish(1);
  await refused;
  expect(table.storedOffset).toBe(0);
});
