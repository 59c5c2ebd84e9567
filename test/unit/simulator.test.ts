import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import type { Append } from '../../src/core/log.ts';
import { PackedRecords } from '../../src/core/records.ts';
import { type Payment, payments, positionAfter } from '../../src/simulator/payments.ts';
import { createWorld, DAY_MINUTES } from '../../src/simulator/people.ts';
import { readZipPlaces } from '../../src/simulator/places.ts';
import { appendProfiles, runProducer } from '../../src/simulator/producer.ts';
import { cardJson, cardProfile, userJson, userProfile } from '../../src/simulator/profiles.ts';
import { writeRawFiles } from '../../src/simulator/raw-files.ts';
import { paymentJson, paymentLine } from '../../src/simulator/texts.ts';
import { zipGrid } from '../support/zip-grid.ts';

const places = zipGrid();
const worldOf = (seed: number, users = 50) => createWorld({ seed, users, places });

function taken(count: number, stream: Iterator<Payment>): Payment[] {
  return Array.from({ length: count }, () => stream.next().value as Payment);
}

/** Time goes on only by sleeping and by `pass`. */
class SteppedClock implements Clock {
  #nowMs = 1_700_000_000_000;
  nowMs = () => this.#nowMs;
  sleep = async (ms: number) => this.pass(ms);
  yield = async () => undefined;
  pass(ms: number): void {
    this.#nowMs += ms;
  }
}

class RecordingTopic {
  readonly appends: (readonly Append[])[] = [];
  readonly append = async (appends: readonly Append[]) => this.appends.push(appends);
  records(topic: string) {
    return this.appends.flat().flatMap((append) => {
      if (append.topic !== topic) return [];
      const packed = PackedRecords.of(append.records);
      return Array.from({ length: packed.count }, (_, i) => ({
        partition: append.partition,
        key: packed.key(i),
        value: packed.value(i)?.toString() as string,
        timestampMs: packed.timestampMs(i),
      }));
    });
  }
}

const example: Payment = {
  ...{ idx: 12, user: 0, card: 1, minute: 17_181_021, year: 2002, month: 9, dayOfMonth: 1 },
  ...{ cents: 13_409, useChip: 'Swipe Transaction', merchantName: '3527213246127876953' },
  ...{ city: 'La Verne', state: 'CA', zip: '01750', mcc: 5300, errors: '', fraud: false },
};

test('M1: the same seed gives the same bytes on every machine', () => {
  const hash = createHash('sha256');
  for (const payment of taken(5000, payments(worldOf(7)))) hash.update(paymentJson(payment));
  expect(hash.digest('hex').slice(0, 16)).toBe('c41b0e57e782e2df');
});

test('another seed gives other payments', () => {
  const [a, b] = [taken(50, payments(worldOf(1))), taken(50, payments(worldOf(2)))];
  expect(a.map(paymentJson)).not.toEqual(b.map(paymentJson));
});

