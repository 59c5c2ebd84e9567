/**
 * What every log must do (L1-L5 of `src/core/log.ts`), whatever is behind it. It assumes nothing
 * that Kafka does not promise: offsets may have gaps, a high watermark may lie beyond the last
 * record, compaction and deletion may take less than they could.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Log } from '../../src/core/log.ts';
import { packRecords } from '../../src/core/records.ts';
import { packed, readAll, recordsOf, valuesIn } from '../support/log-records.ts';
import { type Bench, ignoreAssignments, specOf } from './log-bench.ts';
import {
  commitTests,
  compactionTests,
  fenceTests,
  reopenTests,
  retentionTests,
} from './log-commits.ts';

export interface LogSubject {
  readonly log: Log;
  /** Closes the log and opens what it left. */
  reopen(): Promise<Log>;
  close(): Promise<void>;
}

let topicCount = 0;

export function logConformance(name: string, open: () => Promise<LogSubject>): void {
  describe(`${name} log`, () => {
    let subject: LogSubject;
    let bench: Bench;
    beforeEach(async () => {
      subject = await open();
      topicCount += 1;
      const topic = `conformance-${process.pid}-${topicCount}`;
      await subject.log.ensureTopics([specOf(topic)]);
      bench = {
        log: subject.log,
        topic,
        at: { topic, partition: 0 },
        reopen: async () => {
          bench.log = await subject.reopen();
        },
      };
    });
    afterEach(() => subject.close());
    const of = () => bench;
    topicTests(of);
    recordTests(of);
    readTests(of);
    bufferTests(of);
    waitTests(of);
    commitTests(of);
    fenceTests(of);
    retentionTests(of);
    compactionTests(of);
    reopenTests(of);
  });
}

function topicTests(bench: () => Bench): void {
  test('a topic that exists already is left as it is, with its records', async () => {
    const { log, topic, at } = bench();
    await log.append([{ ...at, records: packed('a=1') }]);
    await log.ensureTopics([specOf(topic)]);
    expect(await valuesIn(log, at)).toEqual(['1']);
    const [found] = await log.topics(['nowhere', topic]);
    expect(found).toMatchObject({ partitions: 2, cleanup: 'delete' });
    expect(found?.offsets).toHaveLength(2);
  });

  test('a topic keeps its identity when the log is opened again, and others have their own', async () => {
    const { log, topic } = bench();
    await log.ensureTopics([specOf(`${topic}-other`)]);
    const identity = await log.identity(topic);
    expect(await log.identity(`${topic}-other`)).not.toBe(identity);
    await expect(log.identity(`${topic}-nowhere`)).rejects.toMatchObject({
      code: 'LOG_TOPIC_UNKNOWN',
    });
    await bench().reopen();
    expect(await bench().log.identity(topic)).toBe(identity);
  });

  test('a topic that exists with other partitions is refused', async () => {
    const { log, topic } = bench();
    const asked = log.ensureTopics([specOf(`${topic}-new`), specOf(topic, { partitions: 3 })]);
    await expect(asked).rejects.toMatchObject({ code: 'LOG_TOPIC_MISMATCH' });
  });

  test('what names an unknown topic or partition is refused', async () => {
    const { log, topic } = bench();
    const unknown = { code: 'LOG_TOPIC_UNKNOWN' };
    const [other, beyond] = [
      { topic: `${topic}-none`, partition: 0 },
      { topic, partition: 2 },
    ];
    for (const at of [other, beyond]) {
      await expect(log.offsets(at)).rejects.toMatchObject(unknown);
      const read = log.read({ ...at, from: 0, bytesMax: 1, waitMs: 0 });
      await expect(read).rejects.toMatchObject(unknown);
      const append = log.append([{ ...at, records: packed('a=1') }]);
      await expect(append).rejects.toMatchObject(unknown);
    }
  });
}

