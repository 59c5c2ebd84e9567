import { describe, expect, test } from 'vitest';
import {
  manifestKey,
  manifestSequence,
  partitionPrefix,
  segmentKey,
  segmentName,
} from '../../checkpoints/keys.ts';
import {
  isBaseDue,
  nextManifest,
  planRemoval,
  planRetention,
  planSeal,
} from '../../checkpoints/protocol.ts';
import type { Manifest } from '../../src/core/checkpoint.ts';
import type { Snapshot } from '../../src/core/state.ts';

const SHA = '0123456789abcdef'.repeat(4);
const PREFIX = 'shrike/transactions/00007/';
const DIGEST_A = 'a'.repeat(32);
const DIGEST_B = 'b'.repeat(32);

const segment = (sequence: number, bytes = 10, part = 0) => ({
  key: segmentKey(PREFIX, { sequence, part, sha256: SHA }),
  bytes,
  sha256: SHA,
  actorCount: 1,
});

const manifest = (sequence: number, over: Partial<Manifest> = {}): Manifest => ({
  formatVersion: 1,
  application: 'shrike',
  topic: 'transactions',
  partition: 7,
  sequence,
  nextOffset: sequence * 100,
  createdAtMs: 1_000,
  savepoint: null,
  digest: DIGEST_A,
  actorCount: 3,
  schemas: {},
  segments: [segment(sequence)],
  baseCount: 1,
  ...over,
});

const snapshot = (fromOffset: number, nextOffset: number, changedCount: number): Snapshot => ({
  meta: { formatVersion: 1, nextOffset, digest: DIGEST_B, actorCount: 3, schemas: {} },
  fromOffset,
  changed: new Uint8Array(changedCount * 20),
  changedCount,
});

test('keys are as documented, and read back', () => {
  expect(partitionPrefix('shrike', { topic: 'transactions', partition: 7 })).toBe(PREFIX);
  expect(manifestKey(PREFIX, 12)).toBe('shrike/transactions/00007/manifests/0000000012.json');
  const key = segmentKey(PREFIX, { sequence: 12, part: 3, sha256: SHA });
  expect(key).toBe('shrike/transactions/00007/segments/0000000012-0003-0123456789abcdef.seg');
  expect(segmentName(key)).toEqual({ sequence: 12, part: 3, sha256: '0123456789abcdef' });
  expect(manifestSequence(manifestKey(PREFIX, 12))).toBe(12);
  expect(manifestSequence(`${PREFIX}manifests/12.json`)).toBeUndefined();
  expect(segmentName(`${PREFIX}segments/notes.txt`)).toBeUndefined();
});

describe('what the next seal writes', () => {
  const base = { savepoint: undefined, compactAfterSegments: 2 };
  const previous = manifest(1); // ends at offset 100
  test.each([
    ['the first one scans the state', undefined, snapshot(50, 100, 1), 'base-of-scan'],
    ['the first one has all in the snapshot', undefined, snapshot(0, 9, 3), 'base-of-snapshot'],
    ['changes follow the last checkpoint', previous, snapshot(100, 200, 2), 'increment'],
    ['every actor changed', previous, snapshot(100, 200, 3), 'base-of-snapshot'],
    ['only the offset moved', previous, snapshot(100, 200, 0), 'increment'],
    ['there is a hole before the snapshot', previous, snapshot(120, 200, 2), 'base-of-scan'],
    ['the snapshot starts earlier', previous, snapshot(80, 200, 2), 'base-of-scan'],
  ] as const)('%s', (_, before, next, kind) => {
    const { fromOffset } = next;
    const facts = { ...base, previous: before, snapshot: next, fromOffset };
    expect(planSeal(facts).kind).toBe(kind);
  });

  test('nothing when nothing happened, unless somebody asked for a savepoint', () => {
    const facts = {
      ...base,
      previous: manifest(1),
      snapshot: snapshot(100, 100, 0),
      fromOffset: 100,
    };
    expect(planSeal(facts).kind).toBe('nothing');
    expect(planSeal({ ...facts, savepoint: 'before-upgrade' }).kind).toBe('increment');
    const long = manifest(1, { segments: [segment(1), segment(2), segment(3)] });
    expect(planSeal({ ...facts, previous: long, savepoint: 'mine' }).kind).toBe('increment');
  });

  test('an empty state is a base without segments', () => {
    const empty: Snapshot = {
      meta: { formatVersion: 1, nextOffset: 5, digest: DIGEST_A, actorCount: 0, schemas: {} },
      fromOffset: 0,
      changed: new Uint8Array(),
      changedCount: 0,
    };
    const facts = {
      ...base,
      previous: undefined,
      snapshot: empty,
      fromOffset: 0,
    };
    expect(planSeal(facts).kind).toBe('base-of-snapshot');
  });
});