test('M2: payments come in the order of event time, numbered without gaps', () => {
  const stream = taken(5000, payments(worldOf(3)));
  expect(stream.map((p) => p.idx)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  expect(stream.filter((p, i) => p.minute < (stream[i - 1]?.minute ?? 0))).toEqual([]);
});

test('M3: a stream goes on from any position as if it had never stopped', () => {
  const whole = taken(1500, payments(worldOf(4)));
  for (const stop of [0, 1, 117, 118, 119, 700, 1400]) {
    const stopped = payments(worldOf(4));
    taken(stop, stopped);
    const resumed = payments(worldOf(4), { position: stopped.position });
    expect(taken(100, resumed)).toEqual(whole.slice(stop, stop + 100));
  }
});

test('the position after a payment of the log is found again from the payment', () => {
  const whole = taken(400, payments(worldOf(5)));
  for (const at of [0, 1, 50, 203, 298]) {
    const position = positionAfter(worldOf(5), whole[at] as Payment);
    expect(taken(100, payments(worldOf(5), position && { position }))).toEqual(
      whole.slice(at + 1, at + 101),
    );
  }
});

test('a payment of another world has no position', () => {
  const [payment] = taken(1, payments(worldOf(6)));
  expect(positionAfter(worldOf(7), payment as Payment)).toBeUndefined();
});

test('of two payments that look the same the log tells which one was the last', () => {
  const whole = taken(20_000, payments(worldOf(5)));
  const twin = (a: Payment, b: Payment) =>
    (['minute', 'user', 'card', 'cents', 'merchantName'] as const).every(
      (key) => a[key] === b[key],
    );
  const second = whole.findIndex((payment, i) => {
    const before = whole.slice(Math.max(0, i - 20), i);
    return before.some((other) => twin(payment, other));
  });
  const first = whole.findIndex((payment) => twin(payment, whole[second] as Payment));
  for (const at of [first, second]) {
    const earlier = whole.slice(at - 8, at);
    const position = positionAfter(worldOf(5), whole[at] as Payment, earlier);
    const next = taken(5, payments(worldOf(5), position && { position }));
    expect(next).toEqual(whole.slice(at + 1, at + 6));
  }
});

test('a stream begins and ends at the minutes asked for', () => {
  const world = worldOf(8);
  const [fromMinute, untilMinute] = [world.startMinute + 700, world.startMinute + 3000];
  const all = Array.from(payments(world, { untilMinute: world.startMinute + 4000 }));
  const within = all.filter((p) => p.minute >= fromMinute && p.minute < untilMinute);
  const stream = Array.from(payments(world, { fromMinute, untilMinute }));
  expect(stream.map((p) => [p.minute, p.user, p.cents])).toEqual(
    within.map((p) => [p.minute, p.user, p.cents]),
  );
  expect(stream.length).toBeGreaterThan(100);
});

test('without fraud in the world no payment is one', () => {
  const world = createWorld({ seed: 9, users: 50, places, fraudRate: 0 });
  expect(taken(5000, payments(world)).filter((p) => p.fraud)).toEqual([]);
});

test('chips are used from 2015 on', () => {
  const channels = (year: number) => {
    const startMinute = Date.UTC(year, 0, 1) / 60_000;
    const world = createWorld({ seed: 10, users: 50, places, startMinute });
    return [...new Set(taken(500, payments(world)).map((p) => p.useChip))].sort();
  };
  expect(channels(2014)).toEqual(['Online Transaction', 'Swipe Transaction']);
  expect(channels(2015)).toEqual(['Chip Transaction', 'Online Transaction', 'Swipe Transaction']);
});

test('a payment becomes the JSON of the topic, its keys in order', () => {
  expect(paymentJson(example)).toBe(
    '{"idx":12,"user":0,"card":1,"year":2002,"month":9,"day":1,"time":"06:21","amount":134.09,' +
      '"use_chip":"Swipe Transaction","merchant_name":"3527213246127876953",' +
      '"merchant_city":"La Verne","merchant_state":"CA","zip":"01750","mcc":5300,"errors":"",' +
      '"is_fraud":0}',
  );
});

test('every payment is JSON that reads back', () => {
  for (const payment of taken(2000, payments(worldOf(11)))) {
    const read = JSON.parse(paymentJson(payment)) as Record<string, unknown>;
    expect(read['amount']).toBe(payment.cents / 100);
    expect(BigInt.asIntN(64, BigInt(read['merchant_name'] as string)).toString()).toBe(
      payment.merchantName,
    );
  }
});

test('a payment becomes a raw line: float zip, dollars, quoted errors', () => {
  expect(paymentLine(example)).toBe(
    '0,1,2002,9,1,06:21,$134.09,Swipe Transaction,3527213246127876953,La Verne,CA,1750.0,5300,,No',
  );
  const online = { ...example, city: 'ONLINE', state: '', zip: '', cents: -9900, fraud: true };
  expect(paymentLine({ ...online, errors: 'Bad PIN,Insufficient Balance' })).toBe(
    '0,1,2002,9,1,06:21,$-99.00,Swipe Transaction,3527213246127876953,ONLINE,,,5300,' +
      '"Bad PIN,Insufficient Balance",Yes',
  );
});

test('profiles are the JSON of their topics', () => {
  const world = worldOf(12);
  expect(userJson(userProfile(world, 3))).toBe(
    '{"user":3,"latitude":40.24,"longitude":-89.86,"fico_score":787,' +
      '"total_debt":83585,"yearly_income":37587}',
  );
  expect(cardJson(cardProfile(world, 3, 0))).toBe(
    '{"user":3,"card":0,"credit_limit":7657,"card_on_dark_web":false,"year_pin_last_changed":2010}',
  );
});

test('card numbers are valid in form, unique, and from ranges for tests', () => {
  const world = worldOf(13, 400);
  const numbers = new Set<string>();
  let cards = 0;
  for (let user = 0; user < world.users; user++) {
    for (let card = 0; card < (world.cardCounts[user] as number); card++, cards++) {
      const { number } = cardProfile(world, user, card);
      const doubled = number
        .split('')
        .reverse()
        .map((d, i) => Number(d) * (i % 2 === 1 ? 2 : 1));
      expect(doubled.reduce((sum, d) => sum + (d > 9 ? d - 9 : d), 0) % 10).toBe(0);
      expect(number).toMatch(/^(400000|555555|601100)\d{10}$|^370000\d{9}$/);
      numbers.add(number);
    }
  }
  expect(numbers.size).toBe(cards);
});

test('ZIP_TABLE_INVALID names the line of the table that is wrong', () => {
  expect(() => readZipPlaces('zip,lat,lon\n00601,18.18,-66.75\n00602,x,1\n')).toThrow(/line 3/);
  expect(() => readZipPlaces('zip;lat;lon\n1;2;3')).toThrow(/"zip;lat;lon"/);
  expect(readZipPlaces('zip,lat,lon\r\n00601,18.18,-66.75\r\n').zips).toEqual(Int32Array.of(601));
});

const production = (topic: RecordingTopic, clock = new SteppedClock()) => ({
  ...{ append: topic.append, world: worldOf(14), partitions: 4, topic: 'transactions', clock },
  signal: new AbortController().signal,
});

test('P1: all payments up to the last are appended, in the partition of their user', async () => {
  const topic = new RecordingTopic();
  const options = { ...production(topic), ratePerSecond: 'max' as const };
  const report = await runProducer({ ...options, until: { payments: 2500 } });
  expect(report.payments).toBe(2500);
  const records = topic.records('transactions');
  const values = taken(2500, payments(options.world)).map(paymentJson);
  expect(records.map((r) => r.value).sort()).toEqual(values.sort());
  for (const { key, partition, value } of records) {
    const { user } = JSON.parse(value) as { user: number };
    expect([key, partition]).toEqual([String(user), user % 4]);
  }
});

test('P2: the rate holds without drift, though appends take time', async () => {
  const [topic, clock] = [new RecordingTopic(), new SteppedClock()];
  const options = { ...production(topic, clock), ratePerSecond: 500 };
  const append = async (appends: readonly Append[]) => {
    clock.pass(3);
    return topic.append(appends);
  };
  const startMs = clock.nowMs();
  await runProducer({ ...options, append, until: { payments: 2000 } });
  const last = topic.records('transactions').at(-1);
  expect((last?.timestampMs as number) - startMs).toBeGreaterThanOrEqual(3995);
  expect((last?.timestampMs as number) - startMs).toBeLessThanOrEqual(4010);
});

test('P2: after a long stall the rate starts anew instead of flooding the log', async () => {
  const [topic, clock] = [new RecordingTopic(), new SteppedClock()];
  const options = { ...production(topic, clock), ratePerSecond: 1000 };
  let stalled = false;
  const append = async (appends: readonly Append[]) => {
    if (!stalled) clock.pass(3_600_000);
    stalled = true;
    return topic.append(appends);
  };
  await runProducer({ ...options, append, until: { payments: 3000 } });
  const sizes = topic.appends.map((a) =>
    a.reduce((sum, { records }) => sum + PackedRecords.of(records).count, 0),
  );
  expect(Math.max(...sizes)).toBe(5);
});

test('an aborted producer says where to go on; nothing is missing or twice', async () => {
  const topic = new RecordingTopic();
  const stop = new AbortController();
  const options = { ...production(topic), ratePerSecond: 'max' as const };
  const first = await runProducer({
    ...options,
    signal: stop.signal,
    progress: () => stop.abort(),
  });
  await runProducer({ ...options, position: first.position, until: { payments: 1000 } });
  const idx = topic.records('transactions').map((r) => (JSON.parse(r.value) as Payment).idx);
  const count = first.payments + 1000;
  expect(idx.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
});

test('a payment that could not be appended is not counted', async () => {
  const append = () => Promise.reject(new Error('the log is gone'));
  const options = { ...production(new RecordingTopic()), ratePerSecond: 'max' as const, append };
  await expect(runProducer(options)).rejects.toThrow('the log is gone');
});

test('P3: profiles go to the partition of their user, without card numbers', async () => {
  const topic = new RecordingTopic();
  const { append, world, partitions, clock } = production(topic);
  await appendProfiles({ append, world, partitions, clock, usersTopic: 'u', cardsTopic: 'c' });
  const users = topic.records('u');
  expect(users.map((r) => Number(r.key)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 50 }, (_, i) => i),
  );
  const cards = topic.records('c');
  expect(cards.length).toBe(world.cardCounts.reduce((sum, n) => sum + n, 0));
  for (const { key, value, partition } of cards) {
    const { user, card, ...rest } = JSON.parse(value) as { user: number; card: number };
    expect([key, partition]).toEqual([`${user}:${card}`, user % 4]);
    expect(Object.keys(rest)).toEqual([
      'credit_limit',
      'card_on_dark_web',
      'year_pin_last_changed',
    ]);
  }
});

test('raw files have the headers of the Kaggle set and all that was simulated', async () => {
  const outDir = await mkdtemp(join(tmpdir(), 'shrike-raw-'));
  try {
    const world = worldOf(15);
    const report = await writeRawFiles({ world, days: 5, outDir });
    const read = async (name: string) =>
      (await readFile(join(outDir, name), 'utf8')).trimEnd().split('\n');
    const rows = await read('credit_card_transactions.csv');
    const untilMinute = world.startMinute + 5 * DAY_MINUTES;
    const lines = Array.from(payments(world, { untilMinute }), paymentLine);
    expect(rows[0]).toBe(
      'User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,' +
        'Merchant State,Zip,MCC,Errors?,Is Fraud?',
    );
    expect(rows.slice(1)).toEqual(lines);
    expect(report.payments).toBe(lines.length);
    expect((await read('sd254_users.csv')).length).toBe(51);
    expect((await read('sd254_cards.csv')).length).toBe(report.cards + 1);
  } finally {
    await rm(outDir, { recursive: true });
  }
});

test('DATA_DIR_UNWRITABLE when the raw files have no place to go', async () => {
  const writing = writeRawFiles({ world: worldOf(16), days: 1, outDir: '/dev/null/raw' });
  await expect(writing).rejects.toMatchObject({ code: 'DATA_DIR_UNWRITABLE' });
});
