/**
 * Random lives of a lake: a connector that repeats itself, objects that come late, runs that are
 * killed at any call of the store, two runs at a time in any order. After every change of a run
 * each line is in a source or an output (L1), and no output has what another one has (L5).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unreachable } from '../../src/core/assert.ts';
import { DAY_MS } from '../support/lake.ts';
import { type Kill, LakeWorld } from '../support/lake-world.ts';

const partition = fc.integer({ min: 0, max: 1 });
const count = fc.integer({ min: 1, max: 3 });
const kill = fc.option(
  fc.record({
    at: fc.integer({ min: 1, max: 40 }),
    when: fc.constantFrom('before' as const, 'after' as const),
  }),
  { nil: undefined, freq: 3 },
);

type Command =
  | { readonly kind: 'flush'; readonly partition: number; readonly counts: readonly number[] }
  | { readonly kind: 'rewind'; readonly partition: number; readonly by: number }
  | { readonly kind: 'put-back'; readonly nth: number; readonly count: number }
  | { readonly kind: 'junk'; readonly partition: number; readonly isDamaged: boolean }
  | { readonly kind: 'hours'; readonly hours: number }
  | { readonly kind: 'run'; readonly kill: Kill | undefined }
  | {
      readonly kind: 'two-runs';
      readonly seed: number;
      readonly kills: readonly (Kill | undefined)[];
    };

const plain: fc.Arbitrary<Command>[] = [
  fc.record({
    kind: fc.constant('flush' as const),
    partition,
    counts: fc.array(count, { minLength: 1, maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('hours' as const), hours: fc.integer({ min: 1, max: 90 }) }),
  fc.record({ kind: fc.constant('run' as const), kill }),
  fc.record({
    kind: fc.constant('two-runs' as const),
    seed: fc.integer(),
    kills: fc.tuple(kill, kill),
  }),
];
const odd: fc.Arbitrary<Command>[] = [
  fc.record({
    kind: fc.constant('rewind' as const),
    partition,
    by: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({
    kind: fc.constant('put-back' as const),
    nth: fc.nat({ max: 20 }),
    count,
  }),
  fc.record({ kind: fc.constant('junk' as const), partition, isDamaged: fc.boolean() }),
];

async function apply(world: LakeWorld, command: Command): Promise<void> {
  switch (command.kind) {
    case 'flush':
      for (const one of command.counts) world.flush(command.partition, one);
      return;
    case 'rewind':
      return world.rewind(command.partition, command.by);
    case 'put-back':
      return world.putBack(command.nth, command.count);
    case 'junk':
      return world.junk(command.partition, command.isDamaged);
    case 'hours':
      world.nowMs += (command.hours * DAY_MS) / 24;
      return;
    case 'run':
      await world.run(command.kill);
      return;
    case 'two-runs':
      return world.runTwo(command.seed, command.kills, () => world.flushBeside(0, 1));
    default:
      return unreachable(command);
  }
}

/** The lake after a life and two whole runs at its end, of which the second finds nothing to do. */
async function lived(commands: readonly Command[]) {
  const world = new LakeWorld();
  for (const command of commands) {
    await apply(world, command);
    expect(world.faults).toEqual([]);
  }
  // A later day of each partition lets go of the one before (L7).
  world.nowMs += DAY_MS;
  for (const lane of [0, 1]) world.flushNew(lane);
  world.nowMs += 3 * DAY_MS;
  const reports = await world.run();
  expect(world.faults).toEqual([]);
  const changes = world.changeCount;
  await world.run();
  return { world, reports: reports ?? [], isStill: world.changeCount === changes };
}

const lives = (commands: fc.Arbitrary<Command>[]) =>
  fc.array(fc.oneof(...commands), { minLength: 3, maxLength: 25 });

test('whatever happens nothing is lost, and nothing is in two outputs', async () => {
  await fc.assert(
    fc.asyncProperty(lives([...plain, ...plain, ...odd]), async (commands) => {
      const { world, reports, isStill } = await lived(commands);
      const isMended = reports.every(({ conflict }) => conflict === null);
      const left = (await world.inSources()).filter((one) => !one.startsWith('damaged'));
      // What was put back may want the name of an output that is there: then it stays.
      if (isMended) expect([isStill, left.length]).toEqual([true, 2]);
    }),
    { numRuns: 200 },
  );
}, 60_000);

test('while the connector repeats nothing each alert is once in the whole lake', async () => {
  await fc.assert(
    fc.asyncProperty(lives(plain), async (commands) => {
      const { world, isStill } = await lived(commands);
      expect(isStill).toBe(true);
      const sources = await world.inSources();
      expect(sources).toHaveLength(2);
      const all = [...sources, ...(await world.inOutputs())];
      expect(new Set(all).size).toBe(all.length);
      const flushed = commands.flatMap((one) => (one.kind === 'flush' ? one.counts : []));
      expect(all.length).toBeGreaterThanOrEqual(2 + flushed.reduce((sum, one) => sum + one, 0));
    }),
    { numRuns: 120 },
  );
}, 60_000);

test('a run killed at each call of the store in turn is gone on with by the next one', async () => {
  for (let at = 1, ended = false; !ended; at++) {
    for (const when of ['before', 'after'] as const) {
      const world = new LakeWorld();
      for (let i = 0; i < 8; i++) world.flush(0, 2);
      world.nowMs += 3 * DAY_MS;
      world.flush(0, 1);
      ended = (await world.run({ at, when })) !== undefined;
      await world.run();
      expect(world.faults).toEqual([]);
      expect(world.sourceKeys).toEqual(['fraud_alerts-0-16.jsonl.gz']);
      expect(await world.inOutputs()).toHaveLength(16);
    }
    expect(at).toBeLessThan(60);
  }
});

test('L3: two runs whose clocks differ by hours do no harm', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = new LakeWorld();
    // An object every two hours from noon to noon. What is 24 hours old at eight o'clock the day
    // after, and some hours later, ends in their midst.
    for (let i = 0; i < 12; i++, world.nowMs += DAY_MS / 12) world.flush(0, 1);
    world.nowMs += DAY_MS / 2;
    world.flush(0, 1);
    world.nowMs += DAY_MS / 3;
    await world.runTwo(seed, [undefined, undefined], () => undefined);
    expect(world.faults).toEqual([]);
    world.nowMs += 3 * DAY_MS;
    world.flush(0, 1);
    await world.run();
    expect(world.faults).toEqual([]);
    expect([await world.inOutputs(), world.sourceKeys].map(({ length }) => length)).toEqual([
      13, 1,
    ]);
  }
});

test('L7: a run that sees a newer object than the one beside it does no harm', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = new LakeWorld();
    for (let i = 0; i < 2; i++) world.flush(0, 3);
    world.nowMs += DAY_MS;
    // Some of it once more; the day of the highest offset is the one before.
    world.rewind(0, 5);
    world.flush(0, 2);
    world.nowMs += 4 * DAY_MS;
    await world.runTwo(seed, [undefined, undefined], () => world.flushNew(0));
    expect(world.faults).toEqual([]);
  }
});
