/** Where packed actors lie, and how they are written: each against the simplest thing there is. */
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { expect, test } from 'vitest';
import { NumberIndex } from '../../src/core/number-index.ts';
import { ByteArena, type Span, spanOf } from '../../state/byte-arena.ts';
import { MsgpackReader, MsgpackWriter } from '../../state/msgpack.ts';

const key = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => 8 * n),
  fc.integer({ min: 0, max: 40 }).map((n) => 2 ** 32 * n + 5),
  fc.maxSafeNat(),
);

test('an index of numbers is a Map, whatever is added and deleted', () => {
  const command = fc.tuple(fc.constantFrom('add', 'delete', 'get'), key);
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120 }), fc.nat(1500), (commands, more) => {
      const index = new NumberIndex();
      const map = new Map<number, number>();
      for (let i = 0; i < more; i++) {
        index.add(16 * i + 3, i);
        map.set(16 * i + 3, i);
      }
      for (const [what, of] of commands) {
        if (what === 'delete') {
          index.delete(of);
          map.delete(of);
        } else if (what === 'add' && !map.has(of)) {
          index.add(of, map.size);
          map.set(of, map.size);
        }
        expect(index.get(of)).toBe(map.get(of) ?? -1);
      }
      expect(index.size).toBe(map.size);
      expect([...map.keys()].map((of) => index.get(of))).toEqual([...map.values()]);
    }),
    { numRuns: 40 },
  );
});

function filled(length: number, seed: number): Span {
  const span = spanOf(new ArrayBuffer((length + 3) & ~3));
  for (let i = 0; i < length; i++) span.bytes[i] = (i * 7 + seed) % 251;
  span.end = length;
  return span;
}

test('blocks of an arena keep what was put into them until they are freed', () => {
  const length = fc.oneof(fc.integer({ min: 1, max: 400 }), fc.constantFrom(4096, 16_384, 70_001));
  const command = fc.oneof(
    { weight: 3, arbitrary: fc.record({ put: length }) },
    { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300, size: 'max' }), (commands) => {
      const arena = new ByteArena();
      const kept: { address: number; content: Buffer }[] = [];
      const found = spanOf(new ArrayBuffer(0));
      for (const [seed, next] of commands.entries()) {
        if ('put' in next) {
          const span = filled(next.put, seed);
          kept.push({ address: arena.put(span), content: span.bytes.subarray(0, next.put) });
        } else if (kept.length > 0) {
          const [gone] = kept.splice(next.free % kept.length, 1);
          arena.free((gone as { address: number }).address);
        }
      }
      for (const { address, content } of kept) {
        arena.read(address, content.length, found);
        expect(found.bytes.subarray(found.start, found.end).equals(content)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    fc.integer(),
    fc.integer({ min: -200, max: 70_000 }),
    fc.double({ noNaN: true }),
    fc.maxSafeInteger(),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 20 }),
  ),
}));
const written = (of: unknown): Buffer => {
  const writer = new MsgpackWriter();
  writer.value(of);
  return Buffer.from(writer.span.bytes.subarray(0, writer.span.end));
};
function readBack(bytes: Uint8Array): unknown {
  const span = spanOf(new ArrayBuffer((bytes.byteLength + 3) & ~3));
  span.bytes.set(bytes);
  span.end = bytes.byteLength;
  const reader = new MsgpackReader();
  reader.begin(span, 0);
  const found = reader.value();
  reader.finish();
  return found;
}

test('values are written as another msgpack library writes them, and read back', () => {
  const packr = new Packr({ useRecords: false });
  fc.assert(
    fc.property(value, (of) => {
      const bytes = written(of);
      expect(bytes.equals(packr.pack(of))).toBe(true);
      expect(written(readBack(bytes)).equals(bytes)).toBe(true);
      expect(readBack(bytes)).toEqual(packr.unpack(bytes));
    }),
    { numRuns: 300 },
  );
});

test('an encoding that is cut short or goes on is refused', () => {
  fc.assert(
    fc.property(value, fc.nat(), (of, at) => {
      const bytes = written(of);
      expect(() => readBack(bytes.subarray(0, at % bytes.length))).toThrow(RangeError);
      expect(() => readBack(Buffer.concat([bytes, bytes]))).toThrow('behind its end');
    }),
    { numRuns: 100 },
  );
});
