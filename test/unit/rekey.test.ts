import { afterEach, expect, test } from 'vitest';
import { readPaymentUsers } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { systemClock } from '../../src/core/clock.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import type { MembershipListener } from '../../src/core/log.ts';
import { type NewRecord, PackedRecords, packRecords } from '../../src/core/records.ts';
import { PartitionPacker } from '../../src/rekey/partition-packer.ts';
import { Rekeyer, type RekeyLimits } from '../../src/rekey/rekeyer.ts';
import { DurableLog, MemoryLog, type MemoryLogFaults } from '../support/memory-log.ts';

const LIMITS: RekeyLimits = {
  recordsMax: 1000,
  minIntervalMs: 0,
  fetchBytesMax: 1 << 20,
  fetchBytesTotal: 1 << 24,
  pollMs: 10_000,
  holdMs: 1_000_000,
  backoffMsMax: 1,
};
const GROUP = 'test-rekey';
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function logWith(inputs: number, targets: number, faults: MemoryLogFaults = {}) {
  const log = new MemoryLog(new DurableLog(), systemClock, faults);
  const common = { cleanup: 'delete' as const, retentionMs: 0 };
  await log.ensureTopics([
    { topic: 'in', partitions: inputs, ...common },
    { topic: 'by-user', partitions: targets, ...common },
    { topic: 'dead', partitions: targets, ...common },
  ]);
  return log;
}

function rekeyer(log: MemoryLog, targets: number, limits: Partial<RekeyLimits> = {}) {
  const events: string[] = [];
  const made = new Rekeyer({
    log,
    clock: systemClock,
    group: GROUP,
    inputTopic: 'in',
    targetTopic: 'by-user',
    deadLetterTopic: 'dead',
    partitions: targets,
    readKeys: readPaymentUsers(parseJsonBatch),
    emitEvent: (_level, event) => events.push(event),
    limits: { ...LIMITS, ...limits },
  });
  stops.push(() => made.stop());
  return { made, events };
}

const payment = (user: number, timestampMs: number): NewRecord => ({
  key: `card of ${user}`,
  value: `{"idx":${timestampMs},"user":${user},"card":0}`,
  timestampMs,
});

function send(log: MemoryLog, partition: number, records: readonly NewRecord[]) {
  return log.append([{ topic: 'in', partition, records: packRecords(records) }]);
}

async function recordsOf(log: MemoryLog, topic: string, partition: number) {
  const read = await log.read({ topic, partition, from: 0, bytesMax: 1 << 24, waitMs: 0 });
  return read.batches.flatMap(({ bytes }) => {
    const records = PackedRecords.of(bytes);
    return Array.from({ length: records.count }, (_, i) => ({
      key: records.key(i),
      value: records.value(i)?.toString(),
      timestampMs: records.timestampMs(i),
    }));
  });
}

async function committed(log: MemoryLog, inputs: number) {
  const all = Array.from({ length: inputs }, (_, partition) => ({ topic: 'in', partition }));
  return log.committed(GROUP, all);
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await systemClock.yield();
}

test('records of several partitions are merged by their timestamps, and else stay as they are', async () => {
  const log = await logWith(3, 2);
  await send(log, 0, [payment(4, 10), payment(3, 40)]);
  await send(log, 1, [payment(2, 20), payment(4, 50)]);
  await send(log, 2, [payment(4, 30), payment(1, 35), payment(2, 36)]);
  const { made } = rekeyer(log, 2);
  await made.start();
  await until(() => made.status().records === 7);
  const lines = async (partition: number) =>
    (await recordsOf(log, 'by-user', partition)).map(({ key, timestampMs }) => [key, timestampMs]);
  expect(await lines(0)).toEqual([
    ['4', 10],
    ['2', 20],
    ['4', 30],
    ['2', 36],
    ['4', 50],
  ]);
  expect(await lines(1)).toEqual([
    ['1', 35],
    ['3', 40],
  ]);
  expect((await recordsOf(log, 'by-user', 1))[0]?.value).toBe('{"idx":35,"user":1,"card":0}');
  expect(await committed(log, 3)).toEqual([2, 2, 3]);
});

