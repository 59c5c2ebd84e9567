/**
 * Actors' memory against a Map: whatever happens in whatever order, a stored image is the model's
 * at its offset.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ActorState, Stepper } from '../../src/core/flow.ts';
import { unpackActors } from '../../src/core/packed-actors.ts';
import type { ActorStore, Snapshot } from '../../src/core/state.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { type CachedActorTable, createActorTable } from '../../state/actor-table.ts';
import { digestOf } from '../../state/digest.ts';
import { type MemoryDisk, MemoryStores, type WriteFault } from '../../state/memory-store.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { type Tally, tallyFlow } from '../support/tally-flow.ts';

type Command =
  | { readonly kind: 'pay'; readonly events: readonly Tally[] }
  | { readonly kind: 'look'; readonly users: readonly number[] }
  | { readonly kind: 'evict' | 'turn' | 'snapshot' | 'crash' }
  | { readonly kind: 'store'; readonly fault: WriteFault | undefined }
  | { readonly kind: 'budget'; readonly bytes: number }
  | { readonly kind: 'power-cut'; readonly writes: number };

const user = fc.integer({ min: 0, max: 11 }).map((n) => (n === 11 ? 2 ** 40 : n));
const event: fc.Arbitrary<Tally> = fc.record({
  user,
  card: fc.integer({ min: 0, max: 2 }),
  minute: fc.integer({ min: 0, max: 50 }),
  amount: fc.integer({ min: -200, max: 200 }).map((cents) => cents / 100),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.array(event, { minLength: 1, maxLength: 6 }).map(paid) },
  { weight: 2, arbitrary: fc.array(user, { minLength: 1, maxLength: 9 }).map(looked) },
  { weight: 4, arbitrary: fc.constantFrom(...(['evict', 'turn', 'snapshot'] as const)).map(bare) },
  { weight: 2, arbitrary: fc.constantFrom(undefined, undefined, 'disk-full', 'torn').map(stored) },
  { weight: 1, arbitrary: fc.constantFrom(0, 3000, 1 << 30).map(budgeted) },
  { weight: 1, arbitrary: fc.constant(bare('crash')) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }).map(cut) },
);

function paid(events: readonly Tally[]): Command {
  return { kind: 'pay', events };
}
function looked(users: readonly number[]): Command {
  return { kind: 'look', users };
}
function bare(kind: 'evict' | 'turn' | 'snapshot' | 'crash'): Command {
  return { kind };
}
function stored(fault: WriteFault | undefined): Command {
  return { kind: 'store', fault };
}
function budgeted(bytes: number): Command {
  return { kind: 'budget', bytes };
}
function cut(writes: number): Command {
  return { kind: 'power-cut', writes };
}

type Image = ReadonlyMap<number, unknown>;

/** The fold of the first events, by the definition: one after the other, from nothing. */
function modelAt(events: readonly Tally[]): Image {
  const stepper = new Stepper(tallyFlow);
  const actors = new Map<number, ActorState>();
  const rows = new Float32Array(stepper.width);
  for (const payment of events) {
    const actor = actors.get(payment.user) ?? stepper.createActor();
    actors.set(payment.user, actor);
    stepper.step(actor, payment, rows, 0);
  }
  return actors;
}

const codec = new ActorCodec(tallyFlow);

async function imageOf(store: ActorStore): Promise<Image> {
  const image = new Map<number, unknown>();
  for await (const block of store.scan(64)) {
    for (const [key, bytes] of unpackActors(block)) {
      image.set(key, codec.decode(key, bytes, store.meta?.schemas ?? {}));
    }
  }
  return image;
}

class World {
  readonly #disks = new Map<number, MemoryDisk>();
  readonly #stepper = new Stepper(tallyFlow);
  #clock = new SteppedClock();
  #fault: WriteFault | undefined;
  #table!: CachedActorTable;
  #store!: ActorStore;
  #taking: Promise<Snapshot> | undefined;
  /** Everything that was ever paid; a crash rewinds to what is stored, as replay would. */
  #log: Tally[] = [];

  async open(): Promise<void> {
    this.#clock = new SteppedClock();
    this.#taking = undefined;
    this.#store = await new MemoryStores(this.#disks, { faultOf: () => this.#fault }).open(0);
    this.#table = createActorTable({
      store: this.#store,
      codec,
      clock: this.#clock,
      cacheBytesMax: 3000,
      createActor: () => this.#stepper.createActor(),
      sliceActors: 2,
    });
    this.#log = this.#log.slice(0, this.#table.storedOffset);
    await this.check();
  }

  async run(next: Command): Promise<void> {
    switch (next.kind) {
      case 'pay':
        return this.#pay(next.events);
      case 'look':
        // Whoever prefetches may still wait when the steps after this begin.
        void this.#table.prefetch(next.users);
        return;
      case 'evict':
        return this.#table.evict();
      case 'turn':
        return this.#clock.turn();
      case 'snapshot':
        this.#taking ??= this.#table.snapshot(this.#log.length);
        return;
      case 'store':
        return this.#storeTaken(next.fault);
      case 'budget':
        this.#table.cacheBytesMax = next.bytes;
        return;
      case 'crash':
        return this.open();
      case 'power-cut':
        this.#disks.get(0)?.loseWrites(next.writes);
        return this.open();
    }
  }

  async #pay(events: readonly Tally[]): Promise<void> {
    const missing = this.#table.prefetch(events.map((payment) => payment.user));
    if (missing !== undefined) await this.#clock.settle(missing);
    const rows = new Float32Array(this.#stepper.width);
    for (const payment of events) {
      this.#stepper.step(this.#table.change(payment.user), payment, rows, 0);
      this.#log.push(payment);
    }
  }

  async #storeTaken(fault: WriteFault | undefined): Promise<void> {
    if (this.#taking === undefined) return;
    const snapshot = await this.#clock.settle(this.#taking);
    this.#taking = undefined;
    this.#fault = fault;
    const storing = this.#table.store(snapshot);
    if (fault === undefined) await storing;
    else await expect(storing).rejects.toMatchObject({ code: 'DISK_FULL' });
    this.#fault = undefined;
    await this.check();
  }

  /** S1, S2, S5: what is stored is the model's state at the stored offset, and the meta says so. */
  async check(): Promise<void> {
    const { meta } = this.#store;
    const expected = modelAt(this.#log.slice(0, this.#table.storedOffset));
    expect(await imageOf(this.#store)).toEqual(expected);
    expect(meta?.nextOffset ?? 0).toBe(this.#table.storedOffset);
    const counted = await digestOf(this.#store.scan(1 << 20));
    expect(meta?.actorCount ?? 0).toBe(counted.actorCount);
    if (meta !== undefined) expect(meta.digest).toBe(counted.digest);
  }

  /** What was stored on the way leaves no trace in the end: same events, same digest. */
  async finish(): Promise<{ readonly digest: string; readonly log: readonly Tally[] }> {
    await this.#storeTaken(undefined);
    await this.run({ kind: 'snapshot' });
    await this.#storeTaken(undefined);
    return { digest: this.#store.meta?.digest ?? '', log: this.#log };
  }
}

test('S1, S2, S5: what is stored at an offset is the fold of the events below it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), async (commands) => {
      const world = new World();
      await world.open();
      for (const next of commands) await world.run(next);
      const { digest, log } = await world.finish();
      const straight = new World();
      await straight.open();
      if (log.length > 0) await straight.run({ kind: 'pay', events: log });
      expect((await straight.finish()).digest).toBe(digest);
    }),
    { numRuns: 200 },
  );
});
