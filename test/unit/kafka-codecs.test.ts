import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CODECS } from '../../src/log/kafka/reader/codecs.ts';
import { unpackLz4 } from '../../src/log/kafka/reader/lz4.ts';
import { unpackSnappy } from '../../src/log/kafka/reader/snappy.ts';
import { unpackZstd, unpackZstdSlowly } from '../../src/log/kafka/reader/zstd.ts';
import { SAMPLE_TEXT, SAMPLES } from '../support/kafka-codec-samples.ts';

const BYTES_MAX = 256 << 20;
const bytesOf = (sample: keyof typeof SAMPLES) => Buffer.from(SAMPLES[sample], 'base64');
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('what other programs packed unpacks to the same text', () => {
  test.each([
    ['snappy', unpackSnappy],
    ['snappyXerial', unpackSnappy],
    ['lz4', unpackLz4],
    ['lz4Linked', unpackLz4],
    ['lz4BadHeaderChecksum', unpackLz4],
    ['zstd', unpackZstd],
    ['zstd', unpackZstdSlowly],
    ['zstdWithoutSize', unpackZstdSlowly],
    ['zstdLargeWindow', unpackZstdSlowly],
  ] as const)('%s', (sample, unpack) => {
    expect(textOf(unpack(bytesOf(sample), BYTES_MAX))).toBe(SAMPLE_TEXT);
  });

  test('gzip', () => {
    expect(textOf(CODECS[1]?.(gzipSync(SAMPLE_TEXT), BYTES_MAX) ?? Buffer.alloc(0))).toBe(
      SAMPLE_TEXT,
    );
  });

  test('an LZ4 frame of several independent blocks, one of them stored', () => {
    const head = Buffer.from('04224d18604000', 'hex');
    const stored = Buffer.from('03000080616263', 'hex');
    const packed = Buffer.from('070000003f78797a030000', 'hex');
    const frame = Buffer.concat([head, stored, packed, Buffer.alloc(4)]);
    expect(textOf(unpackLz4(frame, BYTES_MAX))).toBe(`abc${'xyz'.repeat(7)}x`);
  });
});

describe('a batch that unpacks to more than is allowed is refused before the memory is taken', () => {
  test.each([
    ['gzip', CODECS[1], gzipSync(SAMPLE_TEXT)],
    ['snappy', CODECS[2], bytesOf('snappy')],
    ['snappy, xerial', CODECS[2], bytesOf('snappyXerial')],
    ['lz4', CODECS[3], bytesOf('lz4')],
    ['zstd', CODECS[4], bytesOf('zstd')],
    ['zstd without a size', CODECS[4], bytesOf('zstdWithoutSize')],
    ['zstd by its window alone', unpackZstdSlowly, bytesOf('zstdLargeWindow')],
  ] as const)('%s', (_, unpack, packed) => {
    expect(() => unpack?.(packed, 1000)).toThrow(RangeError);
  });
});

test('what is cut off is refused, at every length, or gives a part of the text', () => {
  for (const [sample, unpack] of [
    ['snappy', unpackSnappy],
    ['snappyXerial', unpackSnappy],
    ['lz4', unpackLz4],
    ['zstd', unpackZstdSlowly],
  ] as const) {
    const packed = bytesOf(sample);
    for (let length = 1; length < packed.byteLength; length++) {
      let text = '';
      try {
        text = textOf(unpack(packed.subarray(0, length), BYTES_MAX));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      expect(SAMPLE_TEXT.startsWith(text)).toBe(true);
    }
  }
});

test('a copy from before the start of the text is refused', () => {
  // Four bytes of text, then a copy from eight bytes back.
  expect(() => unpackSnappy(Buffer.from('080c616161610d08', 'hex'), BYTES_MAX)).toThrow(RangeError);
});
