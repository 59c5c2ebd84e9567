/** Batches that are written from columns, against batches that are written plainly. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PackedRecords, packRecords } from '../../src/core/records.ts';
import {
  BatchEncoder,
  batchBytesBound,
  seal,
} from '../../src/log/kafka/transactions/record-batch.ts';
import { encodeBatch, type PlainRecord } from '../support/kafka-batches.ts';

type Row = Omit<PlainRecord, 'offset' | 'headers'>;

const text = fc.option(
  fc.oneof(
    fc.string({ unit: 'binary' }),
    // Around the lengths at which a length takes one byte more, and the copy another way.
    fc.constantFrom(62, 63, 64, 65, 127, 128, 8191, 8192).map((length) => 'x'.repeat(length)),
  ),
);
const row: fc.Arbitrary<Row> = fc.record({
  timestampMs: fc.oneof(
    fc.integer({ min: 1_600_000_000_000, max: 1_600_000_100_000 }),
    fc.integer({ min: 0, max: 2 ** 45 }),
    fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32),
  ),
  key: text,
  value: text,
});

function pack(rows: readonly Row[]): PackedRecords {
  const records = rows.map(({ timestampMs, key, value }) => ({
    timestampMs,
    key: key ?? undefined,
    value: value ?? undefined,
  }));
  return PackedRecords.of(packRecords(records));
}

function plainly(rows: readonly Row[]): Buffer {
  return encodeBatch({
    baseOffset: 0,
    producerId: 7_000_000_000,
    transactional: true,
    leaderEpoch: -1,
    records: rows.map((one, offset) => ({ ...one, offset })),
  });
}

function encode(all: readonly PackedRecords[], batchBytes?: number) {
  const bound = batchBytesBound(all, batchBytes);
  const encoder = new BatchEncoder(Buffer.alloc(bound), 0, batchBytes);
  const places = all.map((records) => encoder.add(records));
  const batches = encoder.finish();
  for (const { bytes } of batches) seal(bytes, { producerId: 7_000_000_000, epoch: 0 }, -1);
  return { places, batches, isWithinBound: encoder.at <= bound };
}

test('a batch has the bytes that the format asks for', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
      const { batches, isWithinBound } = encode([pack(rows)]);
      expect(isWithinBound).toBe(true);
      expect(batches.map(({ bytes }) => bytes.equals(plainly(rows)))).toEqual([true]);
    }),
  );
});

test('appends to one partition lie in one sequence of batches, each of which fits', () => {
  const appends = fc.array(fc.array(row, { maxLength: 12 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(appends, fc.integer({ min: 100, max: 20_000 }), (parts, batchBytes) => {
      const { places, batches, isWithinBound } = encode(parts.map(pack), batchBytes);
      expect(isWithinBound).toBe(true);
      const rows = parts.flat();
      let at = 0;
      for (const { bytes, count } of batches) {
        expect(bytes.equals(plainly(rows.slice(at, at + count)))).toBe(true);
        expect(count === 1 || bytes.byteLength <= batchBytes).toBe(true);
        at += count;
      }
      expect(at).toBe(rows.length);
      const before = (batch: number) =>
        batches.slice(0, batch).reduce((sum, { count }) => sum + count, 0);
      let first = 0;
      for (const [i, { length }] of parts.entries()) {
        const place = places[i] ?? { batch: 0, index: 0 };
        if (length > 0) expect(before(place.batch) + place.index).toBe(first);
        first += length;
      }
    }),
  );
});
