/** A rehearsed recovery over a real log, table, chain and store; all of them in memory. */
import { beforeEach, expect, test } from 'vitest';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { encodeManifest } from '../../checkpoints/manifest.ts';
import type { Manifest } from '../../src/core/checkpoint.ts';
import { systemClock } from '../../src/core/clock.ts';
import { type Flow, flow, Stepper } from '../../src/core/flow.ts';
import { type PackedRecords, packRecords } from '../../src/core/records.ts';
import type { StateDigest } from '../../src/core/state.ts';
import type { TaskParts } from '../../src/runtime/ports.ts';
import { type Rehearsed, rehearse } from '../../src/runtime/rehearsal.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { createActorTable } from '../../state/actor-table.ts';
import { DigestSum } from '../../state/digest.ts';
import { type MemoryDisk, MemoryStores } from '../../state/memory-store.ts';
import { DurableLog, MemoryLog } from '../support/memory-log.ts';
import { type DurableObjects, openMemoryObjectStore } from '../support/memory-object-store.ts';
import { type Tally, tallyAmounts, tallyCount } from '../support/tally-flow.ts';

const OF = { topic: 'transactions', partition: 0 };
const clock = systemClock;

/** @param skipped the record that this flow leaves out, unlike the one that made the checkpoint */
function jsonFlow(skipped = -1): Flow<Tally> {
  const decode = (records: PackedRecords, first: number) => ({
    events: Array.from({ length: records.count }, (_, i) =>
      i < first ? undefined : (JSON.parse(String(records.value(i))) as Tally),
    ),
    rejects: [],
  });
  const amounts = {
    ...tallyAmounts,
    step: (...[state, event, time, out]: Parameters<typeof tallyAmounts.step>) => {
      if (event.minute !== skipped) tallyAmounts.step(state, event, time, out);
    },
  };
  return flow<Tally>(decode)
    .keyBy({ user: (event) => event.user, card: (event) => event.card }, (event) => event.minute)
    .apply(tallyCount)
    .apply(amounts)
    .score()
    .decide({ topics: [], decide: () => undefined });
}

let log: MemoryLog;
let objects: DurableObjects;
let scratch: Map<number, MemoryDisk>;

beforeEach(async () => {
  objects = new Map();
  scratch = new Map();
  log = new MemoryLog(new DurableLog(), clock);
  await log.ensureTopics([{ ...OF, partitions: 1, cleanup: 'delete', retentionMs: 0 }]);
  for (let minute = 0; minute < 30; minute++) {
    const value = JSON.stringify({ user: minute % 4, card: 0, minute, amount: minute });
    await log.append([{ ...OF, records: packRecords([{ key: 'k', value, timestampMs: 0 }]) }]);
  }
});

function parts(of: Flow<Tally> = jsonFlow()): TaskParts<Tally> {
  const stepper = new Stepper(of);
  const codec = new ActorCodec(of);
  return {
    inputTopic: OF.topic,
    deadLetterTopic: 'dead_letters',
    stepper,
    model: { modelId: 'none', threshold: 1, featureSet: 'none', features: of.featureNames },
    scorer: { score: () => Promise.reject(new Error('a replay scores nothing')) },
    source: log,
    stores: new MemoryStores(scratch),
    checkpoints: openCheckpoints({
      store: openMemoryObjectStore({ objects }),
      application: 'shrike',
      clock,
      keepCount: 3,
      compactAfterSegments: 8,
      backlogBytesMax: 1 << 20,
    }),
    openTable: (store) => {
      const createActor = () => stepper.createActor();
      return createActorTable({ store, codec, clock, cacheBytesMax: 1 << 20, createActor });
    },
    createProfiles: () => ({
      topics: [],
      apply: () => [],
      of: () => undefined,
      versions: () => ({}),
    }),
    describe: (state) => state,
    clock,
    emitEvent: () => undefined,
    limits: {
      batchRecordsMax: 4,
      inFlightBatchesMax: 1,
      fetchBytesMax: 500,
      dirtyBytesMax: 500,
      checkpointIntervalMs: 60_000,
      backlogBytesMax: 1 << 20,
      replayNoProgressMs: 200,
      pollMs: 5,
      backoffMsMax: 10,
    },
  };
}

/** What a live partition has done: folds records [0, offset), and seals on its way. */
async function live(offsets: readonly number[]): Promise<readonly Manifest[]> {
  const { stepper, openTable, checkpoints } = parts();
  const table = openTable(await new MemoryStores(new Map()).open(0));
  const chain = await checkpoints.open(OF);
  const manifests: Manifest[] = [];
  await table.prefetch([0, 1, 2, 3]);
  let minute = 0;
  for (const offset of offsets) {
    for (; minute < offset; minute++) {
      const event = { user: minute % 4, card: 0, minute, amount: minute };
      stepper.step(table.change(event.user), event, new Float32Array(2), 0);
    }
    const snapshot = await table.snapshot(offset);
    await table.store(snapshot);
    manifests.push(await chain.seal(snapshot, { scan: () => never() }));
  }
  return manifests;
}

