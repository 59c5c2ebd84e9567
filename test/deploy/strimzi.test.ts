/** What deploy/strimzi says, held against what the engine needs; test/cluster has its form. */
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/loader.ts';
import { topicsOf as wantedBy } from '../../src/job.ts';
import {
  type Resource,
  rendered,
  renderedWithRekey,
  rightsOf,
  topicName,
  topicsOf,
} from '../support/strimzi.ts';

const DAY_MS = 86_400_000;
const { config } = loadConfig({ env: {}, flags: { 'outputs.features': true } });

let development: readonly Resource[];
let production: readonly Resource[];
let connect: readonly Resource[];

beforeAll(async () => {
  [development, production, connect] = (await Promise.all(
    ['overlays/development', 'overlays/production', 'connect'].map(rendered),
  )) as [readonly Resource[], readonly Resource[], readonly Resource[]];
});

const specOf = <T>(resources: readonly Resource[], kind: string, name: string): T =>
  resources.find((one) => one.kind === kind && one.metadata.name === name)?.spec as T;

interface KafkaSpec {
  readonly kafka: {
    readonly version: string;
    readonly listeners: readonly object[];
    readonly authorization: object;
    readonly rack?: object;
    readonly config: Readonly<Record<string, string | number | boolean>>;
  };
}

describe('topics', () => {
  const named = (resources: readonly Resource[]) =>
    new Map(topicsOf(resources).map((topic) => [topicName(topic), topic.spec]));

  test('are those that the engine wants, by its names, compacted where it wants it', () => {
    for (const [name, resources] of Object.entries({ development, production })) {
      const there = named(resources);
      const cleanups = wantedBy(config).map(({ topic }) => [
        topic,
        there.get(topic)?.config['cleanup.policy'],
      ]);
      expect(cleanups, name).toEqual(
        wantedBy(config).map(({ topic, cleanup }) => [topic, cleanup]),
      );
    }
  });

  test('have as many partitions as the payments have, so that profiles lie beside them', () => {
    const counts = (resources: readonly Resource[]) =>
      new Set(wantedBy(config).map(({ topic }) => named(resources).get(topic)?.partitions));
    expect([...counts(development)]).toEqual([config.input.partitions]);
    expect([...counts(production)]).toEqual([24]);
  });

  test('keep payments for as long as a savepoint may be wanted, and positions for longer', () => {
    const retention = Number(named(production).get('transactions')?.config['retention.ms']);
    const { intervalMs, keepCount } = config.checkpoints;
    expect(retention).toBe(7 * DAY_MS);
    expect(retention).toBeGreaterThan(1000 * keepCount * intervalMs);
    const { kafka } = specOf<KafkaSpec>(production, 'Kafka', 'shrike');
    const positionsMs = Number(kafka.config['offsets.retention.minutes']) * 60_000;
    const longest = Math.max(
      ...topicsOf(production).map((topic) => Number(topic.spec.config['retention.ms'] ?? 0)),
    );
    expect(positionsMs).toBeGreaterThan(longest);
  });

  test('take a dead letter that holds a record of the largest size', () => {
    const limit = Number(named(production).get('dead_letters')?.config['max.message.bytes']);
    expect(limit).toBeGreaterThan((4 / 3) * 2 ** 20 + 10_000);
  });
});

describe('production', () => {
  test('loses nothing with one zone', () => {
    const { kafka } = specOf<KafkaSpec>(production, 'Kafka', 'shrike');
    expect(kafka.rack).toEqual({ topologyKey: 'topology.kubernetes.io/zone' });
    expect(kafka.config).toMatchObject({
      'min.insync.replicas': 2,
      'unclean.leader.election.enable': false,
      'default.replication.factor': 3,
      'offsets.topic.replication.factor': 3,
      'transaction.state.log.replication.factor': 3,
      'transaction.state.log.min.isr': 2,
    });
    expect(new Set(topicsOf(production).map(({ spec }) => spec.replicas))).toEqual(new Set([3]));
    for (const pool of ['broker', 'controller']) {
      const spec = specOf<{ replicas: number; template: object }>(
        production,
        'KafkaNodePool',
        pool,
      );
      expect(spec.replicas).toBe(3);
      expect(spec.template).toMatchObject({
        pod: { topologySpreadConstraints: [{ whenUnsatisfiable: 'DoNotSchedule', maxSkew: 1 }] },
      });
    }
  });
});

describe.each(['development', 'production'] as const)('%s', (variant) => {
  const resources = () => (variant === 'development' ? development : production);

  test('has one door, with TLS and a login, and rules behind it', () => {
    const { kafka } = specOf<KafkaSpec>(resources(), 'Kafka', 'shrike');
    expect(kafka.version).toBe('4.3.1');
    expect(kafka.listeners).toEqual([
      {
        name: 'scram',
        port: 9093,
        type: 'internal',
        tls: true,
        authentication: { type: 'scram-sha-512' },
      },
    ]);
    expect(kafka.authorization).toEqual({ type: 'simple' });
    expect(kafka.config['auto.create.topics.enable']).toBe(false);
  });

  test('gives nobody a right on all, but Kafka UI, to look', () => {
    const users = resources().filter(({ kind }) => kind === 'KafkaUser');
    expect(users.map(({ metadata }) => metadata.name).toSorted()).toEqual([
      ...['alerts', 'kafka-ui', 'payments', 'schema-registry', 'shrike'],
    ]);
    for (const { metadata } of users) {
      const rights = rightsOf(resources(), metadata.name);
      const wide = rights.filter(({ name, of }) => name === '*' || of === 'cluster');
      const operations = [...new Set(wide.map(({ operation }) => operation))].toSorted();
      const looks = ['describe', 'describeConfigs', 'read'];
      expect([metadata.name, operations]).toEqual([
        metadata.name,
        metadata.name === 'kafka-ui' ? looks : [],
      ]);
    }
  });

  test('names topics in its rules that are there', () => {
    const there = new Set(topicsOf(resources()).map(topicName));
    const named = resources()
      .filter(({ kind }) => kind === 'KafkaUser')
      .flatMap(({ metadata }) => rightsOf(resources(), metadata.name))
      .filter(({ of, name }) => of === 'topic' && name !== '*');
    expect(named.filter(({ name }) => !there.has(name))).toEqual([]);
  });
});

