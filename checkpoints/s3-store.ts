/**
 * Objects in a bucket that speaks the S3 API (B1 to B3 of `src/core/object-store.ts`).
 * B1 and B3 are the store's own promises; B2 is `If-None-Match: *`, and a look at what is there
 * when the answer was lost. Loaded only when `s3.bucket` is set: the SDK takes 130 ms to load.
 */

import { type Clock, systemClock } from '../src/core/clock.ts';
import type { Config } from '../src/core/config.ts';
import type { ObjectStore, ObjectSummary } from '../src/core/object-store.ts';
import type { Random } from '../src/core/random.ts';
import { assertObjectKey, assertObjectPrefix } from './keys.ts';
import { connectS3 } from './s3-connection.ts';
import { failureName } from './s3-failures.ts';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  type S3Client,
} from './s3-sdk.ts';
import { Tries } from './s3-tries.ts';
import { type Encryption, Uploader } from './s3-upload.ts';

/** One request up to here: a part costs three more. */
const SINGLE_BYTES_MAX = 16 << 20;

export interface S3StoreOptions {
  readonly config: Config['s3'];
  /** Of the waits between tries. */
  readonly random: Random;
  readonly clock?: Clock;
  /** Bodies above it go in parts; 16 MiB unless a test wants parts of less. */
  readonly singleBytesMax?: number;
}

/**
 * Nothing is asked of the store yet: a store that is down must not keep an engine from starting.
 * All operations throw OBJECT_STORE_UNAVAILABLE after `deadlineMs`, OBJECT_STORE_REFUSED at once.
 */
export async function openS3Store(options: S3StoreOptions): Promise<ObjectStore> {
  const { config, random, clock = systemClock } = options;
  const { bucket, prefix, endpoint, deadlineMs } = config;
  const client = await connectS3(config);
  const place = `object store s3://${bucket}${endpoint === '' ? '' : ` at ${endpoint}`}`;
  const tries = new Tries({ deadlineMs, clock, random, place });
  const singleBytesMax = options.singleBytesMax ?? SINGLE_BYTES_MAX;
  const encryption = encryptionOf(config);
  const uploader = new Uploader({ client, tries, clock, bucket, encryption, singleBytesMax });
  const keyOf = (key: string) => {
    assertObjectKey(key);
    return `${prefix}${key}`;
  };
  const bucketOf: Bucket = { client, tries, bucket };
  return {
    put: async (key, body) => {
      await uploader.write({ key: keyOf(key), body, isConditional: false });
    },
    putIfAbsent: async (key, body) =>
      uploader.write({ key: keyOf(key), body, isConditional: true }),
    get: async (key) => readObject(bucketOf, keyOf(key)),
    list: async (keyPrefix) => {
      assertObjectPrefix(keyPrefix);
      const listed = await listObjects(bucketOf, `${prefix}${keyPrefix}`);
      return listed.map((one) => ({ ...one, key: one.key.slice(prefix.length) }));
    },
    delete: async (key) => deleteObject(bucketOf, keyOf(key)),
  };
}

interface Bucket {
  readonly client: S3Client;
  readonly tries: Tries;
  readonly bucket: string;
}

function encryptionOf({ encryption, kmsKeyId }: Config['s3']): Encryption {
  switch (encryption as string) {
    case 'AES256':
      return { ServerSideEncryption: 'AES256' };
    case 'aws:kms':
      return {
        ServerSideEncryption: 'aws:kms',
        ...(kmsKeyId !== '' && { SSEKMSKeyId: kmsKeyId }),
      };
    default:
      return {};
  }
}

async function readObject(
  { client, tries, bucket }: Bucket,
  key: string,
): Promise<Uint8Array | undefined> {
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' });
  return tries.run(`get ${key}`, async ({ signal }) => {
    try {
      // The body is read inside the try: it may end early, or not match its checksum.
      const { Body } = await client.send(command, { abortSignal: signal });
      return await Body?.transformToByteArray();
    } catch (error) {
      if (failureName(error) === 'NoSuchKey') return undefined;
      throw error;
    }
  });
}

async function listObjects(
  { client, tries, bucket }: Bucket,
  prefix: string,
): Promise<readonly ObjectSummary[]> {
  const found: ObjectSummary[] = [];
  const endMs = tries.endMs();
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const page = await tries.run(
      `list ${prefix}`,
      ({ signal }) => client.send(command, { abortSignal: signal }),
      endMs,
    );
    for (const { Key, Size = 0, LastModified } of page.Contents ?? []) {
      if (Key === undefined) continue;
      found.push({ key: Key, bytes: Size, modifiedMs: LastModified?.getTime() ?? 0 });
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
  // S3 lists in this order; what only speaks its language may not.
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function deleteObject({ client, tries, bucket }: Bucket, key: string): Promise<void> {
  const command = new DeleteObjectCommand({ Bucket: bucket, Key: key });
  await tries.run(`delete ${key}`, ({ signal }) => client.send(command, { abortSignal: signal }));
}