describe('a base is due', () => {
  const MIB = 1 << 20;
  const with_ = (baseBytes: number, ...increments: ReturnType<typeof segment>[]) =>
    manifest(1, { segments: [segment(1, baseBytes), ...increments] });
  test.each([
    ['not after fewer increments', with_(MIB, segment(2), segment(3)), 3, false],
    ['after so many increments', with_(MIB, segment(2), segment(3)), 2, true],
    ['parts of one increment count once', with_(MIB, segment(2), segment(2, 10, 1)), 2, false],
    ['not at twice the bytes of the base', with_(MIB, segment(2, 2 * MIB)), 9, false],
    ['beyond twice the bytes of the base', with_(MIB, segment(2, 2 * MIB + 1)), 9, true],
    ['not below 1 MiB of increments', with_(10, segment(2, MIB)), 9, false],
  ] as const)('%s', (_, previous, compactAfterSegments, due) => {
    expect(isBaseDue(previous, compactAfterSegments)).toBe(due);
  });
});

test('an increment goes after the segments of the manifest before; a base takes their place', () => {
  const of = {
    application: 'shrike',
    topic: 'transactions',
    partition: 7,
    sequence: 2,
    createdAtMs: 2_000,
  };
  const next = { of, snapshot: snapshot(100, 200, 2), segments: [segment(2)] };
  const onto = nextManifest({ ...next, savepoint: 'mine', onto: manifest(1) });
  expect(onto).toEqual({
    formatVersion: 1,
    ...of,
    nextOffset: 200,
    savepoint: 'mine',
    digest: DIGEST_B,
    actorCount: 3,
    schemas: {},
    segments: [segment(1), segment(2)],
    baseCount: 1,
  });
  const base = nextManifest({ ...next, savepoint: undefined, onto: undefined });
  expect([base.segments, base.baseCount, base.savepoint]).toEqual([[segment(2)], 1, null]);
});