describe.each([
  ['development', 'within'],
  ['development', 'around'],
  ['production', 'within'],
  ['production', 'around'],
] as const)('%s with re-keying, the component %s', (variant, place) => {
  const before = () => (variant === 'development' ? development : production);
  const flags = { 'outputs.features': true, 'input.keyedByUser': false };
  const wanted = wantedBy(loadConfig({ env: {}, flags }).config);
  let resources: readonly Resource[];
  beforeAll(async () => {
    resources = await renderedWithRekey(variant, place);
  });

  const specs = (of: readonly Resource[]) =>
    new Map(topicsOf(of).map((topic) => [topicName(topic), topic.spec]));

  test('has every topic that the engine wants then, the added one as that of the payments', () => {
    const there = specs(resources);
    expect(wanted.map(({ topic }) => topic)).toContain('transactions-by-user');
    expect(wanted.map(({ topic }) => [topic, there.get(topic)?.config['cleanup.policy']])).toEqual(
      wanted.map(({ topic, cleanup }) => [topic, cleanup]),
    );
    const counts = wanted.map(({ topic }) => there.get(topic)?.partitions);
    expect(new Set(counts)).toEqual(new Set([variant === 'production' ? 24 : 8]));
    expect(there.get('transactions-by-user')).toEqual(specs(before()).get('transactions'));
    expect(new Set(resources.map(({ metadata: { namespace = 'none' } }) => namespace))).toEqual(
      new Set(before().map(({ metadata: { namespace = 'none' } }) => namespace)),
    );
  });

  test('adds to what the engine may do, nothing to what others may, and changes little else', () => {
    const texts = (of: readonly Resource[], user: string) =>
      rightsOf(of, user).map(({ of: kind, name, operation }) => `${kind} ${name} ${operation}`);
    const [had, has] = [texts(before(), 'shrike'), texts(resources, 'shrike')];
    expect(has).toEqual([
      ...had,
      ...['read', 'write', 'describeConfigs'].map((one) => `topic transactions-by-user ${one}`),
      'group shrike-rekey read',
    ]);
    const there = specs(resources);
    const topics = rightsOf(resources, 'shrike').filter(({ of }) => of === 'topic');
    expect(topics.filter(({ name }) => !there.has(name))).toEqual([]);
    const others = before().filter(
      (one) => !resources.some((other) => isDeepStrictEqual(one, other)),
    );
    expect(others.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      ...(variant === 'production' ? ['KafkaNodePool broker'] : []),
      'KafkaUser shrike',
    ]);
    expect(resources).toHaveLength(before().length + 1);
  });
});

test('production with re-keying has room for payments twice', async () => {
  interface Pool {
    readonly storage: { readonly volumes: readonly { readonly size: string }[] };
  }
  const gigabytes = (of: readonly Resource[]) => {
    const { storage } = specOf<Pool>(of, 'KafkaNodePool', 'broker');
    return (Number.parseInt(storage.volumes[0]?.size ?? '') * 2 ** 30) / 1e9;
  };
  // What overlays/production/node-pools.yaml reckons with: seven days at 1,000 a second.
  const payments = (7 * 86_400 * 1000 * 262) / 1e9;
  const outputs = payments / 5;
  expect(gigabytes(production)).toBeGreaterThan(1.5 * (payments + outputs));
  const rekeyed = await renderedWithRekey('production', 'within');
  expect(gigabytes(rekeyed)).toBeGreaterThan(1.5 * (2 * payments + outputs));
});

describe('Kafka Connect', () => {
  interface Connector {
    readonly class: string;
    readonly config: Readonly<Record<string, string>>;
  }

  test('reads what was committed, and has rights on what its connectors read', () => {
    const spec = specOf<{ groupId: string; config: Record<string, unknown> }>(
      connect,
      'KafkaConnect',
      'shrike-connect',
    );
    expect(spec.config['consumer.isolation.level']).toBe('read_committed');
    const connectors = connect.filter(({ kind }) => kind === 'KafkaConnector');
    expect(connectors.map((one) => (one.spec as Connector).class)).toEqual([
      'com.clickhouse.kafka.connect.ClickHouseSinkConnector',
      'io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector',
    ]);
    const readable = rightsOf(connect, 'shrike-connect')
      .filter(({ of, operation }) => of === 'topic' && operation === 'read')
      .map(({ name }) => name);
    const read = connectors.flatMap(
      (one) => (one.spec as Connector).config.topics?.split(',') ?? [],
    );
    expect(read.filter((topic) => !readable.includes(topic))).toEqual([]);
    expect(
      connectors.map(({ metadata }) => `connect-${metadata.name}`.startsWith('connect-shrike-')),
    ).toEqual([true, true]);
  });

  test('holds no secret: connectors name them', () => {
    const secrets = connect
      .filter(({ kind }) => kind === 'KafkaConnector')
      .flatMap((one) => Object.entries((one.spec as Connector).config))
      .filter(([key]) => /password|secret|key\.id/.test(key));
    expect(secrets).toHaveLength(3);
    expect(
      secrets.filter(([, value]) => !/^\$\{secrets:shrike\/connect-[a-z0-9]+:\w+\}$/.test(value)),
    ).toEqual([]);
  });
});
