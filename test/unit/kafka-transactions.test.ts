/** Transactions without a broker: checksums, batches, the error table, patience. */
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import type { Append } from '../../src/core/log.ts';
import { Appender } from '../../src/log/kafka/transactions/appender.ts';
import { type Asking, ask, type Reply } from '../../src/log/kafka/transactions/patience.ts';
import { worst } from '../../src/log/kafka/transactions/shipment.ts';
import { type Step, verdict } from '../../src/log/kafka/transactions/verdict.ts';
import { BatchMemory, type Written, writesOf } from '../../src/log/kafka/transactions/writes.ts';
import { BROKER_ERRORS, type BrokerError } from '../../src/log/kafka/wire/broker-errors.ts';
import { crc32c } from '../../src/log/kafka/wire/crc32c.ts';
import { packed } from '../support/log-records.ts';

test('CRC-32C is that of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from('xx123456789xx'), 2, 11)).toBe(0xe3069283);
});

describe('what an error means', () => {
  test.each<[BrokerError, ...string[]]>([
    // init, add, produce, offsets, commit, abort
    ['NONE', 'done', 'done', 'done', 'done', 'done', 'done'],
    ['CONCURRENT_TRANSACTIONS', 'again', 'again', 'again', 'again', 'again', 'again'],
    ['PRODUCER_FENCED', 'fenced', 'fenced', 'fenced', 'fenced', 'fenced', 'fenced'],
    ['INVALID_PRODUCER_EPOCH', 'fenced', 'fenced', 'fenced', 'fenced', 'fenced', 'fenced'],
    ['NOT_COORDINATOR', 'elsewhere', 'elsewhere', 'again', 'elsewhere', 'elsewhere', 'elsewhere'],
    ['NOT_LEADER_OR_FOLLOWER', 'refused', 'refused', 'elsewhere', 'refused', 'refused', 'refused'],
    ['ILLEGAL_GENERATION', 'refused', 'refused', 'refused', 'outdated', 'refused', 'refused'],
    ['UNKNOWN_MEMBER_ID', 'refused', 'refused', 'refused', 'expelled', 'refused', 'refused'],
    ['FENCED_INSTANCE_ID', 'refused', 'refused', 'refused', 'expelled', 'refused', 'refused'],
    ['MESSAGE_TOO_LARGE', 'refused', 'refused', 'refused', 'refused', 'refused', 'refused'],
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'refused', 'refused', 'refused', 'refused', 'refused'],
    // Nothing to abort is fine; nothing to commit is not.
    ['INVALID_TXN_STATE', 'refused', 'refused', 'refused', 'refused', 'refused', 'ended'],
    ['UNKNOWN_SERVER_ERROR', 'refused', 'refused', 'refused', 'refused', 'refused', 'refused'],
  ])('%s', (name, ...expected) => {
    const steps: Step[] = ['init', 'add', 'produce', 'offsets', 'commit', 'abort'];
    const found = steps.map((step) => verdict(step, BROKER_ERRORS[name]));
    expect(found.slice(0, expected.length)).toEqual(expected);
  });

  test('a code that nobody knows ends the commit', () => {
    expect(verdict('produce', 12_345)).toBe('refused');
  });

  test('of several replies the one that cannot pass decides', () => {
    const reply = (name: BrokerError): Reply => ({ error: BROKER_ERRORS[name] });
    const [fine, later, never] = [
      reply('NONE'),
      reply('NOT_ENOUGH_REPLICAS'),
      reply('MESSAGE_TOO_LARGE'),
    ];
    expect(worst('produce', [fine, later, never, later])).toBe(never);
    expect(worst('produce', [fine, later, fine])).toBe(later);
    expect(worst('produce', [fine, fine]).error).toBe(0);
    // A partition that is refused keeps the coordinator from trying the others.
    const untried = reply('OPERATION_NOT_ATTEMPTED');
    const refused = reply('TOPIC_AUTHORIZATION_FAILED');
    const unknown = reply('UNKNOWN_TOPIC_OR_PARTITION');
    expect(worst('add', [untried, refused, untried])).toBe(refused);
    expect(worst('add', [untried, unknown])).toBe(unknown);
  });
});