function recordTests(bench: () => Bench): void {
  test('L1: records come back as they were given, in the order of their offsets', async () => {
    const { log, at } = bench();
    const records = [
      { key: 'plain', value: 'text', timestampMs: 1_583_020_799_123 },
      { key: 'empty value', value: '', timestampMs: 1 },
      { key: 'tombstone', value: undefined, timestampMs: 2 },
      { key: undefined, value: 'no key', timestampMs: 3 },
      { key: '', value: 'empty key', timestampMs: 4 },
      { key: 'Zürich 東京 🐦', value: '{"city":"São Paulo 🐦"}', timestampMs: 5 },
    ];
    await log.append([{ ...at, records: packRecords(records) }]);
    const found = await readAll(log, at);
    expect(found.map(({ offset: _offset, ...record }) => record)).toEqual(records);
    const offsets = found.map(({ offset }) => offset);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    expect(new Set(offsets).size).toBe(6);
  });

  test('bytes that are no text come back as they were given', async () => {
    const { log, at } = bench();
    const value = Uint8Array.from({ length: 256 }, (_, i) => i);
    await log.append([{ ...at, records: packRecords([{ key: 'k', value, timestampMs: 9 }]) }]);
    const { earliest: from } = await log.offsets(at);
    const { batches } = await log.read({ ...at, from, bytesMax: 1 << 20, waitMs: 0 });
    const bytes = Buffer.from(batches[0]?.bytes ?? []);
    expect(bytes.subarray(-256)).toEqual(Buffer.from(value));
  });

  test('appends answer with ascending base offsets, each partition for itself', async () => {
    const { log, at, topic } = bench();
    const other = { topic, partition: 1 };
    const first = await log.append([
      { ...at, records: packed('a=1', 'a=2') },
      { ...other, records: packed('b=1') },
    ]);
    const second = await log.append([{ ...at, records: packed('a=3') }]);
    const found = await readAll(log, at);
    expect(found.map(({ value }) => value)).toEqual(['1', '2', '3']);
    expect([first[0], second[0]]).toEqual([found[0]?.offset, found[2]?.offset]);
    expect(first[1]).toBe((await readAll(log, other))[0]?.offset);
  });

  test('fifty appends at once all arrive, each in one piece', async () => {
    const { log, at } = bench();
    const numbers = Array.from({ length: 50 }, (_, i) => i);
    const bases = await Promise.all(
      numbers.map((i) => log.append([{ ...at, records: packed(`k=${i}a`, `k=${i}b`) }])),
    );
    const found = await readAll(log, at);
    expect(found).toHaveLength(100);
    for (const i of numbers) {
      const first = found.findIndex(({ offset }) => offset === bases[i]?.[0]);
      expect(found.slice(first, first + 2).map(({ value }) => value)).toEqual([`${i}a`, `${i}b`]);
    }
  });

  test('an append without records changes nothing', async () => {
    const { log, at } = bench();
    await log.append([{ ...at, records: packRecords([]) }]);
    expect(await valuesIn(log, at)).toEqual([]);
    const { earliest, highWatermark } = await log.offsets(at);
    expect(highWatermark).toBe(earliest);
  });
}

function readTests(bench: () => Bench): void {
  test('a record larger than a read asks for comes back nevertheless', async () => {
    const { log, at } = bench();
    const big = 'x'.repeat(900_000);
    await log.append([{ ...at, records: packed(`k=${big}`) }]);
    await log.append([{ ...at, records: packed('k=small') }]);
    const found = await readAll(log, at, { bytesMax: 1 });
    expect(found.map(({ value }) => value?.length)).toEqual([900_000, 5]);
  });

  test('reads of several partitions at once bring each its record, however few bytes they ask for', async () => {
    const { log, topic } = bench();
    const places = [0, 1].map((partition) => ({ topic, partition }));
    await log.append(places.map((at) => ({ ...at, records: packed('k=1', 'k=2') })));
    const reads = places.map((at) => log.read({ ...at, from: 0, bytesMax: 1, waitMs: 0 }));
    const found = await Promise.all(reads);
    expect(found.map(({ batches }) => recordsOf(batches)[0]?.value)).toEqual(['1', '1']);
  });

  test('small reads, one after the other, give each record once', async () => {
    const { log, at } = bench();
    for (let i = 0; i < 20; i++) {
      await log.append([{ ...at, records: packed(`k=${i}a`, `k=${i}b`) }]);
    }
    const whole = await readAll(log, at);
    expect(whole).toHaveLength(40);
    for (const bytesMax of [1, 200, 1000]) {
      expect(await readAll(log, at, { bytesMax })).toEqual(whole);
    }
  });

  test('a read from inside a batch names the record it was asked for', async () => {
    const { log, at } = bench();
    await log.append([{ ...at, records: packed('k=0', 'k=1', 'k=2', 'k=3') }]);
    const third = (await readAll(log, at))[2];
    const from = third?.offset as number;
    const { batches } = await log.read({ ...at, from, bytesMax: 1 << 20, waitMs: 0 });
    expect(batches[0]?.from).toBe(from);
    expect(recordsOf(batches).map(({ value }) => value)).toEqual(['2', '3']);
  });

  test('a read at the end answers at once with nothing', async () => {
    const { log, at } = bench();
    await log.append([{ ...at, records: packed('k=1') }]);
    const { highWatermark: from } = await log.offsets(at);
    const read = await log.read({ ...at, from, bytesMax: 1 << 20, waitMs: 0 });
    expect(read).toMatchObject({ ...at, batches: [], highWatermark: from });
  });

  test('an offset beyond the end is out of range', async () => {
    const { log, at } = bench();
    await log.append([{ ...at, records: packed('k=1') }]);
    const { highWatermark } = await log.offsets(at);
    const read = log.read({ ...at, from: highWatermark + 1, bytesMax: 1, waitMs: 0 });
    await expect(read).rejects.toMatchObject({ code: 'LOG_OFFSET_OUT_OF_RANGE' });
  });
}

