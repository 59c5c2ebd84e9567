/** The servers that integration tests and `shrike up` start: they answer, and they go. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtUrl } from '../support/built.ts';
import { shrike, shrikeJson, until } from '../support/command-line.ts';
import { type KafkaBroker, sharedKafka, startKafka } from '../support/kafka-broker.ts';
import { type MinioServer, startMinio } from '../support/minio-server.ts';
import {
  consumeAll,
  createTopic,
  OracleProducer,
  produce,
  produceTransaction,
} from '../support/rdkafka.ts';
import { OracleMember } from '../support/rdkafka-member.ts';
import { freePorts, isAlive, serverFolder } from '../support/server-folder.ts';
import { startToxiproxy } from '../support/toxiproxy.ts';

describe('Kafka', () => {
  let kafka: KafkaBroker;

  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.remove());

  /** What a partition holds, as texts. */
  async function values(address: string, topic: string): Promise<readonly string[]> {
    const records = await consumeAll(address, topic);
    return records.map(({ partition, offset, value }) => `${partition}/${offset} ${String(value)}`);
  }

  test('a record that was written is there after a restart', async () => {
    await createTopic(kafka.bootstrap, { topic: 'kept', partitions: 3 });
    await produce(kafka.bootstrap, 'kept', [{ partition: 2, key: 'k', value: 'v' }]);
    await kafka.restart();
    expect(await values(kafka.bootstrap, 'kept')).toEqual(['2/0 v']);
  });

  test('a broker that is stopped leaves no process behind', async () => {
    const [pid = 0] = kafka.pids;
    expect(isAlive(pid)).toBe(true);
    await kafka.stop();
    expect([isAlive(pid), kafka.pids]).toEqual([false, []]);
    await kafka.start();
    expect(kafka.pids).toHaveLength(1);
  });

  test('a broker that is killed starts again with the same address', async () => {
    const address = kafka.bootstrap;
    const [pid = 0] = kafka.pids;
    await kafka.kill();
    expect(isAlive(pid)).toBe(false);
    await kafka.start();
    expect(await values(address, 'kept')).toEqual(['2/0 v']);
  });

  test('a broker that is paused answers when it goes on', async () => {
    const [pid = 0] = kafka.pids;
    kafka.pause();
    await until(() => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
    const read = values(kafka.bootstrap, 'kept');
    kafka.resume();
    expect(await read).toEqual(['2/0 v']);
  });

  test('whoever asks for the shared broker gets the same one', async () => {
    const [one, other] = await Promise.all([sharedKafka(), sharedKafka()]);
    expect(one.bootstrap).toBe(other.bootstrap);
    expect(one.pids).toEqual(other.pids);
    expect(one.pids).toHaveLength(1);
  });
});

