/**
 * What every object store must do (B1 to B3 of `src/core/object-store.ts`), whatever is behind it.
 */
import { expect, test } from 'vitest';
import type { ObjectStore } from '../../src/core/object-store.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined) =>
  body === undefined ? undefined : new TextDecoder().decode(body);

const INVALID_KEYS = [
  '',
  '/a',
  'a/',
  'a//b',
  '../a',
  'a/../b',
  'a/.',
  '..',
  'a b',
  'ä',
  '~a',
  'a\\b',
];

/** `open` gives another handle on the same, at first empty, store at each call. */
export function objectStoreConformance(name: string, openEmpty: () => Promise<OpenStore>): void {
  test(`${name}: a put object is read back and listed with its size`, async () => {
    const store = await (await openEmpty())();
    await store.put('app/topic/00001/a.seg', bytes('hello'));
    expect(text(await store.get('app/topic/00001/a.seg'))).toBe('hello');
    const [only, ...others] = await store.list('app/');
    expect(only).toMatchObject({ key: 'app/topic/00001/a.seg', bytes: 5 });
    expect(others).toEqual([]);
  });

  test(`${name}: put replaces, an empty object is an object, and a missing one is undefined`, async () => {
    const store = await (await openEmpty())();
    await store.put('k', bytes('one'));
    await store.put('k', bytes(''));
    expect(text(await store.get('k'))).toBe('');
    expect(await store.get('other')).toBeUndefined();
    expect(await store.get('k/below')).toBeUndefined();
    expect(await store.list('nowhere/at/all')).toEqual([]);
  });

  test(`${name}: B1: a reader beside writers sees one of the written objects, whole`, async () => {
    const open = await openEmpty();
    const [writer, reader] = [await open(), await open()];
    const bodies = ['a', 'b'].map((letter) => bytes(letter.repeat(200_000)));
    await writer.put('k', bodies[0] as Uint8Array);
    const writes = (async () => {
      for (let i = 1; i <= 20; i++) await writer.put('k', bodies[i % 2] as Uint8Array);
    })();
    for (let i = 0; i < 20; i++) {
      const seen = await reader.get('k');
      expect(seen?.byteLength).toBe(200_000);
      expect(new Set(seen).size).toBe(1);
    }
    await writes;
  });

  test(`${name}: B2: of twenty writers of a key exactly one succeeds, and its object stays`, async () => {
    const open = await openEmpty();
    const stores = await Promise.all([open(), open(), open(), open()]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (stores[i % 4] as ObjectStore).putIfAbsent('m/1.json', bytes(`writer ${i}`)),
      ),
    );
    const winners = answers.flatMap((isWritten, i) => (isWritten ? [i] : []));
    expect(winners).toHaveLength(1);
    expect(text(await stores[0].get('m/1.json'))).toBe(`writer ${winners[0]}`);
    expect(await stores[1].list('')).toHaveLength(1);
  });

  test(`${name}: putIfAbsent writes again after a delete, and delete twice is no error`, async () => {
    const store = await (await openEmpty())();
    expect(await store.putIfAbsent('k', bytes('one'))).toBe(true);
    expect(await store.putIfAbsent('k', bytes('two'))).toBe(false);
    await store.delete('k');
    await store.delete('k');
    expect(await store.get('k')).toBeUndefined();
    expect(await store.putIfAbsent('k', bytes('three'))).toBe(true);
    expect(text(await store.get('k'))).toBe('three');
  });

  test(`${name}: B3: another handle sees what was put`, async () => {
    const open = await openEmpty();
    await (await open()).put('a/b', bytes('x'));
    const later = await open();
    expect(text(await later.get('a/b'))).toBe('x');
    expect((await later.list('a/')).map(({ key }) => key)).toEqual(['a/b']);
  });

  test(`${name}: list answers in ascending order for a prefix that ends anywhere`, async () => {
    const store = await (await openEmpty())();
    for (const key of ['b/2', 'a/x/1', 'a/10', 'a-b', 'a/9', 'a/x.y', 'ab/1']) {
      await store.put(key, bytes(key));
    }
    const keys = async (prefix: string) => (await store.list(prefix)).map(({ key }) => key);
    expect(await keys('')).toEqual(['a-b', 'a/10', 'a/9', 'a/x.y', 'a/x/1', 'ab/1', 'b/2']);
    expect(await keys('a')).toEqual(['a-b', 'a/10', 'a/9', 'a/x.y', 'a/x/1', 'ab/1']);
    expect(await keys('a/')).toEqual(['a/10', 'a/9', 'a/x.y', 'a/x/1']);
    expect(await keys('a/x')).toEqual(['a/x.y', 'a/x/1']);
    expect(await keys('a/x/')).toEqual(['a/x/1']);
  });

  test(`${name}: a caller may use its buffer again, and change what it has got`, async () => {
    const store = await (await openEmpty())();
    const body = bytes('abc');
    const writing = store.put('k', body);
    await writing;
    body.fill(0);
    (await store.get('k'))?.fill(0);
    expect(text(await store.get('k'))).toBe('abc');
  });

  test.each(INVALID_KEYS)(`${name}: the key %j is refused by every operation`, async (key) => {
    const store = await (await openEmpty())();
    const refused = /object key .* is valid/;
    await expect(store.put(key, bytes('x'))).rejects.toThrow(refused);
    await expect(store.putIfAbsent(key, bytes('x'))).rejects.toThrow(refused);
    await expect(store.get(key)).rejects.toThrow(refused);
    await expect(store.delete(key)).rejects.toThrow(refused);
    expect(await store.list('')).toEqual([]);
  });
}

export type OpenStore = () => Promise<ObjectStore>;