describe('patience', () => {
  const asking = (replies: (BrokerError | Error)[], more: Partial<Asking> = {}) => {
    const told: string[] = [];
    const request: Asking = {
      step: 'add',
      what: 'to begin',
      endMs: 1000,
      once: async () => {
        const next = replies.shift() ?? 'NONE';
        if (next instanceof Error) throw next;
        return { error: BROKER_ERRORS[next] };
      },
      elsewhere: () => told.push('elsewhere'),
      lost: () => told.push('lost'),
      ...more,
    };
    return { request, told };
  };

  test('what passes is asked again after 1, 2, 4 … ms', async () => {
    const clock = new CountingClock();
    const again = Array<BrokerError>(4).fill('CONCURRENT_TRANSACTIONS');
    const { request } = asking(again);
    expect(await ask(clock, request)).toEqual({ verdict: 'done', error: undefined });
    expect(clock.slept).toEqual([1, 2, 4, 8]);
  });

  test('a lost answer is told, the coordinator looked up anew, and the request repeated', async () => {
    const { request, told } = asking([new ShrikeError('LOG_UNAVAILABLE', 'cut')]);
    expect((await ask(new CountingClock(), request)).verdict).toBe('done');
    expect(told).toEqual(['lost', 'elsewhere']);
  });

  test('when time is over the commit has failed, and the cause is named', async () => {
    const cut = new ShrikeError('LOG_UNAVAILABLE', 'cut');
    const { request } = asking(Array(99).fill(cut));
    await expect(ask(new CountingClock(), request)).rejects.toMatchObject({
      code: 'COMMIT_FAILED',
      message: 'gave up to begin: cut',
      cause: cut,
    });
  });

  test('after another part has failed nothing is repeated', async () => {
    const { request } = asking(['CONCURRENT_TRANSACTIONS'], { signal: AbortSignal.abort() });
    await expect(ask(new CountingClock(), request)).rejects.toMatchObject({
      code: 'COMMIT_FAILED',
    });
  });

  test.each<[BrokerError, string, string]>([
    ['PRODUCER_FENCED', 'fenced', 'COMMIT_FENCED'],
    ['INVALID_PRODUCER_ID_MAPPING', 'forgotten', 'COMMIT_FAILED'],
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'not-authorized', 'KAFKA_NOT_AUTHORIZED'],
    ['INVALID_TXN_STATE', 'refused', 'COMMIT_FAILED'],
  ])('%s is %s: %s', async (name, expected, code) => {
    const { request } = asking([name]);
    const answer = await ask(new CountingClock(), request);
    expect(answer).toMatchObject({ verdict: expected, error: { code } });
    expect(answer.error?.message).toBe(`the broker refuses to begin: ${name}`);
  });
});

test('a transaction time-out beyond what the broker allows is a fault of the configuration', async () => {
  const once = async () => ({ error: BROKER_ERRORS.INVALID_TRANSACTION_TIMEOUT });
  const nothing = () => {};
  const request = { step: 'init', what: 'shrike as a producer', endMs: 0, once } as const;
  const answer = await ask(new CountingClock(), { ...request, elsewhere: nothing, lost: nothing });
  expect(answer.error?.code).toBe('CONFIG_INVALID');
  expect(answer.error?.message).toMatch(/kafka\.transactionTimeoutMs/);
});

describe('where appends come to lie', () => {
  const at = { topic: 'out', partition: 3 };

  test('appends of one partition share a batch and have their own offsets', () => {
    const outputs = [
      { ...at, records: packed('a=1', 'a=2') },
      { topic: 'other', partition: 0, records: packed('b=1') },
      { ...at, records: packed() },
      { ...at, records: packed('a=3') },
    ];
    const writes = writesOf(outputs);
    new BatchMemory().encode(writes);
    expect(writes.map((write) => [write.at.topic, write.batch?.count])).toEqual([
      ['out', 3],
      ['other', 1],
    ]);
    const written: Written[] = [];
    for (const [i, write] of writes.entries()) {
      write.stored(100 * i);
      expect(write.batch).toBeUndefined();
      write.report(written);
    }
    expect(written).toEqual([
      { baseOffset: 0, nextOffset: 2 },
      { baseOffset: 100, nextOffset: 101 },
      undefined,
      { baseOffset: 2, nextOffset: 3 },
    ]);
  });

  test('an append larger than a batch goes on in the next one, wherever that lies', () => {
    const value = 'x'.repeat(400_000);
    const large = packed(...Array<string>(5).fill(`k=${value}`));
    const writes = writesOf([
      { ...at, records: large },
      { ...at, records: packed('k=small') },
    ]);
    new BatchMemory().encode(writes);
    const [write] = writes;
    const counts: number[] = [];
    // Others write in between.
    for (let base = 10; write?.batch !== undefined; base += 10) {
      counts.push(write.batch.count);
      write.stored(base);
    }
    expect(counts).toEqual([2, 2, 2]);
    const written: Written[] = [];
    write?.report(written);
    expect(written).toEqual([
      { baseOffset: 10, nextOffset: 31 },
      { baseOffset: 31, nextOffset: 32 },
    ]);
  });
});

test('appends that are asked for while one is under way go together in the next', async () => {
  const commits: string[][] = [];
  const producer = {
    doubt: undefined,
    settle: async () => undefined,
    commit: async (outputs: readonly Append[]) => {
      commits.push(outputs.map(({ topic }) => topic));
      await new Promise((resolve) => setImmediate(resolve));
      if (outputs[0]?.topic === 'bad') throw new ShrikeError('COMMIT_FAILED', 'bad');
      return outputs.map((_, i) => ({ baseOffset: i, nextOffset: i + 1 }));
    },
  };
  const appender = new Appender({
    producer,
    clock: new CountingClock(),
    isVisible: async () => false,
    onTrouble: () => undefined,
  });
  const append = (...topics: string[]) =>
    appender.append(topics.map((topic) => ({ topic, partition: 0, records: packed('k=1') })));
  const first = append('a');
  await new Promise((resolve) => queueMicrotask(() => queueMicrotask(() => resolve(undefined))));
  const rest = [append('b', 'c'), append('d')];
  expect((await first).map((written) => written?.baseOffset)).toEqual([0]);
  const found = await Promise.all(rest);
  expect(found.map((one) => one.map((written) => written?.baseOffset))).toEqual([[0, 1], [2]]);
  expect(commits).toEqual([['a'], ['b', 'c', 'd']]);
  await expect(append('bad')).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
  expect(await append('e')).toHaveLength(1);
});

/** Time passes only by sleeping. */
class CountingClock implements Clock {
  readonly slept: number[] = [];
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.#nowMs += ms;
  }

  async yield(): Promise<void> {}
}