describe('shrike up', () => {
  test('starts a broker and a store, writes the settings of both, and down ends them', async () => {
    const data = serverFolder('up');
    const port = await freePorts();
    const ports = ['--kafka-port', String(port), '--minio-port', String(port + 20)];
    const servers = await shrikeJson('up', '--data', data, ...ports);
    const file = join(data, 'servers', 'shrike.servers.json');
    const settings = {
      kafka: { bootstrap: `127.0.0.1:${port}` },
      s3: {
        bucket: 'checkpoints',
        endpoint: `http://127.0.0.1:${port + 20}`,
        region: 'us-east-1',
        pathStyle: true,
      },
    };
    expect(servers).toMatchObject({ ...settings, config: file });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(settings);
    await createTopic(settings.kafka.bootstrap, { topic: 'up', partitions: 1 });
    const again = await shrike('up', '--data', data);
    expect(again.stdout).toContain(`minio  ${settings.s3.endpoint}, bucket checkpoints\n`);
    expect(again.stdout).toContain(`shrike run --source simulate --config ${file} --data ${data}`);
    const down = await shrike('down', '--data', data, '--delete');
    expect([down.code, existsSync(join(data, 'servers'))]).toEqual([0, false]);
    await expect(fetch(settings.s3.endpoint)).rejects.toThrow('fetch failed');
  });

  test('a port that is taken is named with the program that it is for, and the rest can be stopped', async () => {
    const data = serverFolder('up-taken');
    const port = await freePorts();
    const taken = createServer().listen(port + 22, '127.0.0.1');
    const ports = ['--kafka-port', String(port), '--minio-port', String(port + 20)];
    const own = ['--engine-port', String(port + 22), '--prometheus-port', String(port + 24)];
    const { code, stderr } = await shrike(
      ...['up', '--all', '--data', data, '--registry-port', String(port + 25), ...ports, ...own],
    );
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`port ${port + 22}, for shrike-0, is taken by something else`);
    expect(stderr).toContain('[SERVERS_FAILED]');
    const { stdout } = await shrike('down', '--data', data, '--delete');
    expect(stdout).toContain('kafka stopped\nminio stopped\n');
  });

  test('an engine that ends at its start is told with what it said', async () => {
    const data = serverFolder('up-broken');
    const port = await freePorts();
    const ports = ['--kafka-port', String(port), '--minio-port', String(port + 20)];
    // Another's file where its folder should be.
    mkdirSync(join(data, 'servers', 'shrike-0'), { recursive: true });
    writeFileSync(join(data, 'servers', 'shrike-0', 'data'), '');
    const own = ['--engine-port', String(port + 22), '--prometheus-port', String(port + 24)];
    const { code, stderr } = await shrike(
      ...['up', '--all', '--data', data, '--registry-port', String(port + 25), ...ports, ...own],
    );
    expect(code).toBe(1);
    expect(stderr).toContain('shrike-0 ended at its start:');
    expect(stderr).toContain('[DATA_DIR_UNWRITABLE]');
    const { code: ended } = await shrike('down', '--data', data, '--delete');
    expect([ended, existsSync(join(data, 'servers'))]).toEqual([0, false]);
  });

  test('a port that is taken ends it with one error that names the port', async () => {
    const { bootstrap } = await sharedKafka();
    const [, port = ''] = bootstrap.split(':');
    const minio = ['--minio-port', String(await freePorts())];
    const data = serverFolder('taken');
    const { code, stderr } = await shrike('up', '--data', data, '--kafka-port', port, ...minio);
    expect(code).toBe(1);
    expect(stderr).toContain(`port ${port} is taken by something else; choose another`);
    expect(stderr).toContain('[SERVERS_FAILED]');
  });
});