function bufferTests(bench: () => Bench): void {
  test('bytes that were read can be transferred away without harm to the next reader', async () => {
    const { log, at } = bench();
    await log.append([{ ...at, records: packed('k=1', 'k=2') }]);
    const { earliest: from } = await log.offsets(at);
    for (let i = 0; i < 2; i++) {
      const { batches } = await log.read({ ...at, from, bytesMax: 1 << 20, waitMs: 0 });
      expect(recordsOf(batches).map(({ value }) => value)).toEqual(['1', '2']);
      for (const { bytes } of batches) {
        expect([bytes.byteOffset, bytes.byteLength]).toEqual([0, bytes.buffer.byteLength]);
        structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
        expect(bytes.byteLength).toBe(0);
      }
    }
  });

  test('bytes that were appended belong to the caller again when it returns', async () => {
    const { log, at } = bench();
    const records = packed('k=1', 'k=2');
    await log.append([{ ...at, records }]);
    records.fill(0);
    expect(await valuesIn(log, at)).toEqual(['1', '2']);
  });

  test('packed records may lie anywhere in a larger buffer', async () => {
    const { log, at } = bench();
    const records = packed('k=1', 'k=2');
    const larger = new Uint8Array(records.byteLength + 64);
    larger.set(records, 13);
    const inside = larger.subarray(13, 13 + records.byteLength);
    await log.append([{ ...at, records: inside }]);
    expect(await valuesIn(log, at)).toEqual(['1', '2']);
  });
}

function waitTests(bench: () => Bench): void {
  const waiting = async (from: number, signal?: AbortSignal) => {
    const { log, at } = bench();
    const more = signal ? { signal } : {};
    return log.read({ ...at, from, bytesMax: 1 << 20, waitMs: 60_000, ...more });
  };

  test('a read that waits wakes with the next append', async () => {
    const { log, at } = bench();
    const read = waiting((await log.offsets(at)).highWatermark);
    await log.append([{ ...at, records: packed('k=1') }]);
    expect(recordsOf((await read).batches).map(({ value }) => value)).toEqual(['1']);
  });

  test('a read that waits wakes with the next commit', async () => {
    const { log, at, topic } = bench();
    const read = waiting((await log.offsets(at)).highWatermark);
    const { owner } = await log.join(`${topic}-group`, topic, ignoreAssignments);
    const outputs = [{ ...at, records: packed('k=1') }];
    await log.commit({ group: `${topic}-group`, owner, offsets: [], outputs });
    expect(recordsOf((await read).batches).map(({ value }) => value)).toEqual(['1']);
  });

  test('a read stops waiting when its signal aborts, before or during the wait', async () => {
    const { log, at } = bench();
    const { highWatermark } = await log.offsets(at);
    expect((await waiting(highWatermark, AbortSignal.abort())).batches).toEqual([]);
    const over = new AbortController();
    const read = waiting(highWatermark, over.signal);
    over.abort();
    expect((await read).batches).toEqual([]);
  });

  test('a read stops waiting after its time', async () => {
    const { log, at } = bench();
    const { highWatermark: from } = await log.offsets(at);
    const { batches } = await log.read({ ...at, from, bytesMax: 1, waitMs: 5 });
    expect(batches).toEqual([]);
  });
}
