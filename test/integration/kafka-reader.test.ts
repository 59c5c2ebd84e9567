/** Against a real broker, with librdkafka as the oracle: the same bytes at the same offsets. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { KafkaAdmin } from '../../src/log/kafka/admin/admin.ts';
import { sharedKafka } from '../support/kafka-broker.ts';
import {
  openReader,
  type Reading,
  readPartition,
  readTopic,
  recordsIn,
  type SeenRecord,
} from '../support/kafka-reading.ts';
import {
  consumeAll,
  createTopic,
  OracleProducer,
  type OracleRecord,
  produce,
  produceTransaction,
} from '../support/rdkafka.ts';

let bootstrap: string;
let topic: string;
let reading: Reading;
let topicCount = 0;

beforeAll(async () => {
  bootstrap = (await sharedKafka()).bootstrap;
}, 120_000);

beforeEach(() => {
  topicCount += 1;
  topic = `reader-${process.pid}-${topicCount}`;
  reading = openReader(bootstrap);
});

afterEach(() => reading.close());

const plain = ({ partition, offset, key, value, timestampMs }: OracleRecord): SeenRecord => ({
  partition,
  offset,
  key: key?.toString(),
  value: value?.toString(),
  timestampMs,
});

async function oracle(): Promise<SeenRecord[]> {
  return (await consumeAll(bootstrap, topic)).map(plain);
}

const payments = (count: number, valueBytes = 200) =>
  Array.from({ length: count }, (_, i) => ({
    key: i % 7 === 3 ? null : `user-${i % 50}`,
    value: i % 11 === 5 ? null : `{"idx":${i},"merchant":"${'Zürich '.repeat(valueBytes / 8)}"}`,
    timestampMs: 1_700_000_000_000 + i * 1000,
    headers: i % 13 === 0 ? [{ trace: Buffer.from('abc') }] : [],
  }));

describe('the same records as librdkafka sees: keys, null keys, tombstones, times, headers', () => {
  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('compression %s', async (codec) => {
    await createTopic(bootstrap, { topic, partitions: 3 });
    await produce(bootstrap, topic, payments(2000), { compression: codec });
    const seen = await readTopic(reading.reader, topic, 3);
    expect(seen).toHaveLength(2000);
    expect(seen).toEqual(await oracle());
    // In small steps it is the same.
    expect(await readTopic(reading.reader, topic, 3, { bytesMax: 500 })).toEqual(seen);
  });

  test.each(['PLAIN', 'SCRAM-SHA-512'] as const)('over TLS, logged in by %s', async (mechanism) => {
    const { saslTlsBootstrap, tls, username, password } = await sharedKafka();
    await createTopic(bootstrap, { topic, partitions: 1 });
    await produce(bootstrap, topic, payments(3000));
    const secure = openReader(saslTlsBootstrap, {
      tls: { ca: readFileSync(tls.caFile, 'utf8') },
      sasl: { mechanism, username, password },
    });
    try {
      expect(await readTopic(secure.reader, topic, 1)).toEqual(await oracle());
    } finally {
      await secure.close();
    }
  });

  test("the log's own time, where the topic says so", async () => {
    const config = { 'message.timestamp.type': 'LogAppendTime' };
    await createTopic(bootstrap, { topic, partitions: 1, config });
    await produce(bootstrap, topic, payments(50));
    expect(await readTopic(reading.reader, topic, 1)).toEqual(await oracle());
  });
});

describe('transactions', () => {
  test('aborted records are left out, between committed ones and within them', async () => {
    await createTopic(bootstrap, { topic, partitions: 2 });
    const part = (name: string) =>
      [0, 1, 0, 1].map((partition, i) => ({ partition, key: name, value: `${name}${i}` }));
    const one = await OracleProducer.connect(bootstrap, { transactionalId: `${topic}-1` });
    const two = await OracleProducer.connect(bootstrap, { transactionalId: `${topic}-2` });
    await produce(bootstrap, topic, part('plain'));
    for (const [i, end] of (['abort', 'commit', 'abort', 'abort', 'commit'] as const).entries()) {
      await one.begin();
      await two.begin();
      await one.send(topic, part(`one-${i}-`));
      await two.send(topic, part(`two-${i}-`));
      await one.send(topic, part(`one-more-${i}-`));
      await (end === 'abort' ? one.abort() : one.commit());
      await (end === 'abort' ? two.commit() : two.abort());
    }
    await produceTransaction(bootstrap, topic, part('last'), { end: 'abort' });
    await one.close();
    await two.close();
    const expected = await oracle();
    expect(expected).toHaveLength(4 + 2 * 8 + 3 * 4);
    expect(await readTopic(reading.reader, topic, 2)).toEqual(expected);
    expect(await readTopic(reading.reader, topic, 2, { bytesMax: 1 })).toEqual(expected);
    // From each offset on: a read may begin in the middle of an aborted transaction.
    const { highWatermark } = await reading.reader.offsets({ topic, partition: 0 });
    for (let from = 0; from <= highWatermark; from++) {
      const seen = await readPartition(reading.reader, { topic, partition: 0 }, { from });
      expect(seen).toEqual(expected.filter((r) => r.partition === 0 && r.offset >= from));
    }
  });

  test('an open transaction hides itself and all after it; the end of the log is known', async () => {
    await createTopic(bootstrap, { topic, partitions: 1 });
    const at = { topic, partition: 0 };
    await produce(bootstrap, topic, [{ key: 'a', value: '1' }]);
    const open = await OracleProducer.connect(bootstrap, { transactionalId: topic });
    await open.begin();
    await open.send(topic, [{ key: 'b', value: '2' }]);
    await produce(bootstrap, topic, [{ key: 'c', value: '3' }]);
    const offsets = await reading.reader.offsets(at);
    expect(offsets).toEqual({ earliest: 0, highWatermark: 1, logEnd: 3 });
    const hidden = await reading.reader.read({ ...at, from: 1, bytesMax: 1000, waitMs: 0 });
    expect(hidden).toEqual({ ...at, batches: [], highWatermark: 1 });
    const waiting = reading.reader.read({ ...at, from: 1, bytesMax: 1000, waitMs: 30_000 });
    await open.commit();
    expect(recordsIn(await waiting).map(({ value }) => value)).toEqual(['2', '3']);
    await open.close();
  });

  test('a read of nothing but aborted records moves the position to the end', async () => {
    await createTopic(bootstrap, { topic, partitions: 1 });
    const at = { topic, partition: 0 };
    await produceTransaction(bootstrap, topic, [{ key: 'a', value: '1' }], { end: 'abort' });
    const read = await reading.reader.read({ ...at, from: 0, bytesMax: 1000, waitMs: 10_000 });
    expect(recordsIn(read)).toEqual([]);
    expect(read.batches.map(({ from, nextOffset }) => [from, nextOffset])).toEqual([[0, 2]]);
    expect(read.highWatermark).toBe(2);
  });
});

test('what compaction leaves is read at its own offsets', { timeout: 90_000 }, async () => {
  const config = {
    'cleanup.policy': 'compact',
    'segment.ms': '50',
    'min.cleanable.dirty.ratio': '0.01',
    'max.compaction.lag.ms': '100',
  };
  await createTopic(bootstrap, { topic, partitions: 1, config });
  for (let round = 0; round < 4; round++) {
    const records = payments(100).map((one) => ({ ...one, key: one.key ?? 'none' }));
    await produce(bootstrap, topic, records, { compression: round % 2 === 0 ? 'none' : 'lz4' });
  }
  await produceTransaction(bootstrap, topic, [{ key: 'x', value: 'y' }], { end: 'commit' });
  let before: SeenRecord[];
  let seen: SeenRecord[];
  let after = await oracle();
  do {
    before = after;
    seen = await readTopic(reading.reader, topic, 1);
    after = await oracle();
    // The broker cleans every 15 s, and may do so between two looks.
  } while (before.length > 300 || before.length !== after.length);
  expect(seen).toEqual(after);
});

describe('reads', () => {
  const at = () => ({ topic, partition: 0 });
  const bytesMax = 1 << 20;

  test('at least one record comes, however large, for each of many partitions', async () => {
    await createTopic(bootstrap, { topic, partitions: 4 });
    const large = 'x'.repeat(900_000);
    const records = [0, 1, 2, 3].map((partition) => ({ partition, key: 'k', value: large }));
    await produce(bootstrap, topic, records);
    const reads = records.map(({ partition }) =>
      reading.reader.read({ topic, partition, from: 0, bytesMax: 10, waitMs: 30_000 }),
    );
    const lengths = (await Promise.all(reads)).map((read) => recordsIn(read)[0]?.value?.length);
    expect(lengths).toEqual([900_000, 900_000, 900_000, 900_000]);
  });

  test('two readers of one partition, at different offsets, each get their own', async () => {
    await createTopic(bootstrap, { topic, partitions: 1 });
    await produce(bootstrap, topic, payments(3000));
    const expected = await oracle();
    const all = await Promise.all(
      [0, 1500, 1500, 2999].map((from) =>
        readPartition(reading.reader, at(), { from, bytesMax: 20_000 }),
      ),
    );
    expect(all).toEqual([0, 1500, 1500, 2999].map((from) => expected.slice(from)));
  });

  test('partitions of several topics, read at once, do not get mixed up', async () => {
    const other = `${topic}-other`;
    const names = [topic, other];
    for (const name of names) {
      await createTopic(bootstrap, { topic: name, partitions: 2 });
      const records = payments(1000).map((one, i) => ({ ...one, key: `${name}-${i}` }));
      await produce(bootstrap, name, records);
    }
    const parts = [0, 1].flatMap((partition) => names.map((name) => ({ topic: name, partition })));
    const seen = await Promise.all(
      parts.map((part) => readPartition(reading.reader, part, { bytesMax: 30_000 })),
    );
    for (const name of names) {
      const own = seen.filter((_, i) => parts[i]?.topic === name).flat();
      expect(own).toEqual((await consumeAll(bootstrap, name)).map(plain));
    }
  });

  test('a read that does not wait sees what was acknowledged before it', async () => {
    await createTopic(bootstrap, { topic, partitions: 1 });
    const producer = await OracleProducer.connect(bootstrap);
    const values: (string | undefined)[] = [];
    for (let i = 0; i < 20; i++) {
      await producer.send(topic, [{ key: 'k', value: `${i}` }]);
      const read = await reading.reader.read({ ...at(), from: i, bytesMax, waitMs: 0 });
      values.push(...recordsIn(read).map(({ value }) => value));
    }
    expect(values).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
    const end = await reading.reader.read({ ...at(), from: 20, bytesMax, waitMs: 0 });
    expect(end).toEqual({ ...at(), batches: [], highWatermark: 20 });
    await producer.close();
  });

  test('a read that waits is not held up by one that waits for another partition', async () => {
    await createTopic(bootstrap, { topic, partitions: 2 });
    await produce(bootstrap, topic, [{ partition: 1, key: 'k', value: 'v' }]);
    const over = new AbortController();
    const { signal } = over;
    const empty = reading.reader.read({ ...at(), from: 0, bytesMax, waitMs: 60_000, signal });
    const other = { topic, partition: 1 };
    const full = await reading.reader.read({ ...other, from: 0, bytesMax, waitMs: 60_000 });
    expect(recordsIn(full)).toHaveLength(1);
    over.abort();
    expect((await empty).batches).toEqual([]);
  });

  test('below the start and beyond the end the range is named', async () => {
    await createTopic(bootstrap, { topic, partitions: 1 });
    await produce(bootstrap, topic, payments(10));
    const { cluster } = reading;
    const patient = { clock: systemClock, patienceMs: 10_000 };
    const admin = new KafkaAdmin({ cluster, replicationFactor: 1, ...patient });
    await admin.deleteBefore(at(), 4);
    const below = reading.reader.read({ ...at(), from: 3, bytesMax, waitMs: 1000 });
    await expect(below).rejects.toMatchObject({
      code: 'LOG_OFFSET_OUT_OF_RANGE',
      message: `${topic}-0 holds [4, 10) and was asked for offset 3`,
    });
    const beyond = reading.reader.read({ ...at(), from: 11, bytesMax, waitMs: 1000 });
    await expect(beyond).rejects.toMatchObject({ code: 'LOG_OFFSET_OUT_OF_RANGE' });
    const rest = await reading.reader.read({ ...at(), from: 4, bytesMax, waitMs: 1000 });
    expect(recordsIn(rest)).toHaveLength(6);
  });

  test('a topic or partition that is not there is named', async () => {
    const unknown = { code: 'LOG_TOPIC_UNKNOWN' };
    const read = reading.reader.read({ ...at(), from: 0, bytesMax, waitMs: 10 });
    await expect(read).rejects.toMatchObject(unknown);
    await expect(reading.reader.offsets(at())).rejects.toMatchObject(unknown);
    await createTopic(bootstrap, { topic, partitions: 1 });
    const none = { topic, partition: 1 };
    await expect(reading.reader.offsets(none)).rejects.toMatchObject(unknown);
  });

  test('where nobody answers, that is said after a while', async () => {
    const lost = openReader('127.0.0.1:1');
    const read = lost.reader.read({ ...at(), from: 0, bytesMax, waitMs: 10 });
    await expect(read).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    await lost.close();
  });

  test('closing ends the reads that wait, empty', async () => {
    await createTopic(bootstrap, { topic, partitions: 1 });
    const read = reading.reader.read({ ...at(), from: 0, bytesMax, waitMs: 60_000 });
    await reading.reader.close();
    expect((await read).batches).toEqual([]);
    const late = reading.reader.read({ ...at(), from: 0, bytesMax, waitMs: 0 });
    await expect(late).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  });
});