describe('retention', () => {
  const listed = (one: Manifest) => ({ key: manifestKey(PREFIX, one.sequence), manifest: one });
  const damaged = (sequence: number) => ({ key: manifestKey(PREFIX, sequence) });
  const keys = (...sequences: number[]) => sequences.map((one) => segment(one).key);
  const manifests = (...sequences: number[]) => sequences.map((one) => manifestKey(PREFIX, one));

  test('keeps the newest, and the segments they name, however old', () => {
    const chained = manifest(3, { segments: [segment(1), segment(3)] });
    const facts = [manifest(1), manifest(2), chained].map(listed);
    expect(planRetention({ manifests: facts, segmentKeys: keys(1, 2, 3), keepCount: 1 })).toEqual({
      manifestKeys: manifests(1, 2),
      segmentKeys: keys(2),
    });
  });

  test('keeps savepoints, not counting them out of reach', () => {
    const facts = [manifest(1, { savepoint: 'mine' }), manifest(2), manifest(3)].map(listed);
    expect(planRetention({ manifests: facts, segmentKeys: keys(1, 2, 3), keepCount: 1 })).toEqual({
      manifestKeys: manifests(2),
      segmentKeys: keys(2),
    });
  });

  test('always keeps the newest', () => {
    const facts = [listed(manifest(1))];
    expect(planRetention({ manifests: facts, segmentKeys: keys(1), keepCount: 0 })).toEqual({
      manifestKeys: [],
      segmentKeys: [],
    });
  });

  test('deletes orphans below the newest, and leaves uploads above it alone', () => {
    const facts = [listed(manifest(5))];
    const orphan = segment(4, 10, 7).key;
    const segmentKeys = [orphan, ...keys(5, 6)];
    expect(planRetention({ manifests: facts, segmentKeys, keepCount: 3 })).toEqual({
      manifestKeys: [],
      segmentKeys: [orphan],
    });
  });

  test('a manifest that cannot be read protects what it may name, until it is old', () => {
    const facts = [listed(manifest(1)), damaged(2), listed(manifest(3)), listed(manifest(4))];
    const segmentKeys = keys(1, 2, 3, 4);
    expect(planRetention({ manifests: facts, segmentKeys, keepCount: 3 })).toEqual({
      manifestKeys: [],
      segmentKeys: [],
    });
    expect(planRetention({ manifests: facts, segmentKeys, keepCount: 2 })).toEqual({
      manifestKeys: manifests(1, 2),
      segmentKeys: keys(1, 2),
    });
  });

  test('deletes nothing when no manifest can be read, and never what is no object of ours', () => {
    const segmentKeys = [...keys(1), `${PREFIX}segments/notes.txt`];
    expect(planRetention({ manifests: [damaged(1)], segmentKeys, keepCount: 1 })).toEqual({
      manifestKeys: [],
      segmentKeys: [],
    });
    const notes = { key: `${PREFIX}manifests/notes.txt` };
    const facts = [notes, listed(manifest(2))];
    expect(planRetention({ manifests: facts, segmentKeys, keepCount: 1 })).toEqual({
      manifestKeys: [],
      segmentKeys: keys(1),
    });
  });
});

describe('what deleting one checkpoint deletes', () => {
  const at = (sequence: number, over: Partial<Manifest> = {}) => ({
    key: manifestKey(PREFIX, sequence),
    manifest: manifest(sequence, over),
  });
  const unreadable = (sequence: number) => ({ key: manifestKey(PREFIX, sequence) });
  const segmentKeys = [1, 2, 3, 4].map((sequence) => segment(sequence).key);

  test('C4: its manifest, then what no other names; an upload in progress stays', () => {
    const manifests = [at(1), at(2, { segments: [segment(1), segment(2)] }), at(3)];
    expect(planRemoval({ manifests, segmentKeys, sequence: 2 })).toEqual({
      kind: 'remove',
      manifestKeys: [manifestKey(PREFIX, 2)],
      segmentKeys: [segment(2).key],
    });
  });

  test('the newest stays, and so does the newest that can be read', () => {
    const manifests = [at(1), at(2), unreadable(3)];
    expect(planRemoval({ manifests, segmentKeys, sequence: 3 }).kind).toBe('needed');
    expect(planRemoval({ manifests, segmentKeys, sequence: 2 }).kind).toBe('needed');
    expect(planRemoval({ manifests, segmentKeys, sequence: 1 })).toEqual({
      kind: 'remove',
      manifestKeys: [manifestKey(PREFIX, 1)],
      // The one that cannot be read may name them all.
      segmentKeys: [],
    });
  });

  test('one that cannot be read may go, and one that is not there is unknown', () => {
    const manifests = [unreadable(1), at(2)];
    expect(planRemoval({ manifests, segmentKeys, sequence: 1 })).toEqual({
      kind: 'remove',
      manifestKeys: [manifestKey(PREFIX, 1)],
      segmentKeys: [segment(1).key],
    });
    expect(planRemoval({ manifests, segmentKeys, sequence: 7 }).kind).toBe('unknown');
  });
});
