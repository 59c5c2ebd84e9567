/**
 * Random lives of a partition's checkpoints against a naive model: the log of all keys, and with it
 * the state at any offset. After every single change of the store each manifest that is there must
 * find its segments.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { parseManifest } from '../../checkpoints/manifest.ts';
import { keyOf } from '../../checkpoints/protocol.ts';
import { verifyCheckpoint } from '../../checkpoints/verify.ts';
import { unreachable } from '../../src/core/assert.ts';
import type { CheckpointChain, Checkpoints, Manifest } from '../../src/core/checkpoint.ts';
import { systemClock } from '../../src/core/clock.ts';
import { codeOf } from '../../src/core/errors.ts';
import { type Random, seeded } from '../../src/core/random.ts';
import type { Snapshot } from '../../src/core/state.ts';
import {
  type DurableObjects,
  type ObjectOperation,
  openMemoryObjectStore,
} from '../support/memory-object-store.ts';
import { ModelPartition, restore, sumDigester } from '../support/model-partition.ts';

const OF = { topic: 't', partition: 0 };
const KEEP_COUNT = 2;

type Fault = { readonly at: number; readonly when: 'before' | 'after'; readonly dies: boolean };
type Command =
  | { readonly kind: 'seal'; readonly keys: readonly number[]; readonly savepoint: boolean }
  /** While the old owner, who does not know better, does the same or cleans up. */
  | { readonly kind: 'seal-beside'; readonly keys: readonly number[]; readonly retains: boolean }
  | { readonly kind: 'retain' }
  /**
   * The process ends and starts again on its disk; what was not sealed is not in a backlog any
   * more.
   */
  | { readonly kind: 'restart' }
  /** Another machine takes the partition, and the old owner does not know it yet. */
  | { readonly kind: 'take-over' }
  | { readonly kind: 'stale-seal' }
  | { readonly kind: 'store-without-seal'; readonly keys: readonly number[] };

const keys = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 6 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('seal'), keys, savepoint: rarely() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('seal-beside'), keys, retains: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'retain' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'take-over' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'stale-seal' } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('store-without-seal'), keys }) },
) as fc.Arbitrary<Command>;
const fault: fc.Arbitrary<Fault> = fc.record({
  at: fc.integer({ min: 0, max: 5 }),
  when: fc.constantFrom('before', 'after'),
  dies: fc.boolean(),
});
const steps = fc.array(fc.record({ command, fault: fc.option(fault, { freq: 2 }) }), {
  maxLength: 25,
});

function rarely(): fc.Arbitrary<boolean> {
  return fc.integer({ min: 0, max: 9 }).map((n) => n === 9);
}

interface Owner {
  readonly chain: CheckpointChain;
  readonly partition: ModelPartition;
  isDead: boolean;
}

/** The world: one durable store, one log, and the owners there have been. */
class World {
  readonly objects: DurableObjects = new Map();
  readonly log: number[] = [];
  /** What each offset's state is: the fold of the log. */
  readonly images = new Map<number, Map<number, Uint8Array>>([[0, new Map()]]);
  /** Segments that a manifest named while they were not there. */
  readonly missing: string[] = [];
  /**
   * Manifests that a sleeping owner wrote where retention had freed the number; it takes them back.
   */
  readonly #misplaced = new Set<string>();
  #known = new Set<string>();
  readonly #random: Random;
  owner: Owner | undefined;
  stale: Owner | undefined;
  /** Strikes at the n-th call of a store from now on. */
  fault: Fault | null = null;
  callCount = 0;
  #nowMs = 0;
  /** When each number was sealed; every manifest has its own millisecond. */
  readonly sealedAtMs = new Map<number, number>();
  /** Looks at the store without faults. */
  readonly viewer = this.#checkpoints(openMemoryObjectStore({ objects: this.objects }));

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  #checkpoints(store: ReturnType<typeof openMemoryObjectStore>): Checkpoints {
    return openCheckpoints({
      store,
      application: 'a',
      clock: { ...systemClock, nowMs: () => this.#nowMs++ },
      keepCount: KEEP_COUNT,
      compactAfterSegments: 3,
      backlogBytesMax: 150,
      segmentBytesMax: 64,
    });
  }

