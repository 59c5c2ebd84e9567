/**
 * One life of the simulated world, from its seed: payments, faults, and then a comparison with the
 * oracle.
 */
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { verifyCheckpoint } from '../../checkpoints/verify.ts';
import { ALERTS_TOPIC, SCORED_TOPIC } from '../../operators/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { DigestSum } from '../../state/digest.ts';
import { decodeMeta } from '../../state/store-meta.ts';
import { openMemoryObjectStore } from '../support/memory-object-store.ts';
import { type Expected, expectedOf, recordsOf } from './oracle.ts';
import { simPayments, simProfileRecords } from './payments.ts';
import {
  APPLICATION,
  DEAD_LETTERS,
  type Faults,
  INPUT,
  PARTITIONS,
  type Release,
  World,
} from './world.ts';

export const ROUGH: Faults = {
  commitFailsBefore: 0.03,
  commitFailsAfter: 0.03,
  storeWriteFails: 0.05,
  objectStoreFails: 0.05,
  scoringFails: 0.01,
  workerDies: 0.002,
  processDies: 0.002,
  diskIsLost: 0.2,
  writesAreTorn: 0.3,
  powerIsCut: 0.2,
  restoreDies: 0.05,
};

const USERS = 9;
const PAYMENTS = 60;
const STEPS_MAX = 60_000;

export interface Outcome {
  readonly happened: Readonly<Record<string, number>>;
  readonly steps: number;
}

/** @throws with what differs; the caller says which seed it was */
export async function runSeed(
  seed: number,
  faults = ROUGH,
  releases?: readonly Release[],
): Promise<Outcome> {
  const world = new World(seed, faults, releases);
  const { random } = world;
  await world.prepare();
  const profiles = simProfileRecords(USERS);
  for (const topic of ['users', 'cards'] as const) {
    for (const { partition, ...record } of profiles[topic]) {
      await world.produce(topic, partition, [record]);
    }
  }
  const coming = simPayments(random, PAYMENTS, USERS);
  const start = () => world.start(1 + random.int(PARTITIONS));
  start();
  const until = STEPS_MAX;
  while (coming.length > 0 || !(await isDone(world))) {
    if (coming.length > 0 && random.chance(0.08)) {
      const [first] = coming;
      const together = coming.splice(0, 1 + random.int(6));
      const same = together.filter(({ partition }) => partition === first?.partition);
      coming.unshift(...together.filter((record) => !same.includes(record)));
      await world.produce(INPUT, first?.partition as number, same);
    }
    if (!(await world.step())) start();
    if (coming.length === 0 && world.scheduler.steps > until / 2) world.calmDown();
    if (world.scheduler.steps > until) throw new Error(`not done after ${until} steps`);
    if (world.failedPartitions > 0) throw new Error('a partition has failed for good');
  }
  world.calmDown();
  await world.stop();
  await compare(world, expectedOf(world.log));
  return { happened: world.happened, steps: world.scheduler.steps };
}

async function isDone(world: World): Promise<boolean> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: INPUT,
    partition,
  }));
  const committed = await world.memoryLog.committed(APPLICATION, partitions);
  for (const [i, of] of partitions.entries()) {
    const { highWatermark } = await world.memoryLog.offsets(of);
    if ((committed[i] ?? 0) < highWatermark) return false;
  }
  return true;
}

async function compare(world: World, expected: Expected): Promise<void> {
  const checkpoints = openCheckpoints({
    store: openMemoryObjectStore({ objects: world.objects }),
    application: APPLICATION,
    clock: systemClock,
    keepCount: 2,
    compactAfterSegments: 3,
    backlogBytesMax: 3000,
  });
  for (let partition = 0; partition < PARTITIONS; partition++) {
    same(`scored-${partition}`, scoredOf(world, partition), expected.scored[partition]);
    same(`alerts-${partition}`, alertsOf(world, partition), expected.alerts[partition]);
    same(`dead letters-${partition}`, deadOf(world, partition), expected.deadLetters[partition]);
    const end = expected.ends[partition];
    if (end === 0) continue;
    const bytes = world.disks.get(partition)?.meta;
    const meta = bytes && decodeMeta(bytes, 'sim');
    same(`local offset-${partition}`, meta?.nextOffset, end);
    same(`local digest-${partition}`, meta?.digest, expected.digests[partition]);
    const listed = await checkpoints.list({ topic: INPUT, partition });
    const manifests = listed.map((one) => ('manifest' in one ? one.manifest : undefined));
    same(`checkpoint offset-${partition}`, manifests[0]?.nextOffset, end);
    same(`checkpoint digest-${partition}`, manifests[0]?.digest, expected.digests[partition]);
    for (const manifest of manifests) {
      if (manifest === undefined) throw new Error('a manifest is damaged');
      const report = await verifyCheckpoint({ checkpoints, manifest, digester: new DigestSum() });
      same(`problems of checkpoint ${manifest.sequence}-${partition}`, report.problems, []);
    }
  }
}

function scoredOf({ log }: World, partition: number): string[] {
  return [...recordsOf(log, SCORED_TOPIC, partition)].map(({ value }) => {
    const { idx, score } = JSON.parse(String(value)) as { idx: number; score: number };
    return `${idx}:${Math.fround(score)}`;
  });
}

function alertsOf({ log }: World, partition: number): string[] {
  return [...recordsOf(log, ALERTS_TOPIC, partition)].map(
    ({ value }) => (JSON.parse(String(value)) as { id: string }).id,
  );
}

function deadOf({ log }: World, partition: number): number[] {
  return [...recordsOf(log, DEAD_LETTERS, partition)].map(
    ({ value }) => (JSON.parse(String(value)) as { offset: number }).offset,
  );
}

function same(what: string, actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}
