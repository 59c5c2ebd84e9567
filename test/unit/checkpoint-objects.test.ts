/** The two kinds of object: manifests and segments. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { regroupActors, splitActors } from '../../checkpoints/actor-block.ts';
import { encodeManifest, parseManifest } from '../../checkpoints/manifest.ts';
import { decodeSegment, encodeSegment } from '../../checkpoints/segment.ts';
import type { Manifest } from '../../src/core/checkpoint.ts';
import { systemClock } from '../../src/core/clock.ts';
import { packActors, unpackActors } from '../../src/core/packed-actors.ts';

const SHA = '0123456789abcdef'.repeat(4);
const KEY = 'shrike/transactions/00007/manifests/0000000012.json';
const MANIFEST: Manifest = {
  formatVersion: 1,
  application: 'shrike',
  topic: 'transactions',
  partition: 7,
  sequence: 12,
  nextOffset: 4711,
  createdAtMs: 1_700_000_000_000,
  savepoint: 'before "upgrade" ä',
  digest: 'a'.repeat(32),
  actorCount: 2,
  schemas: { s2: [], s1: [{ name: 'velocity', key: 'card', version: 1 }] },
  segments: [
    {
      key: 'shrike/transactions/00007/segments/0000000012-0000-0123456789abcdef.seg',
      bytes: 100,
      sha256: SHA,
      actorCount: 2,
    },
  ],
  baseCount: 1,
};

const text = (body: Uint8Array) => new TextDecoder().decode(body);
const bytes = (value: string) => new TextEncoder().encode(value);
const damageOf = (body: Uint8Array, key = KEY) => {
  const parsed = parseManifest(key, body);
  return 'damage' in parsed ? parsed.damage : undefined;
};

describe('manifest', () => {
  test('reads back as it was written, one text for one manifest', () => {
    const body = encodeManifest(MANIFEST);
    expect(parseManifest(KEY, body)).toEqual({ manifest: MANIFEST });
    const { segments, ...shuffled } = MANIFEST;
    expect(text(encodeManifest({ segments, ...shuffled }))).toBe(text(body));
    expect(text(body)).toMatch(/^\{\n {2}"formatVersion": 1,\n {2}"application": "shrike",\n/);
    expect(text(body)).toMatch(/\n {2}"sha256": "[0-9a-f]{64}"\n\}\n$/);
  });

  test('every truncation and every changed byte is damage', () => {
    const body = encodeManifest(MANIFEST);
    for (let at = 0; at < body.byteLength; at++) {
      expect(damageOf(body.subarray(0, at)), `cut at ${at}`).toBeTypeOf('string');
      const changed = body.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(damageOf(changed), `changed at ${at}`).toBeTypeOf('string');
    }
  });

  test('says what is wrong', () => {
    const body = text(encodeManifest(MANIFEST));
    const but = (from: string, to: string) => damageOf(bytes(body.replace(from, to)));
    expect(damageOf(new Uint8Array())).toMatch(/^not JSON \(0 bytes\): /);
    expect(damageOf(bytes('[]'))).toBe('not a JSON object');
    expect(but('"formatVersion": 1', '"formatVersion": 2')).toBe(
      'format version 2; this program reads 1',
    );
    expect(but('4711', '-1')).toBe('field nextOffset is missing or of the wrong type');
    expect(but('"baseCount": 1', '"baseCount": 2')).toBe(
      'baseCount is more than there are segments',
    );
    expect(but('4711', '4712')).toBe('its text does not match its own sha256');
    expect(damageOf(bytes(body), KEY.replace('12', '13'))).toBe(`it belongs at ${KEY}`);
    const [first] = MANIFEST.segments;
    const stray = { ...(first as NonNullable<typeof first>), key: 'elsewhere/x.seg' };
    expect(damageOf(encodeManifest({ ...MANIFEST, segments: [stray] }))).toBe(
      'it names the segment elsewhere/x.seg, which is no name',
    );
  });
});

const actor = (key: number, length: number) => [key, new Uint8Array(length).fill(key)] as const;
const keysOf = (actors: Uint8Array) => [...unpackActors(actors)].map(([key]) => key);

describe('segment', () => {
  const actors = packActors([actor(1, 5), actor(2, 0), actor(9, 300)]);

  test('reads back as it was written', async () => {
    const segment = await encodeSegment({ actors, count: 3 }, systemClock);
    expect([text(segment.body.subarray(0, 4)), segment.actorCount]).toEqual(['SHKS', 3]);
    const expected = { ...segment, bytes: segment.body.byteLength };
    expect(await decodeSegment(segment.body, expected, systemClock)).toEqual(actors);
  });

  test('a large one, which is compressed and hashed in turns, reads back too', async () => {
    const large = packActors(Array.from({ length: 300 }, (_, key) => actor(key, 2_000)));
    const segment = await encodeSegment({ actors: large, count: 300 }, systemClock);
    expect(segment.body.byteLength).toBeLessThan(100_000);
    const expected = { ...segment, bytes: segment.body.byteLength };
    const back = await decodeSegment(segment.body, expected, systemClock);
    expect(Buffer.from(large).equals(back as Uint8Array)).toBe(true);
  });

  test('says what differs from the manifest', async () => {
    const { body, sha256, actorCount } = await encodeSegment({ actors, count: 3 }, systemClock);
    const expected = { bytes: body.byteLength, sha256, actorCount };
    const damage = async (changed: Uint8Array, over = {}) =>
      decodeSegment(changed, { ...expected, ...over }, systemClock);
    expect(await damage(body.subarray(1))).toEqual({
      damage: `it has ${body.byteLength - 1} bytes instead of ${body.byteLength}`,
    });
    expect(await damage(body, { sha256: SHA })).toEqual({
      damage: `its sha256 is ${sha256} instead of ${SHA}`,
    });
    expect(await damage(body, { actorCount: 4 })).toEqual({
      damage: 'it holds 3 actors instead of 4',
    });
  });

  test.each([
    ['small', 3],
    ['large', 300],
  ])('a %s one that is not what it says of itself is damage, whatever its hash', async (_, n) => {
    const packed = packActors(Array.from({ length: n }, (__, key) => actor(key, 2_000)));
    const { body, actorCount } = await encodeSegment({ actors: packed, count: n }, systemClock);
    const damage = async (change: (view: DataView) => void) => {
      const changed = body.slice();
      change(new DataView(changed.buffer));
      const sha256 = createHash('sha256').update(changed).digest('hex');
      return decodeSegment(changed, { bytes: body.byteLength, sha256, actorCount }, systemClock);
    };
    const length = packed.byteLength;
    expect(await damage((view) => view.setUint8(0, 0))).toEqual({
      damage: 'it is not a segment (no "SHKS")',
    });
    expect(await damage((view) => view.setUint8(5, 2))).toEqual({
      damage: 'it has format 1.2; this program reads 1.1',
    });
    for (const wrong of [length - 1, length + 1]) {
      expect(await damage((view) => view.setUint32(12, wrong, true))).toEqual({
        damage: expect.stringMatching(/^it does not (hold \d+ bytes of actors|decompress: )/),
      });
    }
    expect(await damage((view) => view.setUint32(16, 0))).toEqual({
      damage: expect.stringMatching(/^it does not (hold \d+ bytes of actors|decompress: )/),
    });
  });

  test('is cut between actors, and one that is larger than the limit stands alone', () => {
    const blocks = (bytesMax: number) =>
      [...splitActors(actors, bytesMax)].map(({ actors: part, count }) => [keysOf(part), count]);
    expect(blocks(1_000)).toEqual([[[1, 2, 9], 3]]);
    expect(blocks(29)).toEqual([
      [[1, 2], 2],
      [[9], 1],
    ]);
    expect(blocks(28)).toEqual([
      [[1], 1],
      [[2], 1],
      [[9], 1],
    ]);
    expect([...splitActors(new Uint8Array(), 10)]).toEqual([]);
  });

  test('the blocks of a scan are joined up to the limit', async () => {
    const scan = async function* () {
      for (let key = 0; key < 10; key++) yield packActors([actor(key, 8)]);
    };
    const groups: number[][] = [];
    for await (const { actors: part, count } of regroupActors(scan(), 80)) {
      groups.push(keysOf(part));
      expect(count).toBe(keysOf(part).length);
    }
    expect(groups).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
  });

  test('a scan whose keys do not ascend is refused', async () => {
    const scan = async function* () {
      yield packActors([actor(2, 8)]);
      yield packActors([actor(1, 8)]);
    };
    const read = async () => {
      const groups: unknown[] = [];
      for await (const group of regroupActors(scan(), 1_000)) groups.push(group);
      return groups;
    };
    await expect(read()).rejects.toThrow('the blocks of a scan ascend by key');
  });
});