/** Every actor changes between two seals, so none is due. */
function never(): AsyncGenerator<Uint8Array> {
  throw new Error('no scan is due');
}

function rehearsal(manifest: Manifest, target: number, of?: Flow<Tally>): Promise<Rehearsed> {
  return rehearse({
    parts: parts(of),
    partition: 0,
    manifest,
    target,
    createDigester: () => new DigestSum(),
    signal: new AbortController().signal,
  });
}

const digests = (manifests: readonly Manifest[]): readonly StateDigest[] =>
  manifests.map(({ digest }) => digest);

test('a checkpoint that is replayed to the live offset has the live digest', async () => {
  const manifests = await live([10, 25]);
  const [first, second] = manifests as [Manifest, Manifest];
  const { found, replayedRecords } = await rehearsal(first, 25);
  expect(found).toEqual({ nextOffset: 25, digest: second.digest, actorCount: 4 });
  expect(replayedRecords).toBe(15);
  expect(new Set(digests(manifests)).size).toBe(2);
});

test('without anything to replay, the segments alone must add up', async () => {
  const [, newest] = (await live([10, 25])) as [Manifest, Manifest];
  const { found, replayedRecords } = await rehearsal(newest, 25);
  expect([found.digest, replayedRecords]).toEqual([newest.digest, 0]);
});

test('R1: nothing is sealed, and the scratch store is gone', async () => {
  const [first] = (await live([10, 25])) as [Manifest];
  const before = [...objects.keys()];
  await rehearsal(first, 25);
  expect([...objects.keys()]).toEqual(before);
  expect(scratch.size).toBe(0);
});

test('a step that leaves a record out gives another digest', async () => {
  const [first, second] = (await live([10, 25])) as [Manifest, Manifest];
  const { found } = await rehearsal(first, 25, jsonFlow(17));
  expect(found).toMatchObject({ nextOffset: 25, actorCount: 4 });
  expect(found.digest).not.toBe(second.digest);
});

test('R2: a manifest that claims the live digest does not make its segments right', async () => {
  const [first, second] = (await live([10, 25])) as [Manifest, Manifest];
  const lying = { ...first, nextOffset: second.nextOffset, digest: second.digest };
  const [key] = [...objects.keys()].filter((one) => one.includes('manifests/')).sort();
  objects.set(key as string, { body: encodeManifest(lying), modifiedMs: 0 });
  const { found } = await rehearsal(lying, 25);
  expect(found).toEqual({ nextOffset: 25, digest: first.digest, actorCount: 4 });
  expect(found.digest).not.toBe(second.digest);
});

test('a damaged segment is told by its name', async () => {
  const [first] = (await live([10, 25])) as [Manifest];
  const key = first.segments[0]?.key as string;
  const body = (objects.get(key)?.body ?? new Uint8Array()).slice();
  body[20] = (body[20] as number) ^ 1;
  objects.set(key, { body, modifiedMs: 0 });
  await expect(rehearsal(first, 25)).rejects.toMatchObject({
    code: 'CHECKPOINT_CORRUPT',
    message: expect.stringContaining(key),
  });
  expect(scratch.size).toBe(0);
});

test('a checkpoint that retention has taken is not there, and not damaged', async () => {
  const [first] = (await live([10, 25])) as [Manifest];
  objects.clear();
  await expect(rehearsal(first, 25)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
});

test('a checkpoint from before the beginning of the log cannot be replayed', async () => {
  const [first] = (await live([10, 25])) as [Manifest];
  await log.deleteBefore(OF, 12);
  await expect(rehearsal(first, 25)).rejects.toMatchObject({
    code: 'CHECKPOINT_NONE_USABLE',
    message: 'checkpoint 1 of partition 0 stands at offset 10, and the log begins at 12',
  });
});

test('an interrupted drill says so, and leaves nothing', async () => {
  const [first] = (await live([10, 25])) as [Manifest];
  const stop = new AbortController();
  stop.abort();
  const asked = rehearse({
    parts: parts(),
    partition: 0,
    manifest: first,
    target: 25,
    createDigester: () => new DigestSum(),
    signal: stop.signal,
  });
  await expect(asked).rejects.toMatchObject({ code: 'DRILL_FAILED' });
  expect(scratch.size).toBe(0);
});
