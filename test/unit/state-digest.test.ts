import { expect, test } from 'vitest';
import { packActors } from '../../src/core/packed-actors.ts';
import { DigestSum, digestOf, hashActor } from '../../state/digest.ts';

const hashOf = (key: number, bytes: Uint8Array): string[] => {
  const lanes = new Int32Array(4);
  hashActor(key, bytes, lanes);
  return [...lanes].map((lane) => (lane >>> 0).toString(16));
};

// Expected values: the reference implementation (Python's mmh3), of the key as u64 and the bytes.
test('an actor is hashed by MurmurHash3_x86_128 of key and bytes', () => {
  expect(hashOf(0, Buffer.from(''))).toEqual(['e028ae41', '4772b084', '4772b084', '4772b084']);
  expect(hashOf(7, Buffer.from('abc'))).toEqual(['e4f2873f', '47393233', '2ae777a6', '47393233']);
  const forty = Uint8Array.from({ length: 40 }, (_, i) => i);
  expect(hashOf(2 ** 40 + 5, forty)).toEqual(['a514da07', 'e921e623', '95d79ada', '3c133e31']);
  const block = Buffer.from('x'.repeat(24));
  expect(hashOf(12, block)).toEqual(['d9564998', '617624e', 'd3a5ba6b', '60e75487']);
});

test('a long actor leaves nothing behind for the next one', () => {
  const before = hashOf(7, Buffer.from('abc'));
  hashOf(1, Buffer.alloc(300_000, 0xff));
  expect(hashOf(7, Buffer.from('abc'))).toEqual(before);
});

test('S5: the digest does not depend on order, and what is removed leaves no trace', () => {
  const [a, b, c] = ['one', 'two', 'three'].map((text) => Buffer.from(text)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const forth = new DigestSum();
  forth.add(1, a);
  forth.add(2, b);
  const back = new DigestSum();
  back.add(3, c);
  back.add(2, b);
  back.add(1, a);
  back.remove(3, c);
  expect(back.hex()).toBe(forth.hex());
  expect(new DigestSum(forth.hex()).hex()).toBe(forth.hex());
  expect(new DigestSum().hex()).toBe('00000000000000000000000000000000');
});

test('the digest tells actors with swapped contents apart', () => {
  const [a, b] = [Buffer.from('one'), Buffer.from('two')];
  const straight = new DigestSum();
  straight.add(1, a);
  straight.add(2, b);
  const crossed = new DigestSum();
  crossed.add(1, b);
  crossed.add(2, a);
  expect(crossed.hex()).not.toBe(straight.hex());
});

test('a digest from scratch counts the actors of all blocks', async () => {
  const [a, b] = [Buffer.from('one'), Buffer.from('two')];
  const sum = new DigestSum();
  sum.add(1, a);
  sum.add(2, b);
  const counted = await digestOf([packActors([[1, a]]), packActors([[2, b]])]);
  expect(counted).toEqual({ digest: sum.hex(), actorCount: 2 });
});
