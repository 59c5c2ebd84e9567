import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PackedRecords, PackedRecordsBuilder } from '../../src/core/records.ts';

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', 'Zürich', '日本', '{"idx":1}', '€', '\ud83d', '\ude00'),
);
const record = fc.record({
  key: fc.option(text, { nil: undefined }),
  value: fc.oneof(text, fc.uint8Array({ maxLength: 20 }), fc.constant(undefined)),
  timestampMs: fc.nat(),
});

const bytesOf = (value: string | Uint8Array | undefined) =>
  value === undefined ? undefined : Buffer.from(value as string).toString('hex');

test('what was added comes back: keys, values of any kind, tombstones, times; also from a reused builder', () => {
  const builder = new PackedRecordsBuilder();
  fc.assert(
    fc.property(fc.array(record, { maxLength: 30 }), (added) => {
      for (const one of added) builder.add(one);
      const packed = PackedRecords.of(builder.finish());
      const read = added.map((_, i) => ({
        key: bytesOf(packed.key(i)),
        value: packed.value(i)?.toString('hex'),
        timestampMs: packed.timestampMs(i),
        offset: packed.offset(100, i),
      }));
      expect(packed.count).toBe(added.length);
      expect(read).toEqual(
        added.map(({ key, value, timestampMs }, i) => ({
          key: bytesOf(key),
          value: bytesOf(value),
          timestampMs,
          offset: 100 + i,
        })),
      );
    }),
    { numRuns: 2000 },
  );
});
