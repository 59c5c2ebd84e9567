/** Records that are as large as a topic takes, and outputs that are larger; needs `npx tsc -b`. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Log } from '../../src/core/log.ts';
import { seeded } from '../../src/core/random.ts';
import { packRecords } from '../../src/core/records.ts';
import { openKafkaLog } from '../../src/log/kafka/log.ts';
import { Command, shrikeJson } from '../support/command-line.ts';
import { goldenSet } from '../support/golden-set.ts';
import { alterTopic } from '../support/kafka-acls.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { bootstrapOf, LOG_OPTIONS } from '../support/kafka-log.ts';
import { consumeAll, createTopic, produce, type RecordToSend } from '../support/rdkafka.ts';

const LIMIT_MS = 240_000;
const LARGE = { config: { 'message.max.bytes': 4 << 20 } };
/** What a broker's 1,048,588 leave for a value, with a key of one byte. */
const LARGEST_BYTES = 1_048_588 - 61 - 12;

let kafka: KafkaBroker;
let scratch: string;

beforeAll(async () => {
  kafka = await startKafka();
  scratch = await mkdtemp(join(tmpdir(), 'shrike-large-'));
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  await rm(scratch, { recursive: true });
});

const onKafka = (...settings: readonly string[]) =>
  [`kafka.bootstrap=${kafka.bootstrap}`, 'input.partitions=1', 'workers=1', ...settings].flatMap(
    (one) => ['--set', one],
  );

/** `shrike run` up to the end of what is in the log. */
function run(name: string, ...settings: readonly string[]) {
  const args = onKafka(`application=${name}`, `input.transactions=${name}`, ...settings);
  const data = join(scratch, name);
  return new Command(['run', '--until-end', '--no-listen', '--data', data, ...args]).ended;
}

const golden = (count: number): readonly RecordToSend[] =>
  goldenSet()
    .transactions.slice(0, count)
    .map(({ key, value }) => ({ partition: 0, key: key as string, value: value as string }));

async function valuesOf<T>(topic: string): Promise<readonly T[]> {
  const records = await consumeAll(kafka.bootstrap, topic);
  return records.map(({ value }) => JSON.parse(String(value)) as T);
}

interface Letter {
  readonly topic: string;
  readonly offset: number;
  readonly value_base64: string;
  readonly truncated: object;
}

test('a poisoned record as large as its topic takes: a letter with its beginning, redriven whole', {
  timeout: LIMIT_MS,
}, async () => {
  const poison = 'x'.repeat(LARGEST_BYTES);
  const [first, second] = golden(2) as [RecordToSend, RecordToSend];
  await createTopic(kafka.bootstrap, { topic: 'poisoned', partitions: 1 });
  const records = [first, { partition: 0, key: '3', value: poison }, second];
  for (const record of records) await produce(kafka.bootstrap, 'poisoned', [record], LARGE);
  const ended = await run('poisoned');
  expect(ended.code, ended.stderr).toBe(0);
  expect(await valuesOf('scored')).toMatchObject([{ idx: 0 }, { idx: 1 }]);
  const whole = {
    key_bytes: 1,
    value_bytes: LARGEST_BYTES,
    value_sha256: createHash('sha256').update(poison).digest('hex'),
  };
  const letter = { topic: 'poisoned', offset: 1, code: 'RECORD_NOT_JSON', truncated: whole };
  const [found] = await valuesOf<Letter>('dead_letters');
  expect(found).toMatchObject(letter);
  expect(Buffer.from(String(found?.value_base64), 'base64').toString()).toBe('x'.repeat(4096));

  const place = [...onKafka('application=poisoned', 'input.transactions=poisoned')];
  const redrive = ['dlq', 'redrive', ...place, '--data', join(scratch, 'no')];
  expect(await shrikeJson(...redrive, '--dry-run')).toEqual({ records: 1, dryRun: true });
  expect(await shrikeJson(...redrive)).toEqual({ records: 1, dryRun: false });
  const log = await consumeAll(kafka.bootstrap, 'poisoned');
  expect(log.map(({ value }) => value?.byteLength)).toEqual([
    ...records.map(({ value }) => Buffer.byteLength(value as string)),
    LARGEST_BYTES,
  ]);
  expect(String(log[3]?.value)).toBe(poison);
});

