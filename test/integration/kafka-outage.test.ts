/** `run --source simulate` and `simulate` while the broker goes and comes back. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StatusSnapshot } from '../../src/core/status.ts';
import { Command, startEngine, until } from '../support/command-line.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { consumeAll, createTopic, OracleProducer } from '../support/rdkafka.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const LIMIT_MS = 240_000;
const NOT_COUNTED = /^the group shrike counts without this process/;
let kafka: KafkaBroker;

beforeAll(async () => {
  kafka = await startKafka();
}, LIMIT_MS);
afterAll(() => kafka.remove());

async function idxesOf(topic: string): Promise<readonly number[]> {
  const records = await consumeAll(kafka.bootstrap, topic);
  return records
    .map(({ value }) => (JSON.parse(String(value)) as { idx: number }).idx)
    .sort((a, b) => a - b);
}

test('the simulator goes on after its broker was away for long: each payment once', {
  timeout: LIMIT_MS,
}, async () => {
  const settings = [
    `kafka.bootstrap=${kafka.bootstrap}`,
    'kafka.instanceId=one',
    // An append is given up sooner than a broker is back.
    'kafka.transactionTimeoutMs=1000',
    'kafka.sessionTimeoutMs=6000',
    'input.partitions=2',
    'workers=1',
  ].flatMap((one) => ['--set', one]);
  const source = ['--source', 'simulate', '--population', '50', '--rate', '200'];
  const data = join(await scratchFolder(), 'data');
  const { command, address } = await startEngine(data, ...source, '--json', ...settings);
  const statusOf = async () => {
    expect(command.process.exitCode, command.stderr).toBe(null);
    return (await (await fetch(`${address}/api/status`)).json()) as StatusSnapshot;
  };
  const recordCount = async () => (await statusOf()).totals.records;
  const more = async (count: number) => {
    const before = await recordCount();
    await until(async () => (await recordCount()) >= before + count);
  };
  await more(200);

  const transactionalId = 'left-open';
  const producer = await OracleProducer.connect(kafka.bootstrap, { transactionalId });
  await producer.begin();
  await producer.send('transactions', [{ partition: 1, key: '1', value: 'never seen' }]);
  await until(async () => (await statusOf()).problems.length > 0);
  expect((await statusOf()).problems).toEqual([
    expect.stringMatching(/^partition 1: an open transaction of left-open since \S+Z blocks/),
  ]);
  await producer.abort();
  await producer.close();
  await until(async () => (await statusOf()).problems.length === 0);

  await kafka.kill();
  // What says so depends on what the append was doing at that moment.
  await until(() => command.stderr.includes('ECONNREFUSED'));
  const isReady = async () => (await fetch(`${address}/readyz`)).ok;
  // Its session is over then, and so is what it owned.
  await until(async () => !(await isReady()));
  await until(async () => (await statusOf()).problems.some((one) => NOT_COUNTED.test(one)));
  await kafka.start();
  await more(400);
  await until(isReady);
  expect((await statusOf()).problems.filter((one) => NOT_COUNTED.test(one))).toEqual([]);
  await until(async () => (await statusOf()).lag.records < 200);
  const { code, stderr } = await command.interrupt();
  expect(code, stderr).toBe(0);
  const payments = await idxesOf('transactions');
  expect(payments).toEqual(Array.from({ length: payments.length }, (_, idx) => idx));
  const scored = await idxesOf('scored');
  expect(scored.filter((idx, i) => scored[i - 1] === idx)).toEqual([]);
  // The partitions end where they are when it is told to end: what came before is there.
  const settled = payments.length - 400;
  expect(scored.filter((idx) => idx < settled)).toEqual(payments.slice(0, settled));
});

test('so does the simulator beside no engine, which says what it waits for', {
  timeout: LIMIT_MS,
}, async () => {
  const topic = 'alone';
  await createTopic(kafka.bootstrap, { topic, partitions: 2 });
  const command = new Command([
    ...['simulate', '--population', '20', '--rate', '200', '--history-days', '0'],
    ...['--data', join(await scratchFolder(), 'none')],
    ...['--set', `kafka.bootstrap=${kafka.bootstrap}`, '--set', `input.transactions=${topic}`],
    ...['--set', 'kafka.transactionTimeoutMs=1000', '--set', 'input.partitions=2'],
  ]);
  const more = async (than: number) => {
    await until(async () => {
      expect(command.process.exitCode, command.stderr).toBe(null);
      return (await idxesOf(topic)).length > than;
    });
  };
  await more(100);
  await kafka.kill();
  // What says so depends on what the append was doing at that moment.
  await until(() => command.stderr.includes('ECONNREFUSED'));
  await kafka.start();
  await more((await idxesOf(topic)).length + 100);
  const { code, stdout, stderr } = await command.interrupt();
  expect(code, stderr).toBe(0);
  const payments = await idxesOf(topic);
  expect(stdout).toBe(`${payments.length} payments in the log\n`);
  expect(payments).toEqual(Array.from({ length: payments.length }, (_, idx) => idx));
});
