/**
 * Actors' memory with the operators of R1:
 *   node --expose-gc dist/test/bench/state.js [codec | heap | large] [actors=5000000] [dir=tmp]
 * codec  CPU µs and bytes of one typical actor (3 cards, 20 payments in each one's week, 32
 * merchants each). heap   heap bytes of an actor by its encoded bytes: where ActorCache's constants
 * come from. large  more actors than memory: 8 partitions, 256 MiB of cache over all; fill, random
 * access, RSS.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cardFraudFlow, type Payment } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { systemClock } from '../../src/core/clock.ts';
import { type ActorState, Stepper } from '../../src/core/flow.ts';
import { seeded } from '../../src/core/random.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { type CachedActorTable, createActorTable } from '../../state/actor-table.ts';
import { hashActor } from '../../state/digest.ts';
import { type RocksDbStore, RocksDbStores } from '../../state/rocksdb-store.ts';

const PARTITIONS = 8;
const CACHE_BYTES_MAX = 256 << 20;
const ROCKS_CACHE_BYTES = 64 << 20;
const DIRTY_BYTES_MAX = 32 << 20;
const BATCH = 1024;
const RANDOM_PAYMENTS = 400_000;

const random = seeded(1);
const flow = cardFraudFlow({ parse: parseJsonBatch });
const stepper = new Stepper(flow);
const codec = new ActorCodec(flow);
const rows = new Float32Array(stepper.width);

function payment(user: number, card: number, minute: number): Payment {
  return {
    idx: 0,
    user,
    card,
    minute,
    year: 2015,
    hour: Math.floor(minute / 60) % 24,
    dayOfWeek: 0,
    amount: random.int(50_000) / 100,
    useChip: 'Chip Transaction',
    merchantName: '',
    merchantHigh: random.int(1 << 30),
    merchantLow: random.int(2 ** 32),
    merchantCity: 'La Verne',
    merchantState: 'CA',
    zip: random.pick([91750, 10001, 60601, 94110, -1]),
    mcc: 5300,
    errors: '',
  };
}

/** Its cards have paid so often, every eight hours: 21 payments fill a week. */
function actorWith(payments: number, cards: number): ActorState {
  const actor = stepper.createActor();
  for (let i = 0; i < payments; i++) {
    for (let card = 0; card < cards; card++) {
      stepper.step(actor, payment(1, card, 24_000_000 + 480 * i), rows, 0);
    }
  }
  return actor;
}

function cpuUs(times: number, run: (i: number) => void): string {
  for (let i = 0; i < times; i++) run(i);
  const start = process.cpuUsage();
  for (let i = 0; i < times; i++) run(i);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) / times).toFixed(2);
}