describe('the watchdog', () => {
  test('ends what a run that was killed has left, and deletes its folder', async () => {
    const script = `
      const { startMinio } = await import(${JSON.stringify(builtUrl('test/support/minio-server.js'))});
      const { startEngine } = await import(${JSON.stringify(builtUrl('test/support/command-line.js'))});
      const { folder, pid } = await startMinio();
      const engine = await startEngine(folder + '-engine', '--source=simulate');
      process.stdout.write(JSON.stringify({ folder, pids: [pid, engine.pid] }));
      setInterval(() => {}, 1000);`;
    const { SHRIKE_TEST_SERVERS: _, ...env } = process.env;
    const run = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [text] = (await once(run.stdout, 'data')) as [Buffer];
    const { folder, pids } = JSON.parse(String(text)) as { folder: string; pids: number[] };
    expect([pids.map(isAlive), existsSync(folder)]).toEqual([[true, true], true]);
    run.kill('SIGKILL');
    await until(() => !pids.some(isAlive) && !existsSync(dirname(folder)));
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

describe('listeners of the shared broker', () => {
  const listeners = [
    ['SASL with PLAIN', 'saslBootstrap', 'sasl_plaintext', 'PLAIN'],
    ['SASL with SCRAM-SHA-256', 'saslBootstrap', 'sasl_plaintext', 'SCRAM-SHA-256'],
    ['SASL with SCRAM-SHA-512', 'saslBootstrap', 'sasl_plaintext', 'SCRAM-SHA-512'],
    ['TLS', 'tlsBootstrap', 'ssl', ''],
    ['SASL over TLS', 'saslTlsBootstrap', 'sasl_ssl', 'SCRAM-SHA-512'],
  ] as const;

  test.each(listeners)('%s lets its user in', async (...[, listener, protocol, mechanism]) => {
    const kafka = await sharedKafka();
    const topic = `servers-${protocol}-${mechanism}`;
    await createTopic(kafka.bootstrap, { topic, partitions: 1 });
    const config = {
      'security.protocol': protocol,
      'ssl.ca.location': kafka.tls.caFile,
      ...(mechanism !== '' && {
        'sasl.mechanism': mechanism,
        'sasl.username': kafka.username,
        'sasl.password': kafka.password,
      }),
    };
    await produce(kafka[listener], topic, [{ value: 'in' }], { config });
    const records = await consumeAll(kafka[listener], topic, { config });
    expect(records.map(({ value }) => String(value))).toEqual(['in']);
  });
});

describe('the oracle', () => {
  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'reads what it wrote with compression %s',
    async (compression) => {
      const { bootstrap } = await sharedKafka();
      const topic = `servers-${compression}`;
      await createTopic(bootstrap, { topic, partitions: 1 });
      const texts = Array.from({ length: 200 }, (_, i) => `the same text, ${i}`);
      const sent = texts.map((value) => ({ value, key: 'k', timestampMs: 1_700_000_000_000 }));
      await produce(bootstrap, topic, sent, { compression });
      const [first, ...others] = await consumeAll(bootstrap, topic);
      expect(first).toEqual({
        partition: 0,
        offset: 0,
        key: Buffer.from('k'),
        value: Buffer.from('the same text, 0'),
        timestampMs: 1_700_000_000_000,
        headers: [],
      });
      expect(others.at(-1)?.offset).toBe(199);
    },
  );

  test('shares a group with another member of it', async () => {
    const { bootstrap } = await sharedKafka();
    await createTopic(bootstrap, { topic: 'servers-group', partitions: 4 });
    const join = () => OracleMember.join(bootstrap, { group: 'servers', topic: 'servers-group' });
    const one = await join();
    await until(() => one.partitions.length === 4);
    const other = await join();
    await until(() => one.partitions.length === 2 && other.partitions.length === 2);
    expect(new Set([...one.partitions, ...other.partitions])).toEqual(new Set([0, 1, 2, 3]));
    await one.leave();
    await until(() => other.partitions.length === 4);
    await produce(bootstrap, 'servers-group', [{ partition: 3, value: 'to the one that stayed' }]);
    await until(() => other.records.length === 1);
    expect(String(other.records[0]?.value)).toBe('to the one that stayed');
    await other.leave();
  });

  test('sees committed transactions, and aborted and open ones when it is told to', async () => {
    const { bootstrap } = await sharedKafka();
    const topic = 'servers-transactions';
    await createTopic(bootstrap, { topic, partitions: 1 });
    const one = (value: string) => [{ partition: 0, value }];
    await produceTransaction(bootstrap, topic, one('kept'), { end: 'commit' });
    await produceTransaction(bootstrap, topic, one('dropped'), { end: 'abort' });
    const open = await OracleProducer.connect(bootstrap, { transactionalId: 'servers-open' });
    await open.begin();
    await open.send(topic, one('open'));
    const read = async (isolation: 'read_committed' | 'read_uncommitted') =>
      (await consumeAll(bootstrap, topic, { isolation })).map(
        ({ offset, value }) => `${offset} ${String(value)}`,
      );
    expect(await read('read_committed')).toEqual(['0 kept']);
    // Each transaction ends with a marker, which has an offset of its own.
    expect(await read('read_uncommitted')).toEqual(['0 kept', '2 dropped', '4 open']);
    await open.commit();
    await open.close();
    expect(await read('read_committed')).toEqual(['0 kept', '4 open']);
  });
});

describe('three brokers behind a proxy', () => {
  test('a record reaches its replicas when one broker is dead, and clients see faults', async () => {
    const kafka = await startKafka({ nodes: 3, proxied: true });
    const toxiproxy = await startToxiproxy();
    try {
      const proxies = await toxiproxy.proxyAll(kafka.routes);
      await createTopic(kafka.bootstrap, { topic: 'three', partitions: 3, replicas: 3 });
      await kafka.kill(3);
      const sent = [0, 1, 2].map((partition) => ({ partition, value: `to ${partition}` }));
      await produce(kafka.proxiedBootstrap, 'three', sent);
      const records = await consumeAll(kafka.proxiedBootstrap, 'three');
      expect(records.map(({ value }) => String(value))).toEqual(['to 0', 'to 1', 'to 2']);
      await Promise.all(proxies.map((proxy) => proxy.cut()));
      await expect(fetch(`http://${proxies[0]?.address}`)).rejects.toThrow('fetch failed');
      await Promise.all(proxies.map((proxy) => proxy.heal()));
      await Promise.all(proxies.map((proxy) => proxy.delay(20)));
      expect(await consumeAll(kafka.proxiedBootstrap, 'three')).toHaveLength(3);
      expect(kafka.pids).toHaveLength(2);
      await kafka.start();
      expect(kafka.pids).toHaveLength(3);
    } finally {
      await toxiproxy.remove();
      await kafka.remove();
    }
  });
});
