/** The S3 store on a real MinIO: first what every store must do, then what only a network does. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { seeded } from '../../src/core/random.ts';
import { objectStoreConformance } from '../conformance/object-store.ts';
import { type MinioServer, startMinio } from '../support/minio-server.ts';
import { type S3Settings, s3Store, withEnvironment } from '../support/s3-stores.ts';
import { openStoreProxy, type StoreProxy } from '../support/store-proxy.ts';

const MIB = 1 << 20;
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined) => body && new TextDecoder().decode(body);

let minio: MinioServer;
let spaces = 0;

beforeAll(async () => {
  minio = await startMinio();
  Object.assign(process.env, minio.env);
});
afterAll(() => minio.remove());

/** An empty store, behind which no other test looks. */
const space = () => `space-${spaces++}/`;
const openStore = (settings: S3Settings = {}, singleBytesMax?: number) =>
  s3Store({ endpoint: minio.endpoint, prefix: space(), ...settings }, singleBytesMax);

async function behindProxy(
  settings: S3Settings = {},
  singleBytesMax?: number,
): Promise<{ proxy: StoreProxy; store: ObjectStore; straight: ObjectStore }> {
  const proxy = await openStoreProxy(minio.address);
  onTestFinished(() => proxy.close());
  const prefix = space();
  const store = await openStore({ endpoint: proxy.endpoint, prefix, ...settings }, singleBytesMax);
  return { proxy, store, straight: await openStore({ prefix }) };
}

/** The fault happens to the first so many requests that match. */
function faultFirst(proxy: StoreProxy, count: number, fault: ReturnType<StoreProxy['fault']>) {
  let left = count;
  return (request: RegExp) => {
    proxy.fault = (head) => (request.test(head) && left-- > 0 ? fault : undefined);
  };
}

objectStoreConformance('s3', async () => {
  const prefix = space();
  return () => openStore({ prefix });
});

test('objects of two prefixes do not see each other', async () => {
  const [one, other] = [await openStore(), await openStore()];
  await one.put('k', bytes('one'));
  expect(await other.get('k')).toBeUndefined();
  expect(await other.list('')).toEqual([]);
  expect((await one.list('')).map(({ key }) => key)).toEqual(['k']);
});

test('a list of more than one page is whole and in order', async () => {
  const store = await openStore();
  const keys = Array.from({ length: 1001 }, (_, i) => `k/${String(i).padStart(4, '0')}`);
  await Promise.all(keys.map((key) => store.put(key, bytes(key))));
  expect((await store.list('k/')).map(({ key }) => key)).toEqual(keys);
});

test('a large object goes in parts, and is there whole or not at all', async () => {
  const { proxy, store, straight } = await behindProxy();
  const body = randomBytes(17 * MIB);
  await store.put('large', body);
  expect(body.equals((await straight.get('large')) as Uint8Array)).toBe(true);
  const parts = proxy.heads.filter((head) => /^PUT .*partNumber=/.test(head));
  expect(parts).toHaveLength(3);
  expect(parts.every((head) => /x-amz-checksum-crc32: /i.test(head))).toBe(true);
  expect(await store.putIfAbsent('large', body)).toBe(false);
  expect(await store.putIfAbsent('large-too', body)).toBe(true);
});

test('a large object whose parts are refused leaves no parts behind', async () => {
  const { proxy, store, straight } = await behindProxy({ deadlineMs: 600 }, MIB);
  proxy.fault = (head) => (/^PUT .*partNumber=2/.test(head) ? 'reset' : undefined);
  await expect(store.put('large', randomBytes(17 * MIB))).rejects.toMatchObject({
    code: 'OBJECT_STORE_UNAVAILABLE',
    message: expect.stringContaining('put part 2 of '),
  });
  expect(proxy.heads).toContainEqual(expect.stringMatching(/^DELETE .*uploadId=/));
  expect(await straight.list('')).toEqual([]);
});

test('B2: parts that were joined although the answer was lost are a success', async () => {
  const { proxy, store, straight } = await behindProxy({}, MIB);
  faultFirst(proxy, 1, 'cut-answer')(/^POST .*uploadId=/);
  expect(await store.putIfAbsent('large', randomBytes(2 * MIB))).toBe(true);
  expect((await straight.get('large'))?.byteLength).toBe(2 * MIB);
});

test.each(['cut-answer', 'hold-answer'] as const)(
  'B2: putIfAbsent that took effect although its answer was lost (%s) says so',
  async (fault) => {
    const { proxy, store, straight } = await behindProxy({ deadlineMs: 3000 });
    faultFirst(proxy, 1, fault)(/^PUT/);
    expect(await store.putIfAbsent('m/1', bytes('mine'))).toBe(true);
    expect(text(await straight.get('m/1'))).toBe('mine');
    expect(proxy.heads.map((head) => head.split(' ')[0])).toEqual(['PUT', 'PUT', 'HEAD']);
  },
);

