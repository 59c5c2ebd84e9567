/**
 * What the service minio-setup of the Compose file runs, with its own variables, as a process on a
 * real MinIO: what the engines find there, and what they may not do. Needs the compiled dist.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { objectStoreConformance } from '../conformance/object-store.ts';
import { Command, GOLDEN_CSV } from '../support/command-line.ts';
import { COMPOSE, type ComposeModel, composeModel, madeSecrets } from '../support/compose.ts';
import { clientOf } from '../support/minio-role.ts';
import { type MinioServer, startMinio } from '../support/minio-server.ts';
import { s3Store, withEnvironment } from '../support/s3-stores.ts';

const run = promisify(execFile);
const BUCKET = 'checkpoints';
const FIRST_BUILD_MS = 400_000;
const LIMIT_MS = 60_000;

let scratch: string;
let model: ComposeModel;
let minio: MinioServer;
let root: S3Client;
/** Of an engine, as far as they are about the store. */
let engine: Readonly<Record<string, string>>;

/** The service's own command line. Nothing is on its path but mc: the image has little else. */
async function setUp(password = minio.secretKey): Promise<string> {
  const { entrypoint, environment = {}, volumes } = model.services['minio-setup'] ?? {};
  const [program = '', ...args] = entrypoint ?? [];
  const [mount] = volumes ?? [];
  if (mount === undefined) throw new Error('minio-setup mounts nothing');
  const store = new URL(environment.MC_HOST_store ?? '');
  Object.assign(store, { host: minio.address, username: minio.accessKey, password });
  const env = {
    ...environment,
    MC_HOST_store: store.href.replace(/\/$/, ''),
    MC_CONFIG_DIR: join(scratch, 'mc'),
    // A container has it from its user.
    HOME: '/root',
    PATH: join(scratch, 'bin'),
  };
  const here = args.map((arg) => arg.replace(mount.target, mount.source));
  const { stdout, stderr } = await run(program, here, { cwd: '/', env });
  expect(stderr).toBe('');
  return stdout;
}

async function engineStore(prefix: string, bucket = BUCKET): Promise<ObjectStore> {
  const store = await s3Store({ bucket, endpoint: minio.endpoint, prefix });
  // The SDK looks for credentials at the first request, and keeps them.
  await withEnvironment(engine, () => store.list('none/').catch(() => undefined));
  return store;
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'shrike-compose-minio-'));
  const [secrets, { stdout: mc }] = await Promise.all([
    madeSecrets(),
    run('bash', ['tools/install-mc.sh']),
  ]);
  model = await composeModel(join(COMPOSE, 'compose.yaml'), join(secrets, '.env'));
  await rm(secrets, { recursive: true });
  await mkdir(join(scratch, 'bin'));
  await symlink(mc.trim(), join(scratch, 'bin', 'mc'));
  minio = await startMinio();
  root = clientOf(minio, minio.env);
  // Compose's MinIO begins with nothing.
  await root.send(new DeleteBucketCommand({ Bucket: BUCKET }));
  const ofStore = Object.entries(model.services['shrike-0']?.environment ?? {})
    .filter(([name]) => /^(?:SHRIKE_S3|AWS)_/.test(name))
    .map(([name, value]) => [name, value.replace('minio:9000', minio.address)]);
  engine = Object.fromEntries(ofStore) as Record<string, string>;
  expect(await setUp()).toMatch(/\nbucket checkpoints is ready\n$/);
}, FIRST_BUILD_MS);
afterAll(async () => {
  root.destroy();
  await minio.remove();
  await rm(scratch, { recursive: true });
});

const isVersioned = async () =>
  (await root.send(new GetBucketVersioningCommand({ Bucket: BUCKET }))).Status === 'Enabled';

const suspend = () =>
  new PutBucketVersioningCommand({
    Bucket: BUCKET,
    VersioningConfiguration: { Status: 'Suspended' },
  });

async function rules() {
  const { Rules = [] } = await root.send(
    new GetBucketLifecycleConfigurationCommand({ Bucket: BUCKET }),
  );
  return Rules;
}

test('the bucket keeps versions, for as long as the file says', async () => {
  expect(await isVersioned()).toBe(true);
  const file = await readFile(join(COMPOSE, 'minio', 'lifecycle.json'), 'utf8');
  const wanted = (JSON.parse(file) as { Rules: object[] }).Rules;
  expect(await rules()).toEqual(wanted.map((rule) => expect.objectContaining(rule)));
});

test('every step may be repeated, and mends what has been changed', {
  timeout: LIMIT_MS,
}, async () => {
  const store = await engineStore('repeated/');
  await store.put('a.seg', new Uint8Array(1));
  const before = await rules();
  await root.send(suspend());
  expect(await isVersioned()).toBe(false);
  expect(await setUp()).toMatch(/\nbucket checkpoints is ready\n$/);
  expect(await isVersioned()).toBe(true);
  expect(await rules()).toEqual(before);
  expect(await store.get('a.seg')).toHaveLength(1);
});

test('what goes wrong is a failure, for which engines wait', { timeout: LIMIT_MS }, async () => {
  await expect(setUp('another-password')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('signature'),
  });
});

let storeCount = 0;

objectStoreConformance("the engines' user", async () => {
  storeCount += 1;
  const prefix = `conformance-${storeCount}/`;
  return () => engineStore(prefix);
});

test("an engine with the file's variables seals checkpoints there, and they are whole", {
  timeout: LIMIT_MS,
}, async () => {
  const data = join(scratch, 'data');
  const asked = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await new Command([...args, '--data', data], engine).ended;
    expect({ args, code, stderr }).toMatchObject({ args, code: 0 });
    return stdout;
  };
  await asked('run', '--source', 'csv', ...GOLDEN_CSV, '--until-end', '--no-listen');
  const listed = await asked('checkpoint', 'list', '--json');
  const sealed = JSON.parse(listed) as { partition: number }[];
  expect(new Set(sealed.map(({ partition }) => partition)).size).toBe(8);
  expect(await asked('checkpoint', 'verify')).toMatch(/^\d+ checkpoints are whole$/m);
});

test('the user ends at its bucket, and cannot delete what versioning keeps', async () => {
  await minio.createBucket('other');
  const own = await engineStore('kept/');
  const other = await engineStore('', 'other');
  for (const attempt of [
    () => other.put('a.seg', new Uint8Array(1)),
    () => other.get('a.seg'),
    () => other.delete('a.seg'),
    () => other.list('a'),
  ]) {
    await expect(attempt()).rejects.toMatchObject({ code: 'OBJECT_STORE_REFUSED' });
  }
  await own.put('a.seg', new Uint8Array(1));
  await own.delete('a.seg');
  expect(await own.get('a.seg')).toBeUndefined();
  const kept = () =>
    root.send(new ListObjectVersionsCommand({ Bucket: BUCKET, Prefix: 'kept/a.seg' }));
  const { Versions = [] } = await kept();
  expect(Versions).toHaveLength(1);
  const version = { Bucket: BUCKET, Key: 'kept/a.seg', VersionId: Versions[0]?.VersionId };
  const user = clientOf(minio, engine);
  const attempts = [
    user.send(new DeleteObjectCommand(version)),
    user.send(suspend()),
    user.send(new DeleteBucketCommand({ Bucket: BUCKET })),
  ];
  const outcomes = await Promise.allSettled(attempts);
  user.destroy();
  expect(outcomes).toEqual(
    attempts.map(() => ({
      status: 'rejected',
      reason: expect.objectContaining({ name: 'AccessDenied' }),
    })),
  );
  expect((await kept()).Versions).toHaveLength(1);
});