test('a round takes so many records at most, and the order holds from one to the next', async () => {
  const log = await logWith(2, 1);
  const times = (first: number) => Array.from({ length: 30 }, (_, i) => first + 2 * i);
  for (const ms of times(0)) await send(log, 0, [payment(1, ms)]);
  await send(
    log,
    1,
    times(1).map((ms) => payment(2, ms)),
  );
  const { made } = rekeyer(log, 1, { recordsMax: 7, fetchBytesMax: 1 });
  await made.start();
  await until(() => made.status().records === 60);
  const got = (await recordsOf(log, 'by-user', 0)).map(({ timestampMs }) => timestampMs);
  expect(got).toEqual(Array.from({ length: 60 }, (_, i) => i));
  expect(made.status().commits).toBeGreaterThanOrEqual(9);
});

test('what has no user is a dead letter with its place in the input, in the same commit', async () => {
  const log = await logWith(3, 2);
  await send(log, 2, [payment(0, 1), { key: undefined, value: '{"idx":7}', timestampMs: 2 }]);
  const { made } = rekeyer(log, 2);
  await made.start();
  await until(() => made.status().records === 2);
  expect(made.status()).toMatchObject({ records: 2, deadLetters: 1, commits: 1, problems: [] });
  const [letter] = await recordsOf(log, 'dead', 0);
  expect(JSON.parse(letter?.value ?? '')).toEqual({
    topic: 'in',
    partition: 2,
    offset: 1,
    timestamp_ms: 2,
    code: 'RECORD_FIELD_INVALID',
    reason: 'user is missing; it must be an integer from 0 to 2^53 - 1',
    key: null,
    value_base64: 'eyJpZHgiOjd9',
  });
});

test('what the internal topic would not take is a dead letter, and what comes behind it goes on', async () => {
  const log = await logWith(1, 1);
  log.limits = new Map([['by-user', 50]]);
  const large = { ...payment(7, 1), value: '{"idx":1,"user":7,"note":"a long, long note"}' };
  await send(log, 0, [large, payment(7, 2)]);
  const { made } = rekeyer(log, 1);
  await made.start();
  await until(() => made.status().records === 2);
  const [letter] = await recordsOf(log, 'dead', 0);
  expect(JSON.parse(letter?.value ?? '')).toMatchObject({
    offset: 0,
    code: 'RECORD_TOO_LARGE',
    reason: '61 bytes, and by-user takes 50',
  });
  expect((await recordsOf(log, 'by-user', 0)).map(({ timestampMs }) => timestampMs)).toEqual([2]);
});

test('a commit that took effect and was not acknowledged is not made again', async () => {
  let isFirst = true;
  const afterCommit = () => {
    if (!isFirst) return;
    isFirst = false;
    throw new ShrikeError('COMMIT_FAILED', 'the answer was lost');
  };
  const log = await logWith(1, 1, { afterCommit });
  await send(log, 0, [payment(1, 1), payment(2, 2)]);
  const { made, events } = rekeyer(log, 1);
  await made.start();
  await until(() => made.status().recoveries === 1);
  expect(made.status().problems).toEqual([
    'in is not re-keyed: the answer was lost [COMMIT_FAILED]\n  The log refused the commit; the batch is read and scored again. See the cause.',
  ]);
  await send(log, 0, [payment(3, 3)]);
  await until(() => made.status().commits === 1);
  expect((await recordsOf(log, 'by-user', 0)).map(({ key }) => key)).toEqual(['1', '2', '3']);
  expect(made.status().problems).toEqual([]);
  expect(events).toEqual(['re-keying begins again from what is committed']);
});

test('Y4: letting go waits for the commit under way, and who comes back begins where it ended', async () => {
  let release: () => void = () => undefined;
  let commits = 0;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const beforeCommit = () => {
    commits++;
    return commits === 1 ? held : undefined;
  };
  const log = await logWith(1, 1, { beforeCommit });
  let listener: MembershipListener | undefined;
  const join = log.join.bind(log);
  log.join = (group, topic, to) => {
    listener = to;
    return join(group, topic, to);
  };
  await send(log, 0, [payment(1, 1), payment(2, 2)]);
  const { made } = rekeyer(log, 1, { recordsMax: 1 });
  await made.start();
  await until(() => commits === 1);
  const partitions = [{ topic: 'in', partition: 0 }];
  let isGone = false;
  const gone = listener?.revoked(partitions).then(() => {
    isGone = true;
  });
  listener?.assigned(partitions);
  await systemClock.yield();
  expect(isGone).toBe(false);
  release();
  await gone;
  await until(() => made.status().commits === 2);
  expect((await recordsOf(log, 'by-user', 0)).map(({ key }) => key)).toEqual(['1', '2']);
});

