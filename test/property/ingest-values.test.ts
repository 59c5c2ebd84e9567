import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Payment } from '../../src/ingest/clean.ts';
import { CsvSplitter } from '../../src/ingest/csv-rows.ts';
import { dateOfEpochDay, epochDay, timeOfMinute } from '../../src/ingest/event-date.ts';
import { float32Text } from '../../src/ingest/float32-text.ts';
import { paymentCodec } from '../../src/ingest/payment-codec.ts';
import { csvField } from '../../src/ingest/rejects.ts';

test('dates agree with those of the platform, there and back, from 1970 to 9999', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2_932_896 }), (day) => {
      const date = new Date(day * 86_400_000);
      const expected = {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
      };
      expect(dateOfEpochDay(day)).toEqual(expected);
      expect(epochDay(expected)).toBe(day);
    }),
    { numRuns: 2000, seed: 8123 },
  );
  expect(timeOfMinute(2_932_896 * 1440 + 1439)).toBe('23:59');
});

test('the text of a float32 reads back to it, and no shorter decimal does', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (value) => {
      const text = float32Text(value);
      expect(Math.fround(Number(text)) + 0).toBe(value + 0);
      const digits = text.replace(/e.*|[-.]|^0\.0*/g, '').replace(/^0+|0+$/g, '').length;
      if (digits > 1 && Number.isFinite(value)) {
        expect(Math.fround(Number(value.toPrecision(digits - 1)))).not.toBe(value);
      }
    }),
    { numRuns: 5000, seed: 8123 },
  );
  expect(
    [35.9, 0.1, 16777216, 2 ** -149, 3.4028234663852886e38].map((v) => float32Text(Math.fround(v))),
  ).toEqual(['35.9', '0.1', '16777216', '1e-45', '3.4028235e+38']);
});

const text = (maxLength: number) =>
  fc.string({ unit: 'binary', maxLength }).map((t) => t.replace(/\p{Cc}/gu, ''));

test('a payment rests in bytes and comes back the same', () => {
  const payments: fc.Arbitrary<Payment> = fc.record({
    user: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    card: fc.integer({ min: 0, max: 2 ** 20 - 1 }),
    eventMinute: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    cents: fc.integer({ min: -(10 ** 14) + 1, max: 10 ** 14 - 1 }),
    useChip: fc.constantFrom(0, 1, 2),
    merchantName: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    merchantCity: text(200),
    merchantState: text(200),
    zip: fc.constantFrom('', '00000', '91750'),
    mcc: fc.integer({ min: 0, max: 9999 }),
    errors: text(200),
    isFraud: fc.constantFrom(0, 1, undefined),
  });
  fc.assert(
    fc.property(payments, (payment) => {
      const bytes = Buffer.alloc(3 + paymentCodec.bytesMax(payment));
      const end = paymentCodec.write(payment, bytes, 3);
      expect(end).toBeLessThanOrEqual(bytes.length);
      expect(paymentCodec.read(payment.eventMinute, bytes, 3, end)).toEqual(payment);
    }),
    { numRuns: 100, seed: 8123 },
  );
});

test('rows written with quotes are read back, however the bytes are cut', () => {
  const rows = fc.array(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 2, maxLength: 4 }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 40 }), fc.boolean(), (fields, blockBytes, crlf) => {
      // A leading quote needs quoting, too: inside a field it is a character like others.
      const field = (t: string) =>
        t.startsWith('"') ? `"${t.replaceAll('"', '""')}"` : csvField(t);
      const lines = fields.map((row) => row.map(field).join(','));
      const bytes = Buffer.from(lines.join(crlf ? '\r\n' : '\n'));
      const splitter = new CsvSplitter();
      const read: (readonly string[])[] = [];
      for (let at = 0; at < bytes.length; at += blockBytes) {
        read.push(...splitter.push(bytes.subarray(at, at + blockBytes)).rows.map((r) => r.fields));
      }
      read.push(...splitter.end().rows.map((r) => r.fields));
      expect(read).toEqual(fields);
    }),
    { numRuns: 500, seed: 8123 },
  );
});
