/** The reader while brokers of its own restart, die and come back. */
import { afterEach, describe, expect, test } from 'vitest';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { openReader, type Reading, recordsIn, type SeenRecord } from '../support/kafka-reading.ts';
import { consumeAll, createTopic, OracleProducer } from '../support/rdkafka.ts';

let kafka: KafkaBroker;
let reading: Reading;
let isOver = false;

afterEach(async () => {
  isOver = true;
  await reading.close();
  await kafka.remove();
});

/** Reads a partition until the test is over, from where it stands, whatever happens meanwhile. */
async function follow(topic: string, partition: number, seen: SeenRecord[]): Promise<void> {
  for (let from = 0; !isOver; ) {
    try {
      const asked = { topic, partition, from, bytesMax: 10_000, waitMs: 100 };
      const read = await reading.reader.read(asked);
      seen.push(...recordsIn(read));
      from = read.batches.at(-1)?.nextOffset ?? from;
    } catch (error) {
      if (!isOver) expect(error).toMatchObject({ code: 'LOG_UNAVAILABLE' });
    }
  }
}

async function reached(seen: readonly SeenRecord[], count: number): Promise<void> {
  while (seen.length < count) await new Promise((resolve) => setImmediate(resolve));
}

const keysOf = (seen: readonly SeenRecord[]) =>
  [...seen].sort((a, b) => a.partition - b.partition || a.offset - b.offset).map(({ key }) => key);

async function send(bootstrap: string, topic: string, from: number): Promise<void> {
  const producer = await OracleProducer.connect(bootstrap);
  const records = Array.from({ length: 500 }, (_, i) => ({ key: `${from + i}`, value: 'v' }));
  await producer.send(topic, records);
  await producer.close();
}

describe('nothing is lost and nothing comes twice', () => {
  test('a broker restarts, and later dies, while partitions are being read', async () => {
    isOver = false;
    kafka = await startKafka();
    reading = openReader(kafka.bootstrap);
    await createTopic(kafka.bootstrap, { topic: 't', partitions: 3 });
    const seen: SeenRecord[] = [];
    const readers = [0, 1, 2].map((partition) => follow('t', partition, seen));
    await send(kafka.bootstrap, 't', 0);
    await reached(seen, 500);
    await kafka.restart();
    await send(kafka.bootstrap, 't', 500);
    await reached(seen, 1000);
    await kafka.kill();
    await kafka.start();
    await send(kafka.bootstrap, 't', 1000);
    await reached(seen, 1500);
    const expected = await consumeAll(kafka.bootstrap, 't');
    isOver = true;
    await Promise.all(readers);
    expect(keysOf(seen)).toEqual(expected.map(({ key }) => key?.toString()));
  });

  test('the leaders of some partitions die, and others take over', async () => {
    isOver = false;
    kafka = await startKafka({ nodes: 3 });
    reading = openReader(kafka.bootstrap);
    await createTopic(kafka.bootstrap, { topic: 't', partitions: 6, replicas: 3 });
    const seen: SeenRecord[] = [];
    const readers = [0, 1, 2, 3, 4, 5].map((partition) => follow('t', partition, seen));
    await send(kafka.bootstrap, 't', 0);
    await reached(seen, 500);
    await kafka.kill(3);
    await send(kafka.bootstrap, 't', 500);
    await reached(seen, 1000);
    await kafka.start();
    await kafka.kill(2);
    await send(kafka.bootstrap, 't', 1000);
    await reached(seen, 1500);
    const expected = await consumeAll(kafka.bootstrap, 't');
    isOver = true;
    await Promise.all(readers);
    expect(keysOf(seen)).toEqual(expected.map(({ key }) => key?.toString()));
  });
});