test('a partition that cannot be read is a problem by name, and the others go on', async () => {
  let isBroken = true;
  const beforeRead = ({ topic, partition }: { topic: string; partition: number }) => {
    if (isBroken && topic === 'in' && partition === 0) {
      throw new ShrikeError('LOG_UNAVAILABLE', 'broker 7 is away');
    }
  };
  const log = await logWith(2, 1, { beforeRead });
  await send(log, 0, [payment(1, 1)]);
  await send(log, 1, [payment(2, 2)]);
  const { made, events } = rekeyer(log, 1);
  await made.start();
  await until(() => made.status().records === 1);
  expect(made.status()).toMatchObject({
    isCaughtUp: false,
    problems: [
      expect.stringMatching(/^in-0 is not re-keyed: broker 7 is away \[LOG_UNAVAILABLE\]/),
    ],
  });
  isBroken = false;
  await until(() => made.status().records === 2);
  expect(made.status()).toMatchObject({ isCaughtUp: true, problems: [] });
  expect(events).toEqual(['input cannot be re-keyed', 'input is re-keyed again']);
});

test('a partition whose records do not come is waited for a while, and no longer', async () => {
  const never = new Promise<void>(() => undefined);
  const beforeRead = ({ topic, partition }: { topic: string; partition: number }) =>
    topic === 'in' && partition === 0 ? never : undefined;
  const log = await logWith(2, 1, { beforeRead });
  await send(log, 0, [payment(1, 1)]);
  await send(log, 1, [payment(2, 2)]);
  const { made } = rekeyer(log, 1, { holdMs: 5 });
  await made.start();
  await until(() => made.status().records === 1);
  expect(await committed(log, 2)).toEqual([undefined, 1]);
});

test('without a committed offset it begins with the first record that the log still has', async () => {
  const log = await logWith(1, 1);
  await send(log, 0, [payment(1, 1), payment(2, 2)]);
  await send(log, 0, [payment(3, 3)]);
  await log.deleteBefore({ topic: 'in', partition: 0 }, 2);
  const { made } = rekeyer(log, 1);
  await made.start();
  await until(() => made.status().records === 1);
  expect((await recordsOf(log, 'by-user', 0)).map(({ key }) => key)).toEqual(['3']);
});

test('records that are gone before they were re-keyed are a problem by name, not passed over', async () => {
  const log = await logWith(2, 1);
  await send(log, 0, [payment(1, 1)]);
  await send(log, 0, [payment(2, 2)]);
  await send(log, 1, [payment(3, 3)]);
  const owner = await log.join(GROUP, 'in', {
    assigned: () => undefined,
    revoked: async () => undefined,
  });
  const offsets = [{ topic: 'in', partition: 0, nextOffset: 0 }];
  await log.commit({ group: GROUP, owner: owner.owner, offsets, outputs: [] });
  await owner.leave();
  await log.deleteBefore({ topic: 'in', partition: 0 }, 1);
  const { made } = rekeyer(log, 1);
  await made.start();
  await until(() => made.status().records === 1 && made.status().problems.length > 0);
  expect(made.status()).toMatchObject({
    isCaughtUp: false,
    problems: [
      expect.stringMatching(
        /^in-0 is not re-keyed: in-0 has no offset 0: it holds 1 to 2 \[LOG_OFF/,
      ),
    ],
  });
  expect((await recordsOf(log, 'by-user', 0)).map(({ key }) => key)).toEqual(['3']);
});

test('keys are whole numbers in decimal, appends have a bounded size', () => {
  const packer = new PartitionPacker();
  const users = [0, 9, 10, 4_294_967_296, 9_007_199_254_740_991];
  const value = 'x'.repeat(1 << 10);
  const records = PackedRecords.of(
    packRecords(Array.from({ length: 300 }, () => ({ key: undefined, value, timestampMs: 5 }))),
  );
  for (let i = 0; i < records.count; i++) packer.add(records, i, users[i % 5] as number);
  const parts = packer.finish().map((bytes) => PackedRecords.of(bytes));
  expect(parts.map(({ count }) => count)).toEqual([256, 44]);
  const keys = parts.flatMap((part) => Array.from({ length: part.count }, (_, i) => part.key(i)));
  expect(keys.slice(0, 5)).toEqual(['0', '9', '10', '4294967296', '9007199254740991']);
  expect(keys).toEqual(Array.from({ length: 300 }, (_, i) => String(users[i % 5])));
  expect(parts[1]?.value(43)?.toString()).toBe(value);
  expect(packer.finish()).toEqual([]);
});