  async start(partition: ModelPartition): Promise<Owner> {
    const life = { isDead: false };
    const strike = (when: 'before' | 'after', operation: ObjectOperation) => {
      if (when === 'after' && operation !== 'get' && operation !== 'list') this.#note();
      if (life.isDead) throw new Error('the process is dead');
      if (this.fault?.when !== when || this.fault.at !== this.callCount++) return;
      life.isDead = this.fault.dies;
      throw new Error('the store failed');
    };
    const store = openMemoryObjectStore({
      objects: this.objects,
      faults: {
        before: async (operation) => {
          // The calls of two owners come in any order.
          for (let turns = this.#random.int(8); turns > 0; turns--) await Promise.resolve();
          strike('before', operation);
        },
        after: (operation) => strike('after', operation),
      },
    });
    return Object.assign(life, { chain: await this.#checkpoints(store).open(OF), partition });
  }

  /** C2 and C4, after every change: what a manifest names is there. */
  #note(): void {
    const keys = this.manifests().map(keyOf).sort();
    for (const key of keys) {
      if (!this.#known.has(key) && key !== keys.at(-1)) this.#misplaced.add(key);
    }
    this.#known = new Set(keys);
    const named = this.placed().flatMap(({ segments }) => segments.map((one) => one.key));
    this.missing.push(...named.filter((one) => !this.objects.has(one)));
  }

  manifests(): readonly Manifest[] {
    return [...this.objects].flatMap(([key, { body }]) => {
      const parsed = key.includes('/manifests/') ? parseManifest(key, body) : { damage: '' };
      return 'manifest' in parsed ? [parsed.manifest] : [];
    });
  }

  /** Also those that retention is about to delete: a manifest goes before its segments. */
  placed(): readonly Manifest[] {
    return this.manifests().filter((manifest) => !this.#misplaced.has(keyOf(manifest)));
  }

  feed(partition: ModelPartition, fed: readonly number[]): Snapshot {
    this.log.push(...fed);
    partition.step(fed);
    this.images.set(this.log.length, new Map(partition.actors));
    return partition.snapshot();
  }

  /** C5, for all that can be listed. */
  async expectAllRestorable(): Promise<void> {
    expect(this.missing).toEqual([]);
    for (const manifest of this.placed()) {
      const image = this.images.get(manifest.nextOffset);
      expect(await restore(this.viewer.read(manifest))).toEqual(image);
      const digester = sumDigester();
      const report = await verifyCheckpoint({ checkpoints: this.viewer, manifest, digester });
      expect(report.problems).toEqual([]);
    }
  }

  /** Restores the newest and replays the log: what a machine without a disk does. */
  async recovered(): Promise<ModelPartition> {
    const newest = (await this.viewer.open(OF)).newest;
    const actors = newest === undefined ? new Map() : await restore(this.viewer.read(newest));
    const from = newest?.nextOffset ?? 0;
    const partition = ModelPartition.restored(actors, from);
    partition.step(this.log.slice(from));
    return partition;
  }

  /** @returns true when it was sealed. Two owners never seal the same number (C3). */
  async seal(owner: Owner, snapshot: Snapshot, savepoint: boolean): Promise<boolean> {
    const options = { scan: () => owner.partition.scan(), ...(savepoint && { savepoint: 's' }) };
    let manifest: Manifest;
    try {
      manifest = await owner.chain.seal(snapshot, options);
    } catch (error) {
      const code = codeOf(error);
      expect(['CHECKPOINT_UPLOAD_FAILED', 'CHECKPOINT_CONFLICT'], String(error)).toContain(code);
      if (code === 'CHECKPOINT_CONFLICT') owner.isDead = true;
      return false;
    }
    const { sequence, nextOffset, digest, createdAtMs } = manifest;
    expect([nextOffset, digest]).toEqual([snapshot.meta.nextOffset, snapshot.meta.digest]);
    expect(this.sealedAtMs.get(sequence) ?? createdAtMs).toBe(createdAtMs);
    this.sealedAtMs.set(sequence, createdAtMs);
    return true;
  }
}

/** A reader that began a block before retention restores a kept manifest to the end. */
async function retainBesideReader(world: World, owner: Owner): Promise<void> {
  const newest = (await world.viewer.open(OF)).newest;
  const reader = newest && world.viewer.read(newest)[Symbol.asyncIterator]();
  const begun = await reader?.next();
  try {
    await owner.chain.retain();
  } catch (error) {
    expect(codeOf(error)).toBe('OBJECT_STORE_UNAVAILABLE');
  }
  const rest = async function* () {
    if (begun !== undefined && !begun.done) yield begun.value;
    for (let next = await reader?.next(); next && !next.done; next = await reader?.next()) {
      yield next.value;
    }
  };
  if (newest) expect(await restore(rest())).toEqual(world.images.get(newest.nextOffset));
}

async function run(world: World, next: Command, fault: Fault | null): Promise<void> {
  if (world.owner === undefined || world.owner.isDead) {
    world.owner = await world.start(await world.recovered());
  }
  const { owner, stale } = world;
  Object.assign(world, { fault, callCount: 0 });
  switch (next.kind) {
    case 'seal':
      await world.seal(owner, world.feed(owner.partition, next.keys), next.savepoint);
      break;
    case 'store-without-seal':
      world.feed(owner.partition, next.keys);
      break;
    case 'retain':
      await retainBesideReader(world, owner);
      break;
    case 'restart':
      world.fault = null;
      world.owner = await world.start(owner.partition);
      break;
    case 'take-over':
      world.fault = null;
      world.stale = owner;
      world.owner = await world.start(await world.recovered());
      break;
    case 'stale-seal':
      // It is fenced: no event since, but its backlog, and a person who asks it for a savepoint.
      if (stale && !stale.isDead) await world.seal(stale, stale.partition.snapshot(), true);
      break;
    case 'seal-beside': {
      const sealing = world.seal(owner, world.feed(owner.partition, next.keys), false);
      const isAwake = stale !== undefined && !stale.isDead && stale !== owner;
      if (isAwake && next.retains) await retainBesideReader(world, stale);
      else if (isAwake) await world.seal(stale, stale.partition.snapshot(), true);
      await sealing;
      break;
    }
    default:
      unreachable(next);
  }
  world.fault = null;
  await world.expectAllRestorable();
}

test('every checkpoint that is there can be restored, whatever fails and whoever owns it', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer(), async (life, seed) => {
      const world = new World(seed);
      for (const { command: next, fault: strikes } of life) await run(world, next, strikes);
      // At the end all is well again: a new owner seals, and retention leaves what is kept, and no
      // orphan.
      await run(world, { kind: 'take-over' }, null);
      const owner = world.owner as Owner;
      const isSealed = await world.seal(owner, world.feed(owner.partition, [1, 2]), false);
      expect(isSealed).toBe(true);
      await owner.chain.retain();
      await world.expectAllRestorable();
      const manifests = world.manifests();
      const kept = manifests.filter(({ savepoint }) => savepoint === null);
      expect(kept.length).toBeLessThanOrEqual(KEEP_COUNT);
      const named = new Set(manifests.flatMap(({ segments }) => segments.map(({ key }) => key)));
      const there = [...world.objects.keys()].filter((key) => key.includes('/segments/'));
      expect(there.sort()).toEqual([...named].sort());
    }),
    { numRuns: 150 },
  );
});

test('one damaged object costs the checkpoints that need it, and no other', async () => {
  const damages = fc.record({
    sealed: fc.array(keys, { minLength: 2, maxLength: 8 }),
    object: fc.nat(),
    at: fc.nat(),
    how: fc.constantFrom('flip', 'truncate', 'delete'),
  });
  await fc.assert(
    fc.asyncProperty(damages, async ({ sealed, object, at, how }) => {
      const world = new World(1);
      const owner = await world.start(ModelPartition.restored(new Map(), 0));
      for (const fed of sealed) await world.seal(owner, world.feed(owner.partition, fed), true);
      const before = world.manifests();
      const key = [...world.objects.keys()][object % world.objects.size] as string;
      damage(world.objects, key, { at, how });
      world.sealedAtMs.clear(); // the number of a manifest that is gone may be used again
      for (const manifest of before) {
        const isHit = manifest.segments.some((segment) => segment.key === key);
        const reading = restore(world.viewer.read(manifest));
        if (isHit) await expect(reading).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
        else expect(await reading).toEqual(world.images.get(manifest.nextOffset));
      }
      const listed = (await world.viewer.list(OF)).map((one) => 'damage' in one && one.key);
      const isManifest = key.includes('/manifests/') && how !== 'delete';
      expect(listed.filter((one) => one !== false)).toEqual(isManifest ? [key] : []);
      await expectRecovery(world);
    }),
    { numRuns: 100 },
  );
});

function damage(objects: DurableObjects, key: string, { at, how }: { at: number; how: string }) {
  const body = objects.get(key)?.body as Uint8Array;
  if (how === 'delete') objects.delete(key);
  if (how === 'truncate') {
    objects.set(key, { body: body.subarray(0, at % body.length), modifiedMs: 0 });
  }
  if (how === 'flip') body[at % body.length] = (body[at % body.length] as number) ^ 1;
}

/** The newest checkpoint that can be read, then the log; what is sealed next is whole again. */
async function expectRecovery(world: World): Promise<void> {
  let partition = ModelPartition.restored(new Map(), 0);
  for (const one of await world.viewer.list(OF)) {
    if ('damage' in one) continue;
    try {
      const actors = await restore(world.viewer.read(one.manifest));
      partition = ModelPartition.restored(actors, one.manifest.nextOffset);
      break;
    } catch (error) {
      expect(codeOf(error)).toBe('CHECKPOINT_CORRUPT');
    }
  }
  partition.step(world.log.slice(partition.nextOffset));
  const owner = await world.start(partition);
  expect(await world.seal(owner, world.feed(partition, [1]), false)).toBe(true);
  const manifest = owner.chain.newest as Manifest;
  const checkpoints = world.viewer;
  const report = await verifyCheckpoint({ checkpoints, manifest, digester: sumDigester() });
  expect(report.problems).toEqual([]);
  await owner.chain.retain();
  expect(await restore(checkpoints.read(manifest))).toEqual(partition.actors);
}