function benchCodec(): void {
  const actor = actorWith(40, 3);
  const bytes = codec.encode(actor);
  const schemas = codec.schemasWith({});
  const lanes = new Int32Array(4);
  console.log({
    encodedBytes: bytes.byteLength,
    encodeUs: cpuUs(20_000, () => codec.encode(actor)),
    decodeUs: cpuUs(20_000, () => codec.decode(1, bytes, schemas)),
    hashUs: cpuUs(20_000, (i) => hashActor(i, bytes, lanes)),
  });
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with node --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

function benchHeap(): void {
  const schemas = codec.schemasWith({});
  // Or the collector would take the last line's actors during this one's weighing.
  const kept: ActorState[][] = [];
  for (const [payments, cards] of [
    [0, 0],
    [1, 1],
    [1, 3],
    [5, 3],
    [20, 1],
    [40, 3],
  ] as const) {
    const bytes = codec.encode(actorWith(payments, cards));
    const weigh = (make: () => ActorState): number => {
      const before = heapBytes();
      kept.push(Array.from({ length: 3000 }, make));
      return Math.round((heapBytes() - before) / 3000);
    };
    console.log({
      payments,
      cards,
      encodedBytes: bytes.byteLength,
      loadedHeapBytes: weigh(() => codec.decode(1, bytes, schemas)),
      steppedHeapBytes: weigh(() => actorWith(payments, cards)),
    });
  }
}

interface Partition {
  readonly store: RocksDbStore;
  readonly table: CachedActorTable;
  offset: number;
}

async function openAll(dir: string): Promise<Partition[]> {
  const stores = new RocksDbStores({
    dir,
    clock: systemClock,
    cacheBytes: ROCKS_CACHE_BYTES / PARTITIONS,
    writeBufferBytes: 4 << 20,
  });
  const partitions: Partition[] = [];
  for (let i = 0; i < PARTITIONS; i++) {
    const store = await stores.open(i);
    const table = createActorTable({
      store,
      codec,
      clock: systemClock,
      cacheBytesMax: CACHE_BYTES_MAX / PARTITIONS,
      createActor: () => stepper.createActor(),
    });
    partitions.push({ store, table, offset: 0 });
  }
  return partitions;
}

let rssMax = 0;
let pauseMsMax = 0;

async function stepBatch(partition: Partition, users: readonly number[]): Promise<void> {
  const { table } = partition;
  await table.prefetch(users);
  for (const user of users) {
    stepper.step(
      table.change(user),
      payment(user, random.int(3), 24_000_000 + partition.offset),
      rows,
      0,
    );
  }
  partition.offset += users.length;
  table.evict();
  if (table.dirtyBytes > DIRTY_BYTES_MAX) await storeAll(partition);
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
}

async function storeAll({ table, offset }: Partition): Promise<void> {
  const snapshot = await table.snapshot(offset);
  pauseMsMax = Math.max(pauseMsMax, table.stats.snapshotPauseMsMax);
  await table.store(snapshot);
}

async function timed(what: string, payments: number, run: () => Promise<void>): Promise<void> {
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  await run();
  const cpu = process.cpuUsage(startCpu);
  console.log({
    what,
    payments,
    seconds: ((performance.now() - startMs) / 1000).toFixed(1),
    cpuUsAPayment: ((cpu.user + cpu.system) / payments).toFixed(1),
    rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
    rssMaxMiB: Math.round(rssMax / 2 ** 20),
    pauseMsMax: pauseMsMax.toFixed(1),
  });
  pauseMsMax = 0;
}

async function benchLarge(actors: number, dir: string): Promise<void> {
  const partitions = await openAll(dir);
  const perPartition = Math.floor(actors / PARTITIONS);
  const userOf = (i: number, partition: number) => i * PARTITIONS + partition;
  await timed('fill', actors, async () => {
    for (let from = 0; from < perPartition; from += BATCH) {
      const length = Math.min(BATCH, perPartition - from);
      for (const [p, partition] of partitions.entries()) {
        await stepBatch(
          partition,
          Array.from({ length }, (_, i) => userOf(from + i, p)),
        );
      }
    }
    for (const partition of partitions) await storeAll(partition);
  });
  await timed('random access', RANDOM_PAYMENTS, async () => {
    for (let done = 0; done < RANDOM_PAYMENTS; done += BATCH) {
      const p = (done / BATCH) % PARTITIONS;
      const users = Array.from({ length: BATCH }, () => userOf(random.int(perPartition), p));
      await stepBatch(partitions[p] as Partition, users);
    }
    for (const partition of partitions) await storeAll(partition);
  });
  for (const { store, table } of partitions.slice(0, 1)) {
    console.log({ ...table.stats }, store.rocksBytes(), store.meta?.actorCount);
  }
  for (const { store } of partitions) await store.close();
}

const [mode = 'codec', actors = '5000000', parent = tmpdir()] = process.argv.slice(2);
if (mode === 'codec') benchCodec();
else if (mode === 'heap') benchHeap();
else {
  const dir = mkdtempSync(join(parent, 'shrike-state-'));
  try {
    await benchLarge(Number(actors), dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
