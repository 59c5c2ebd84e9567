/** The servers that integration tests and `shrike up` start: they answer, and they go. */
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KafkaBroker, sharedKafka, startKafka } from '../support/kafka-broker.ts';
import { type MinioServer, startMinio } from '../support/minio-server.ts';
import { isAlive } from '../support/server-folder.ts';

describe('Kafka', () => {
  let kafka: KafkaBroker;

  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.remove());

  test('a broker that is stopped leaves no process behind', async () => {
    const [pid = 0] = kafka.pids;
    expect(isAlive(pid)).toBe(true);
    await kafka.stop();
    expect([isAlive(pid), kafka.pids]).toEqual([false, []]);
    await kafka.start();
    expect(kafka.pids).toHaveLength(1);
  });

  test('whoever asks for the shared broker gets the same one', async () => {
    const [one, other] = await Promise.all([sharedKafka(), sharedKafka()]);
    expect(one.bootstrap).toBe(other.bootstrap);
    expect(one.pids).toEqual(other.pids);
    expect(one.pids).toHaveLength(1);
  });
});

describe('MinIO', () => {
  let minio: MinioServer;

  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio.remove());

  test('an object that was put can be got, also after a restart', async () => {
    const client = new S3Client({
      endpoint: minio.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey },
    });
    await client.send(new PutObjectCommand({ Bucket: minio.bucket, Key: 'a/b', Body: 'hello' }));
    await minio.restart();
    const { Body } = await client.send(new GetObjectCommand({ Bucket: minio.bucket, Key: 'a/b' }));
    expect(await Body?.transformToString()).toBe('hello');
    await minio.createBucket('another');
    const twice = client.send(new CreateBucketCommand({ Bucket: 'another' }));
    await expect(twice).rejects.toThrow(/already/i);
    client.destroy();
  });

  test('a server that is stopped leaves no process behind', async () => {
    const pid = minio.pid ?? 0;
    expect(isAlive(pid)).toBe(true);
    await minio.stop();
    expect([isAlive(pid), minio.pid]).toEqual([false, undefined]);
  });
});
