/** Checkpoints on a real MinIO, with a reader that is held in the middle of a restore. */
import { beforeAll, expect, test } from 'vitest';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import type { CheckpointChain, Manifest } from '../../src/core/checkpoint.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { restore } from '../../src/runtime/restore.ts';
import { type MemoryDisk, MemoryStores } from '../../state/memory-store.ts';
import { type MinioServer, sharedMinio } from '../support/minio-server.ts';
import { ModelPartition } from '../support/model-partition.ts';
import { s3Store } from '../support/s3-stores.ts';

const OF = { topic: 'transactions', partition: 0 };

let minio: MinioServer;
let spaces = 0;

beforeAll(async () => {
  minio = await sharedMinio();
  Object.assign(process.env, minio.env);
});

interface Gate {
  readonly store: ObjectStore;
  /** Resolves when a reader stands before the last segment of the first checkpoint. */
  readonly reached: Promise<void>;
  open(): void;
}

function gated(store: ObjectStore, lastKey: () => string): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let reach: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const get: ObjectStore['get'] = async (key) => {
    if (key === lastKey()) {
      reach();
      await opened;
    }
    return store.get(key);
  };
  return { store: { ...store, get }, reached, open };
}

/** An owner that has sealed one checkpoint of many segments, and keeps only the newest. */
class Owner {
  readonly partition = new ModelPartition();
  readonly store: ObjectStore;
  nowMs = 1_000_000;
  readonly #chain: CheckpointChain;

  private constructor(store: ObjectStore, chain: CheckpointChain) {
    this.store = store;
    this.#chain = chain;
  }

  static async start(graceMs: number): Promise<{ owner: Owner; first: Manifest }> {
    const prefix = `reader-${process.pid}-${spaces++}/`;
    const store = await s3Store({ endpoint: minio.endpoint, prefix });
    const clock = { ...systemClock, nowMs: () => owner.nowMs };
    const chain = await checkpointsOn(store, { graceMs, clock }).open(OF);
    const owner: Owner = new Owner(store, chain);
    const first = await owner.seal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    return { owner, first };
  }

  seal(keys: readonly number[]): Promise<Manifest> {
    this.partition.step(keys, 40);
    return this.#chain.seal(this.partition.snapshot(), { scan: () => this.partition.scan() });
  }

  retain(): Promise<readonly string[]> {
    return this.#chain.retain();
  }
}

function checkpointsOn(
  store: ObjectStore,
  options: { graceMs?: number; clock?: typeof systemClock },
) {
  return openCheckpoints({
    store,
    application: 'shrike',
    clock: systemClock,
    keepCount: 1,
    compactAfterSegments: 1,
    backlogBytesMax: 1 << 20,
    // One actor a segment.
    segmentBytesMax: 60,
    ...options,
  });
}

function restoreFrom(store: ObjectStore, committed: number) {
  const disks = new Map<number, MemoryDisk>();
  const events: string[] = [];
  const parts = {
    inputTopic: OF.topic,
    stores: new MemoryStores(disks),
    checkpoints: checkpointsOn(store, {}),
    emitEvent: (_level: string, event: string) => events.push(event),
    onProgress: () => undefined,
  };
  // The log begins at 1: an empty state is no way out.
  const restored = restore(parts, OF.partition, {
    committed,
    earliest: 1,
    highWatermark: committed,
  });
  return { restored, events, actors: () => disks.get(OF.partition)?.actors };
}

test('a checkpoint that retention drops while it is restored can be read to its end', async () => {
  const { owner, first } = await Owner.start(60_000);
  const before = new Map(owner.partition.actors);
  const gate = gated(owner.store, () => first.segments.at(-1)?.key ?? '');
  const { restored, events, actors } = restoreFrom(gate.store, 1000);
  await gate.reached;
  await owner.seal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await owner.retain()).toEqual(['shrike/transactions/00000/manifests/0000000001.json']);
  gate.open();
  expect(await restored).toMatchObject({ from: 'checkpoint', offset: first.nextOffset });
  expect(actors()).toEqual(before);
  expect(events).toEqual([]);
  owner.nowMs += 59_999;
  expect(await owner.retain()).toEqual([]);
  owner.nowMs += 1;
  expect(await owner.retain()).toEqual(first.segments.map(({ key }) => key));
});

test('a restore that loses its checkpoint begins again with the newer one', async () => {
  const { owner, first } = await Owner.start(0);
  const gate = gated(owner.store, () => first.segments.at(-1)?.key ?? '');
  const { restored, events, actors } = restoreFrom(gate.store, 1000);
  await gate.reached;
  const second = await owner.seal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await owner.retain()).toHaveLength(1 + first.segments.length);
  gate.open();
  expect(await restored).toMatchObject({ from: 'checkpoint', offset: second.nextOffset });
  expect(actors()).toEqual(owner.partition.actors);
  // It was whole; nobody is told of damage.
  expect(events).toEqual([]);
});

test('a restore that finds only checkpoints above its K asks for K again', async () => {
  const { owner, first } = await Owner.start(0);
  const gate = gated(owner.store, () => first.segments.at(-1)?.key ?? '');
  const { restored } = restoreFrom(gate.store, first.nextOffset);
  const refused = expect(restored).rejects.toMatchObject({
    code: 'CHECKPOINT_CORRUPT',
    kind: { retry: 'restore' },
  });
  await gate.reached;
  const second = await owner.seal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await owner.retain();
  gate.open();
  await refused;
  const again = restoreFrom(owner.store, second.nextOffset);
  expect(await again.restored).toMatchObject({ offset: second.nextOffset });
});

test('a damaged checkpoint is told once, and the one before it is used', async () => {
  const { owner, first } = await Owner.start(0);
  const second = await owner.seal([1]);
  await owner.store.put(second.segments.at(-1)?.key ?? '', new Uint8Array(9));
  const { restored, events } = restoreFrom(owner.store, 1000);
  expect(await restored).toMatchObject({ from: 'checkpoint', offset: first.nextOffset });
  expect(events).toEqual(['checkpoint is damaged; the one before it is used']);
});
