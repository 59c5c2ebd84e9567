import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PackedRecords } from '../../src/core/records.ts';
import { ColumnScratch } from '../../src/log/kafka/reader/column-scratch.ts';
import { FetchedRun } from '../../src/log/kafka/reader/fetched-run.ts';
import { crc32c } from '../../src/log/kafka/wire/crc32c.ts';
import { encodeBatch, type PlainBatch, type PlainRecord } from '../support/kafka-batches.ts';

const PRODUCERS = [7, 8, 9] as const;

const text = fc.option(
  fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('', 'Zürich', '日本')),
);
const record = fc.record({
  key: text,
  value: fc.oneof(text, fc.constant('v'.repeat(300))),
  timestampMs: fc.oneof(fc.nat(2 ** 41), fc.constantFrom(0, 1_700_000_000_000)),
  /** Compaction has taken it. */
  isGone: fc.boolean(),
  headers: fc.constantFrom([], [['trace', 'abc']] as const),
});
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      producerId: fc.constantFrom(-1, ...PRODUCERS),
      records: fc.array(record, { minLength: 1, maxLength: 5 }),
      isWholeBatchGone: fc.boolean(),
      compression: fc.constantFrom(0, 0, 1),
      logAppendTimeMs: fc.option(fc.nat(), { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ends: fc.constantFrom(...PRODUCERS),
      control: fc.constantFrom('abort' as const, 'commit' as const),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Written {
  readonly batches: PlainBatch[];
  readonly visible: PlainRecord[];
  readonly aborted: { producerId: number; firstOffset: number; lastOffset: number }[];
  readonly end: number;
}

/** What a broker stores, and what of it is to be seen, transaction by transaction. */
function written(steps: readonly Step[], start: number): Written {
  const batches: PlainBatch[] = [];
  const visible: PlainRecord[] = [];
  const aborted: Written['aborted'] = [];
  const open = new Map<number, { firstOffset: number; records: PlainRecord[] }>();
  let offset = start;
  const end = (producerId: number, control: 'abort' | 'commit') => {
    const transaction = open.get(producerId);
    if (transaction === undefined) return;
    open.delete(producerId);
    batches.push({ baseOffset: offset, records: [], producerId, control });
    const { firstOffset, records } = transaction;
    if (control === 'commit') visible.push(...records);
    else aborted.push({ producerId, firstOffset, lastOffset: offset });
    offset += 1;
  };
  for (const each of steps) {
    if ('ends' in each) {
      end(each.ends, each.control);
      continue;
    }
    const { producerId, compression, logAppendTimeMs } = each;
    const baseOffset = offset;
    const all = each.records.map(({ isGone, ...rest }) => ({ ...rest, isGone, offset: offset++ }));
    const kept: readonly PlainRecord[] = all.filter(({ isGone }) => !isGone);
    if (producerId >= 0 && !open.has(producerId)) {
      open.set(producerId, { firstOffset: baseOffset, records: [] });
    }
    if (each.isWholeBatchGone) continue;
    const transactional = producerId >= 0;
    const at = { baseOffset, lastOffset: offset - 1, compression, producerId, transactional };
    const time = logAppendTimeMs === undefined ? {} : { logAppendTimeMs };
    batches.push({ ...at, ...time, records: kept });
    const seen = kept.map((one) => ({ ...one, timestampMs: logAppendTimeMs ?? one.timestampMs }));
    if (transactional) open.get(producerId)?.records.push(...seen);
    else visible.push(...seen);
  }
  for (const producerId of [...open.keys()]) end(producerId, 'abort');
  visible.sort((a, b) => a.offset - b.offset);
  return { batches, visible, aborted, end: offset };
}

function plain({ offset, timestampMs, key, value }: PlainRecord) {
  // A packed batch tells no text from its bytes: what UTF-8 cannot say is replaced before.
  const well = (one: string | null) => (one === null ? null : Buffer.from(one).toString());
  return { offset, timestampMs, key: well(key), value: well(value) };
}

function readAll(run: FetchedRun, from: number, bytesMax: number) {
  const scratch = new ColumnScratch();
  const found: ReturnType<typeof plain>[] = [];
  let at = from;
  while (at < run.nextOffset) {
    scratch.clear();
    const next = run.decode(scratch, at, bytesMax);
    expect(next).toBeGreaterThan(at);
    const packed = PackedRecords.of(scratch.pack());
    for (let i = 0; i < packed.count; i++) {
      const value = packed.value(i)?.toString() ?? null;
      const timestampMs = packed.timestampMs(i);
      const key = packed.key(i) ?? null;
      found.push({ offset: packed.offset(at, i), timestampMs, key, value });
    }
    at = next;
  }
  return found;
}

test('F1, F2: whatever was compacted, aborted or packed, the records seen are the committed ones', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 12 }),
      fc.constantFrom(0, 5, 2 ** 40),
      fc.nat(8),
      fc.constantFrom(1, 50, 1 << 20),
      fc.nat(200),
      (steps, start, skip, bytesMax, cutBytes) => {
        const { batches, visible, aborted, end } = written(steps, start);
        const from = Math.min(start + skip, end);
        const fetched = batches.filter((b) => (b.lastOffset ?? b.baseOffset) >= from);
        const bytes = Buffer.concat(fetched.map(encodeBatch));
        const named = aborted.filter(({ lastOffset }) => lastOffset >= from).reverse();
        const records = bytes.subarray(0, bytes.byteLength - cutBytes);
        const at = { topic: 't', partition: 0, from };
        const run = new FetchedRun({ ...at, aborted: named, records: Buffer.from(records) });
        const found = readAll(run, from, bytesMax);
        const expected = visible.filter((r) => r.offset >= from && r.offset < run.nextOffset);
        expect(found).toEqual(expected.map(plain));
        const last = fetched.at(-1);
        const whole = last === undefined ? from : (last.lastOffset ?? last.baseOffset) + 1;
        if (cutBytes === 0) expect(run.nextOffset).toBe(whole);
      },
    ),
    { numRuns: 400 },
  );
});

test('damaged bytes are refused with a code, whatever is damaged; they never hang or crash', () => {
  const { batches } = written(
    [
      {
        producerId: 7,
        records: [
          { key: 'a', value: 'b', timestampMs: 5, isGone: false, headers: [] },
          { key: null, value: null, timestampMs: 6, isGone: false, headers: [] },
        ],
        isWholeBatchGone: false,
        compression: 0,
        logAppendTimeMs: undefined,
      },
    ],
    0,
  );
  const whole = Buffer.concat(batches.map(encodeBatch));
  const flips = fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { minLength: 1 });
  fc.assert(
    fc.property(flips, fc.boolean(), (changes, isChecksumRight) => {
      const records = Buffer.from(whole);
      for (const [at, byte] of changes) records[at] = byte;
      // Damage that a checksum does not show is a producer's fault; it must not hang us either.
      if (isChecksumRight) records.writeUInt32BE(crc32c(records, 21), 17);
      try {
        const run = new FetchedRun({ topic: 't', partition: 0, from: 0, aborted: [], records });
        const scratch = new ColumnScratch();
        run.decode(scratch, 0, 1 << 20);
        expect(PackedRecords.of(scratch.pack()).count).toBeLessThan(10);
      } catch (error) {
        expect(error).toMatchObject({ code: 'LOG_BATCH_UNREADABLE' });
      }
    }),
    { numRuns: 400 },
  );
});
