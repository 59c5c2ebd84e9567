import { open, readdir } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortByEventTime } from '../../src/ingest/event-time-sort.ts';
import type { SortCodec } from '../../src/ingest/sort-codec.ts';
import { SpillFile } from '../../src/ingest/spill-file.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

interface Item {
  readonly minute: number;
  readonly text: string;
}

const codec: SortCodec<Item> = {
  minute: (item) => item.minute,
  bytesMax: (item) => item.text.length * 3,
  write: (item, into, at) => at + into.write(item.text, at, 'utf8'),
  read: (minute, from, at, end) => ({ minute, text: from.toString('utf8', at, end) }),
};

async function* blocksOf<T>(items: readonly T[], size: number): AsyncGenerator<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

async function collect<T>(source: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const items of source) all.push(...items);
  return all;
}

const items = fc.array(
  fc.record({
    // Few distinct minutes make ties, which stability is about; the greatest is that of the year
    // 9999.
    minute: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    text: fc.string({ unit: 'binary', maxLength: 200, size: 'large' }),
  }),
  { maxLength: 400, size: 'max' },
);

test('E1, E2: any items come out as a naive stable sort has them, spilled or not', async () => {
  const spillDir = await scratchFolder();
  let spills = 0;
  const openSpill = (folder: string) => {
    spills++;
    return SpillFile.open(folder);
  };
  await fc.assert(
    fc.asyncProperty(
      items,
      fc.constantFrom(4096, 20_000, 1 << 20),
      async (input, memoryBytesMax) => {
        const options = { codec, spillDir, memoryBytesMax, batchItemsMax: 7, openSpill };
        const naive = input.toSorted((a, b) => a.minute - b.minute);
        expect(await collect(sortByEventTime(blocksOf(input, 11), options))).toEqual(naive);
      },
    ),
    { numRuns: 60, seed: 8123 },
  );
  expect(spills).toBeGreaterThan(5);
});

test('E2: items larger than the whole budget are sorted, too', async () => {
  const input = [3, 1, 2].map((minute) => ({ minute, text: 'x'.repeat(20_000 + minute) }));
  const options = { codec, spillDir: await scratchFolder(), memoryBytesMax: 4096 };
  const sorted = await collect(sortByEventTime(blocksOf(input, 2), options));
  expect(sorted.map(({ minute, text }) => [minute, text.length])).toEqual([
    [1, 20_001],
    [2, 20_002],
    [3, 20_003],
  ]);
});

test('E3: nothing is left in the folder while the sort runs, after it ends, and after it fails', async () => {
  const spillDir = await scratchFolder();
  const input = Array.from({ length: 500 }, (_, i) => ({ minute: 500 - i, text: 'x'.repeat(50) }));
  const options = { codec, spillDir, memoryBytesMax: 4096, batchItemsMax: 10 };
  for await (const batch of sortByEventTime(blocksOf(input, 50), options)) {
    expect(batch).toHaveLength(10);
    expect(await readdir(spillDir)).toEqual([]);
    break;
  }
  async function* failing(): AsyncGenerator<Item[]> {
    yield input;
    throw new Error('the source fails');
  }
  await expect(collect(sortByEventTime(failing(), options))).rejects.toThrow('the source fails');
  expect(await readdir(spillDir)).toEqual([]);
});

test('a full disk is DISK_FULL', async () => {
  const input = Array.from({ length: 500 }, (_, i) => ({ minute: i, text: 'x'.repeat(50) }));
  const openSpill = async (folder: string) => new SpillFile(await open('/dev/full', 'r+'), folder);
  const options = { codec, spillDir: 'data', memoryBytesMax: 4096, openSpill };
  await expect(collect(sortByEventTime(blocksOf(input, 50), options))).rejects.toMatchObject({
    code: 'DISK_FULL',
  });
});

test('a folder that cannot be made is DATA_DIR_UNWRITABLE', async () => {
  const input = Array.from({ length: 500 }, (_, i) => ({ minute: i, text: 'x'.repeat(50) }));
  const options = { codec, spillDir: '/dev/null/spill', memoryBytesMax: 4096 };
  await expect(collect(sortByEventTime(blocksOf(input, 50), options))).rejects.toMatchObject({
    code: 'DATA_DIR_UNWRITABLE',
  });
});