test('B2: with lost answers, another writer of the very same bytes is not taken for this one', async () => {
  const { proxy, store, straight } = await behindProxy();
  faultFirst(proxy, 1, 'reset')(/^PUT/);
  await straight.put('m/1', bytes('same'));
  expect(await store.putIfAbsent('m/1', bytes('same'))).toBe(false);
});

test('B2: of two writers behind a bad network exactly one wins, twenty times', async () => {
  const random = seeded(20);
  const { proxy, store, straight } = await behindProxy();
  proxy.fault = () => (random.chance(0.3) ? random.pick(['reset', 'cut-answer']) : undefined);
  for (let round = 0; round < 20; round++) {
    const key = `m/${round}`;
    const won = await Promise.all(
      ['one', 'other'].map((writer) => store.putIfAbsent(key, bytes(writer))),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(text(await straight.get(key))).toBe(won[0] ? 'one' : 'other');
  }
});

test.each(['reset', 'cut-answer', 'cut-body', 'spoil-body'] as const)(
  'a read is tried again when the connection does this: %s',
  async (fault) => {
    const { proxy, store, straight } = await behindProxy();
    await straight.put('k', bytes('content that matters'));
    faultFirst(proxy, 2, fault)(/^GET/);
    expect(text(await store.get('k'))).toBe('content that matters');
    expect(proxy.heads).toHaveLength(3);
  },
);

test('a store that never answers is unavailable at the deadline, and has one try until it answers', async () => {
  const { proxy, store } = await behindProxy({ deadlineMs: 900 });
  proxy.fault = () => 'hold-answer';
  await expect(store.get('k')).rejects.toMatchObject({
    code: 'OBJECT_STORE_UNAVAILABLE',
    message: expect.stringMatching(/^object store s3:\/\/checkpoints at http:.*: get .*\/k failed/),
  });
  const tries = proxy.heads.length;
  expect(tries).toBeGreaterThan(1);
  await expect(store.get('k')).rejects.toMatchObject({ code: 'OBJECT_STORE_UNAVAILABLE' });
  expect(proxy.heads).toHaveLength(tries + 1);
  proxy.fault = () => undefined;
  await store.put('k', bytes('x'));
  faultFirst(proxy, 1, 'reset')(/^GET/);
  expect(text(await store.get('k'))).toBe('x');
});

test('a write that waits for a store that was killed is done when it is back', async () => {
  const store = await openStore({ deadlineMs: 60_000 });
  await store.put('a', bytes('before'));
  await minio.kill();
  const waiting = store.putIfAbsent('b', bytes('after'));
  await minio.start();
  expect(await waiting).toBe(true);
  expect(text(await store.get('a'))).toBe('before');
});

test('wrong credentials, no credentials and a missing bucket are refused at once, by name', async () => {
  const refused = (message: string) => ({
    code: 'OBJECT_STORE_REFUSED',
    message: expect.stringContaining(message),
  });
  const nobody = await openStore({ bucket: 'not-there' });
  await expect(nobody.get('k')).rejects.toMatchObject(refused('s3://not-there'));
  await expect(nobody.put('k', bytes('x'))).rejects.toMatchObject(refused('NoSuchBucket'));
  const wrong = { ...minio.env, AWS_SECRET_ACCESS_KEY: 'wrong-secret' };
  await withEnvironment(wrong, async () => {
    const store = await openStore();
    await expect(store.list('')).rejects.toMatchObject(refused('SignatureDoesNotMatch'));
  });
  const nowhere = { AWS_ACCESS_KEY_ID: undefined, AWS_EC2_METADATA_DISABLED: 'true' };
  await withEnvironment(nowhere, async () => {
    const store = await openStore();
    await expect(store.delete('k')).rejects.toMatchObject(refused('CredentialsProviderError'));
  });
});

test('the encryption that is configured is asked for, and its refusal is told', async () => {
  const aws = await behindProxy({ encryption: 'aws:kms', kmsKeyId: 'key-7' });
  await expect(aws.store.put('k', bytes('x'))).rejects.toMatchObject({
    code: 'OBJECT_STORE_REFUSED',
    message: expect.stringContaining('KMS is not configured'),
  });
  expect(aws.proxy.heads[0]).toMatch(/x-amz-server-side-encryption: aws:kms/i);
  expect(aws.proxy.heads[0]).toMatch(/x-amz-server-side-encryption-aws-kms-key-id: key-7/i);
  const plain = await behindProxy({ encryption: 'AES256' });
  await expect(plain.store.put('k', bytes('x'))).rejects.toThrow('NotImplemented');
  expect(plain.proxy.heads[0]).toMatch(/x-amz-server-side-encryption: AES256/i);
});
