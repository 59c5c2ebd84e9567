/** The levels of an application's state: what is agreed on, and who must not start. */
import { expect, test } from 'vitest';
import { StateLevels } from '../../checkpoints/state-levels.ts';
import { cardFraudFlow, ZipTable } from '../../operators/index.ts';
import { agreedSchema } from '../../src/agreed-schema.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { loadConfig } from '../../src/config/loader.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { type LeveledFlow, levelOf, writeSchemaOf } from '../../state/write-schema.ts';
import { openMemoryObjectStore } from '../support/memory-object-store.ts';
import { nextRelease } from '../support/next-release.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { tallyAmounts, tallyCount, tallyFlowOf } from '../support/tally-flow.ts';

const zips = ZipTable.parse('zip,lat,lon\n10001,40.75,-73.99');
const flow = cardFraudFlow({ parse: parseJsonBatch, zips });
const next = nextRelease(flow);
const by = { program: '0.1.0', createdAtMs: 7 };
const KEY = 'shrike/transactions/levels/0000000001.json';

/**
 * A change of this table is a new state level: raise STATE_LEVEL in operators/card-fraud.ts, and
 * write the new operators here. operators/README.md says what a release may change.
 */
test('state level 1 is these operators', () => {
  expect(flow.stateLevel).toBe(1);
  expect(flow.stateSchema.map(({ key, name, version }) => `${key} ${name} ${version}`)).toEqual([
    'user user_velocity 1',
    'card card_velocity 2',
    'card spend_profile 1',
    'card recency 1',
    'card last_merchant 1',
    'card geo_drift 1',
  ]);
});

const versionOf = (schema: readonly { name: string; version: number }[], name: string) =>
  schema.find((one) => one.name === name)?.version;

test('U1: a new release writes the versions of the level in force, and its own once that is raised', () => {
  const at = (level: LeveledFlow) => writeSchemaOf(next, levelOf(level, by));
  expect(versionOf(at(flow), 'card_velocity')).toBe(2);
  expect(versionOf(at(next), 'card_velocity')).toBe(3);
  expect(versionOf(writeSchemaOf(next, undefined), 'card_velocity')).toBe(2);
});

test('U3: STATE_SCHEMA_UNKNOWN names both levels when the group is above the program', () => {
  expect(() => writeSchemaOf(flow, levelOf(next, { ...by, program: '0.2.0' }))).toThrow(
    expect.objectContaining({
      code: 'STATE_SCHEMA_UNKNOWN',
      message:
        'the state is at level 2, finalised with Shrike 0.2.0; this program knows levels up to 1',
    }),
  );
});

test('STATE_SCHEMA_UNKNOWN when a release was skipped, and its downgrade is gone', () => {
  const skipping = { ...tallyCount, version: 3, downgrades: { 2: (n: unknown) => n } };
  const level = levelOf(tallyFlowOf(tallyCount, tallyAmounts), by);
  expect(() => writeSchemaOf(tallyFlowOf(skipping, tallyAmounts), level)).toThrow(
    expect.objectContaining({
      code: 'STATE_SCHEMA_UNKNOWN',
      message:
        'state of operator count is written in version 1; version 3 has no downgrade to version 1',
    }),
  );
});

test('an operator goes in two releases: without features first, then it may be missing', () => {
  const retired = { ...tallyAmounts, features: [] };
  const withoutIt = tallyFlowOf(tallyCount);
  expect(() =>
    writeSchemaOf(withoutIt, levelOf(tallyFlowOf(tallyCount, tallyAmounts), by)),
  ).toThrow(
    'the state is at level 1, which has the operator amounts; this program, of level 1, lacks it',
  );
  expect(writeSchemaOf(withoutIt, levelOf(tallyFlowOf(tallyCount, retired), by))).toEqual([
    { name: 'count', key: 'user', version: 1 },
  ]);
});

test('an operator that is new is written at once: whoever does not know it drops it', () => {
  const level = levelOf(tallyFlowOf(tallyCount), by);
  expect(writeSchemaOf(tallyFlowOf(tallyCount, tallyAmounts), level)).toEqual([
    { name: 'count', key: 'user', version: 1 },
    { name: 'amounts', key: 'card', version: 1 },
  ]);
});

const levelsIn = (store: ObjectStore) =>
  new StateLevels({ store, application: 'shrike', topic: 'transactions' });

test('U2: the first to write a level is believed, and the highest level is in force', async () => {
  const levels = levelsIn(openMemoryObjectStore());
  expect(await levels.newest()).toBeUndefined();
  const first = levelOf(flow, by);
  expect(await levels.raiseTo(first)).toEqual(first);
  expect(await levels.raiseTo({ ...first, program: 'late' })).toEqual(first);
  const second = levelOf(next, by);
  expect(await levels.raiseTo(second)).toEqual(second);
  expect(await levels.raiseTo(first)).toEqual(second);
});

test('a level of a format to come is STATE_SCHEMA_UNKNOWN, and text that is none CHECKPOINT_CORRUPT', async () => {
  const store = openMemoryObjectStore();
  const put = (text: string) => store.put(KEY, new TextEncoder().encode(text));
  await put('{"formatVersion":2}');
  await expect(levelsIn(store).newest()).rejects.toMatchObject({ code: 'STATE_SCHEMA_UNKNOWN' });
  for (const text of ['{"formatVersion":1,"level":1}', 'null', '{"form']) {
    await put(text);
    await expect(levelsIn(store).newest()).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      message: `${KEY} is no state level`,
    });
  }
});

const { config } = loadConfig({ env: {}, flags: {}, flagNames: {}, otherVariables: [] });

function agree(of: LeveledFlow, store: ObjectStore, clock = systemClock) {
  const told: string[] = [];
  const logger = { event: (_level: string, event: string) => void told.push(event) };
  return { told, agreed: agreedSchema({ config, store, flow: of, clock, logger }) };
}

test('the first process brings its application to its own level; the next release keeps to that and says so', async () => {
  const store = openMemoryObjectStore();
  expect(await agree(flow, store).agreed).toEqual(flow.stateSchema);
  const { told, agreed } = agree(next, store);
  expect(await agreed).toEqual(flow.stateSchema);
  expect(told).toEqual(['state is written at the level before, until it is finalised']);
  await levelsIn(store).raiseTo(levelOf(next, by));
  expect(await agree(next, store).agreed).toEqual(next.stateSchema);
  await expect(agree(flow, store).agreed).rejects.toMatchObject({ code: 'STATE_SCHEMA_UNKNOWN' });
});

test('a store that fails, or does not answer, keeps nobody from starting: the oldest form is written', async () => {
  const failing = openMemoryObjectStore({
    faults: {
      before: () => {
        throw new Error('down');
      },
    },
  });
  const { told, agreed } = agree(next, failing);
  expect(await agreed).toEqual(flow.stateSchema);
  expect(told).toEqual(['the state level is not known; state is written in its oldest form']);
  const silent = openMemoryObjectStore({ faults: { before: () => new Promise(() => undefined) } });
  const clock = new SteppedClock();
  const waiting = agree(next, silent, clock);
  expect(await clock.settle(waiting.agreed)).toEqual(flow.stateSchema);
});