test('outputs are cut to the limit of their topic; one that does not fit stops its partition by name', {
  timeout: LIMIT_MS,
}, async () => {
  const limited = async (topic: string, bytes: number) =>
    alterTopic(kafka.bootstrap, { topic, name: 'max.message.bytes', value: String(bytes) });
  await createTopic(kafka.bootstrap, { topic: 'narrow', partitions: 1 });
  const before = await valuesOf('scored');
  await limited('scored', 500);
  await limited('fraud_alerts', 500);
  await produce(kafka.bootstrap, 'narrow', golden(300));
  const quiet = await run('narrow', 'scoring.threshold=1');
  expect(quiet.code, quiet.stderr).toBe(0);
  const scored = await valuesOf<{ idx: number }>('scored');
  expect(scored.slice(before.length).map(({ idx }) => idx)).toEqual(
    Array.from({ length: 300 }, (_, idx) => idx),
  );
  // Every payment is an alert, and none of them fits.
  const start = (await consumeAll(kafka.bootstrap, 'narrow')).at(-1)?.offset as number;
  await produce(kafka.bootstrap, 'narrow', golden(1));
  const stopped = await run('narrow', 'scoring.threshold=0');
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(
    new RegExp(
      `the record for fraud_alerts-0 made of narrow-0 at offset ${start + 1} has \\d+ bytes, and the topic takes 430`,
    ),
  );
  expect(stopped.stderr.match(/partition recovers/g)).toBe(null);
  await limited('fraud_alerts', 1 << 20);
  const goesOn = await run('narrow', 'scoring.threshold=0');
  expect(goesOn.code, goesOn.stderr).toBe(0);
  expect(await valuesOf('fraud_alerts')).toHaveLength(1);
  expect(await valuesOf('scored')).toHaveLength(before.length + 301);
});

test('a limit that is lowered under an open log is learned from what the broker refuses', {
  timeout: LIMIT_MS,
}, async () => {
  const topic = 'lowered';
  const log: Log = await openKafkaLog({
    settings: bootstrapOf(kafka.bootstrap),
    ...LOG_OPTIONS,
    transactionalId: 'test-of-limits',
    sessionTimeoutMs: 10_000,
    transactionTimeoutMs: 60_000,
    random: seeded(7),
  });
  try {
    const spec = { topic, partitions: 1, cleanup: 'delete', retentionMs: 0 } as const;
    await log.ensureTopics([spec]);
    const append = (bytes: number) => {
      const records = packRecords([{ key: 'k', value: 'x'.repeat(bytes), timestampMs: 0 }]);
      return log.append([{ topic, partition: 0, records }]);
    };
    await append(500_000);
    expect((await log.recordBytesMax([topic])).get(topic)).toBe(1_048_516);
    const tooLarge = { code: 'OUTPUT_TOO_LARGE' };
    await expect(append(2_000_000)).rejects.toMatchObject(tooLarge);
    await alterTopic(kafka.bootstrap, { topic, name: 'max.message.bytes', value: '10000' });
    await expect(append(20_000)).rejects.toMatchObject({
      code: 'COMMIT_FAILED',
      message: expect.stringContaining('lowered-0: a batch of 1 records and 200'),
    });
    expect((await log.recordBytesMax([topic])).get(topic)).toBe(9_928);
    await expect(append(20_000)).rejects.toMatchObject({
      ...tooLarge,
      message: expect.stringContaining('lowered-0 has 20001 bytes, and the topic takes 9928'),
    });
    await append(9_000);
    expect((await consumeAll(kafka.bootstrap, topic)).map((one) => one.value?.byteLength)).toEqual([
      500_000, 9_000,
    ]);
  } finally {
    await log.close();
  }
});
