import { expect, test } from 'vitest';
import type { ActorState } from '../../src/core/flow.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { describeActor } from '../../state/actor-view.ts';
import { schemaId } from '../../state/schema.ts';
import { tallyAmounts, tallyCount, tallyFlow, tallyFlowOf } from '../support/tally-flow.ts';

const actorOf = (...cards: number[]): ActorState => ({
  root: { last: 60, states: [{ n: 3 }] },
  subs: new Map(
    cards.map((card) => [card, { last: 59, states: [{ sum: 1.5, recent: [1, 0.5] }] }]),
  ),
});

const codec = new ActorCodec(tallyFlow);
const schemas = codec.schemasWith({});
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('an actor is a version, a schema id and msgpack', () => {
  expect(schemaId(tallyFlow.stateSchema).toString(16)).toBe('648a3a6a');
  const header = '01' + '6a3a8a64';
  const root = '3c' + '9103'; // 60, [3]
  // [1.5, [1, 0.5]]
  const amounts = '92' + 'cb3ff8000000000000' + '92' + '01' + 'cb3fe0000000000000';
  const subs = '91' + '93' + '02' + '3b' + '91' + amounts; // [[2, 59, [amounts]]]
  expect(hex(codec.encode(actorOf(2)))).toBe(`${header}93${root}${subs}`);
});

test('equal actors give equal bytes, whatever order their cards came in', () => {
  const bytes = codec.encode(actorOf(5, 300, 2));
  expect(hex(codec.encode(actorOf(300, 2, 5)))).toBe(hex(bytes));
  expect([...codec.decode(1, bytes, schemas).subs.keys()]).toEqual([2, 5, 300]);
});

test('what is encoded comes back', () => {
  const actor = actorOf(0, 7);
  expect(codec.decode(1, codec.encode(actor), schemas)).toEqual(actor);
});

test('equal numbers give equal bytes, whether they were computed as integers or not', () => {
  const withSum = (sum: number): ActorState => ({
    root: { last: 0, states: [{ n: 1 }] },
    subs: new Map([[0, { last: 0, states: [{ sum, recent: [] }] }]]),
  });
  expect(hex(codec.encode(withSum(0.5 + 1.5)))).toBe(hex(codec.encode(withSum(2))));
  expect(hex(codec.encode(withSum(-0)))).toBe(hex(codec.encode(withSum(0))));
  for (const sum of [0.1 + 0.2, 2 ** 40, -(2 ** 40) - 0.5, 1e300, 2 ** 32, -(2 ** 31) - 1]) {
    const { subs } = codec.decode(1, codec.encode(withSum(sum)), schemas);
    expect(subs.get(0)?.states).toEqual([{ sum, recent: [] }]);
  }
});

test('encoding leaves earlier encodings as they are', () => {
  const first = codec.encode(actorOf(1));
  const before = hex(first);
  for (let i = 0; i < 1000; i++) codec.encode(actorOf(i, i + 1, i + 2));
  expect(hex(first)).toBe(before);
});

test('state of version 1 is read by version 3, through the migration of each version', () => {
  const v3 = {
    ...tallyAmounts,
    version: 3,
    create: () => ({ cents: 0, recent: [] }),
    encode: (state: { cents: number; recent: number[] }) => [state.cents, state.recent],
    decode: ([cents, recent]: [number, number[]]) => ({ cents, recent }),
    migrations: {
      1: ([sum, recent]: [number, number[]]) => [sum * 100, recent],
      2: ([cents, recent]: [number, number[]]) => [cents, recent.slice(-1)],
    },
  };
  const newer = new ActorCodec(tallyFlowOf(tallyCount, v3));
  const read = newer.decode(1, codec.encode(actorOf(4)), newer.schemasWith(schemas));
  expect(read.root).toEqual({ last: 60, states: [{ n: 3 }] });
  expect(read.subs.get(4)).toEqual({ last: 59, states: [{ cents: 150, recent: [0.5] }] });
});

test('an operator that is gone is dropped, one that is new begins empty', () => {
  const fresh = { ...tallyCount, name: 'fresh', features: ['fresh'], create: () => ({ n: 40 }) };
  const bytes = codec.encode(actorOf(4));
  const swapped = new ActorCodec(tallyFlowOf(fresh, tallyCount));
  expect(swapped.decode(1, bytes, schemas)).toEqual({
    root: { last: 60, states: [{ n: 40 }, { n: 3 }] },
    subs: new Map([[4, { last: 59, states: [] }]]),
  });
});

test('STATE_SCHEMA_UNKNOWN names the operator and both versions when state is newer', () => {
  const v2 = { ...tallyCount, version: 2, migrations: { 1: (n: unknown) => n } };
  const newer = new ActorCodec(tallyFlowOf(v2, tallyAmounts));
  const written = newer.schemasWith(schemas);
  expect(() => codec.check(written)).toThrow(
    'state of operator count was written by version 2; this is version 1',
  );
  expect(() => codec.decode(1, newer.encode(actorOf(4)), written)).toThrow(
    expect.objectContaining({ code: 'STATE_SCHEMA_UNKNOWN' }),
  );
});

test('STATE_SCHEMA_UNKNOWN names the version whose migration is missing', () => {
  const v3 = { ...tallyCount, version: 3, migrations: { 1: (n: unknown) => n } };
  expect(() => new ActorCodec(tallyFlowOf(v3, tallyAmounts)).check(schemas)).toThrow(
    'state of operator count was written by version 1; version 3 has no migration from version 2',
  );
});

test('STATE_SCHEMA_UNKNOWN when the dictionary lacks the schema or the format is newer', () => {
  const other = new ActorCodec(tallyFlowOf(tallyCount));
  const bytes = codec.encode(actorOf(4));
  expect(() => other.decode(12, bytes, {})).toThrow('which the store does not list');
  const newer = bytes.slice();
  newer[0] = 2;
  expect(() => codec.decode(12, newer, schemas)).toThrow(
    'actor 12 is stored in format 2; this program reads format 1',
  );
});

test('STATE_CORRUPT names the actor whose bytes are damaged', () => {
  const bytes = codec.encode(actorOf(4));
  const corrupt = (damaged: Uint8Array) =>
    expect(() => codec.decode(12, damaged, schemas)).toThrow(
      expect.objectContaining({
        code: 'STATE_CORRUPT',
        message: expect.stringContaining('actor 12') as string,
      }),
    );
  corrupt(bytes.slice(0, 3));
  corrupt(bytes.slice(0, -4));
  corrupt(new Uint8Array([...bytes.subarray(0, 5), 0xc0]));
  corrupt(new Uint8Array([...bytes.subarray(0, 5), 0x93, 1, 0x91, 0xa1, 0x41, 0x90]));
});

test('an actor for people has the names of its operators and the cards under their key', () => {
  expect(describeActor(actorOf(9, 4), tallyFlow)).toEqual({
    last: 60,
    states: { count: 3 },
    cards: {
      4: { last: 59, states: { amounts: [1.5, [1, 0.5]] } },
      9: { last: 59, states: { amounts: [1.5, [1, 0.5]] } },
    },
  });
});
