/** What a broker may answer once in a year, and what a reader makes of it. */
import { afterEach, describe, expect, test } from 'vitest';
import { BROKER_ERRORS } from '../../src/log/kafka/wire/broker-errors.ts';
import { encodeBatch } from '../support/kafka-batches.ts';
import { hastyClock, openReader, type Reading, recordsIn } from '../support/kafka-reading.ts';
import { type Reply, type Script, ScriptedKafka } from '../support/scripted-kafka.ts';

let kafka: ScriptedKafka;
let reading: Reading;

afterEach(async () => {
  await reading.close();
  await kafka.stop();
});

async function start(script: Script): Promise<void> {
  kafka = await ScriptedKafka.start(script);
  reading = openReader(kafka.bootstrap, { clock: hastyClock });
}

const at = { topic: 't', partition: 0, bytesMax: 1000 };
const batch = (baseOffset: number, leaderEpoch = 3) =>
  encodeBatch({
    baseOffset,
    leaderEpoch,
    records: [{ offset: baseOffset, timestampMs: 1, key: 'k', value: `v${baseOffset}` }],
  });
/** Answers in their order; the last one again and again. */
const inTurn = (...replies: readonly Reply[]): Script => {
  let next = 0;
  return { fetch: () => replies[Math.min(next++, replies.length - 1)] as Reply };
};
const read = async (from: number, waitMs = 60_000) =>
  recordsIn(await reading.reader.read({ ...at, from, waitMs })).map(({ value }) => value);
const one = { lastStableOffset: 1, records: batch(0) };

describe('what passes is tried again', () => {
  test.each([
    'NOT_LEADER_OR_FOLLOWER',
    'FENCED_LEADER_EPOCH',
    'UNKNOWN_LEADER_EPOCH',
    'OFFSET_NOT_AVAILABLE',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'KAFKA_STORAGE_ERROR',
  ] as const)('%s', async (name) => {
    await start(inTurn({ error: BROKER_ERRORS[name] }, one));
    expect(await read(0)).toEqual(['v0']);
  });

  test('a connection that ends in the middle of a fetch, twice', async () => {
    await start(inTurn('hang-up', 'hang-up', one));
    expect(await read(0)).toEqual(['v0']);
  });

  test('a broker that has no room for the client now, and says for how long', async () => {
    await start(inTurn({ throttleMs: 20 }, one));
    expect(await read(0)).toEqual(['v0']);
  });

  test('a topic that is not known everywhere yet', async () => {
    const topicError = (question: number) =>
      question < 3 ? BROKER_ERRORS.UNKNOWN_TOPIC_OR_PARTITION : 0;
    await start({ ...inTurn(one), topicError });
    expect(await read(0)).toEqual(['v0']);
  });

  test('an offset that is out of range for a broker, and in range for the next look', async () => {
    const outOfRange = { error: BROKER_ERRORS.OFFSET_OUT_OF_RANGE };
    await start({ ...inTurn(outOfRange, one), offsets: [0, 1, 1] });
    expect(await read(0)).toEqual(['v0']);
  });
});

describe('what does not pass is said', () => {
  test.each([
    ['TOPIC_AUTHORIZATION_FAILED', 'KAFKA_NOT_AUTHORIZED'],
    ['CORRUPT_MESSAGE', 'KAFKA_REQUEST_FAILED'],
  ] as const)('%s: %s', async (name, code) => {
    await start(inTurn({ error: BROKER_ERRORS[name] }));
    await expect(read(0)).rejects.toMatchObject({ code });
  });

  test('a log that was cut off below what was read, though it has grown again', async () => {
    await start(inTurn(one, { lastStableOffset: 9, isDiverging: true }));
    expect(await read(0)).toEqual(['v0']);
    await expect(read(1)).rejects.toMatchObject({
      code: 'LOG_OFFSET_OUT_OF_RANGE',
      message: 't-0 was cut off: what came before offset 1 is gone',
    });
    const [first, second] = kafka.fetches;
    expect(first).toMatchObject({ offset: 0, leaderEpoch: 5, lastEpoch: -1 });
    expect(second).toMatchObject({ offset: 1, leaderEpoch: 5, lastEpoch: 3 });
  });

  test('a format from before Kafka 0.11', async () => {
    const old = encodeBatch({ baseOffset: 4, magic: 1, records: [] });
    await start(inTurn({ lastStableOffset: 5, records: old }));
    await expect(read(4)).rejects.toMatchObject({
      code: 'LOG_BATCH_UNREADABLE',
      message:
        't-0: the batch at offset 4 cannot be read: it has the message format 1, from before Kafka 0.11',
    });
  });

  test('bytes that have changed on the disk', async () => {
    const records = batch(4);
    records[records.byteLength - 2] = 0;
    await start(inTurn({ lastStableOffset: 5, records }));
    await expect(read(4)).rejects.toMatchObject({
      code: 'LOG_BATCH_UNREADABLE',
      message: 't-0: the batch at offset 4 cannot be read: its checksum is wrong',
    });
  });
});

describe('an answer without records, though the end of the partition is further on', () => {
  const nothing = { lastStableOffset: 5 };

  test('a gap at the end of a compacted topic is passed', async () => {
    await start({ ...inTurn(nothing), settings: { 'cleanup.policy': 'compact' } });
    const { batches, highWatermark } = await reading.reader.read({
      ...at,
      from: 2,
      waitMs: 60_000,
    });
    expect(batches.map(({ from, nextOffset }) => [from, nextOffset])).toEqual([[2, 5]]);
    expect(highWatermark).toBe(5);
  });

  test.each([
    ['may be late in tiered storage', { 'remote.storage.enable': 'true' }],
    ['cannot be gone where nothing is compacted', { 'cleanup.policy': 'delete' }],
  ] as const)('records %s: they are waited for', async (_, settings) => {
    const replies = Array.from({ length: 24 }, () => nothing);
    const late = { lastStableOffset: 5, records: batch(4) };
    const policy = { 'cleanup.policy': 'compact', ...settings };
    await start({ ...inTurn(...replies, late), settings: policy });
    expect(await read(2)).toEqual(['v4']);
  });
});

test('a read that does not wait gets the record for which an answer had no room', async () => {
  await start(inTurn({ lastStableOffset: 5 }, { lastStableOffset: 5, records: batch(4) }));
  expect(await read(4, 0)).toEqual(['v4']);
});

test('while there is nothing, every question but the first is a long poll', async () => {
  await start(inTurn({ lastStableOffset: 1 }));
  expect(await read(1, 300)).toEqual([]);
  expect(kafka.fetches.filter(({ waitMs }) => waitMs === 0)).toHaveLength(1);
});
