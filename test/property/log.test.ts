/** Any calls leave the embedded log as they leave a naive model of it: a list a partition. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Log, Membership } from '../../src/core/log.ts';
import { packRecords } from '../../src/core/records.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { ignoreAssignments, specOf } from '../conformance/log-bench.ts';
import { recordsOf } from '../support/log-records.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const TOPICS = ['plain', 'compacted'] as const;
const PARTITIONS = 2;

interface ModelRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: string | undefined;
}

class ModelPartition {
  records: ModelRecord[] = [];
  earliest = 0;
  end = 0;
  committed: number | undefined;
  /** Below it compaction has been, and a tombstone may go at the next one. */
  compactedTo = 0;

  append(records: readonly Omit<ModelRecord, 'offset'>[]): void {
    for (const record of records) {
      this.records.push({ ...record, offset: this.end });
      this.end += 1;
    }
  }

  from(offset: number): ModelRecord[] {
    return this.records.filter((record) => record.offset >= Math.max(offset, this.earliest));
  }

  compact(): void {
    const newest = new Map(this.from(0).map(({ key, offset }) => [key, offset]));
    this.records = this.from(0).filter(({ key, offset, value }) => {
      return newest.get(key) === offset && (value !== undefined || offset >= this.compactedTo);
    });
    this.compactedTo = this.end;
  }
}

type Call =
  | { call: 'append'; to: number; records: Omit<ModelRecord, 'offset'>[] }
  | { call: 'commit'; to: number; next: number; records: Omit<ModelRecord, 'offset'>[] }
  | { call: 'read'; of: number; at: number; bytesMax: number }
  | { call: 'deleteBefore'; of: number; at: number }
  | { call: 'compact' }
  | { call: 'reopen' };

const place = fc.nat(TOPICS.length * PARTITIONS - 1);
const records = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'ä'),
    value: fc.option(fc.string({ maxLength: 40 }), { nil: undefined }),
  }),
  { maxLength: 6 },
);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ call: fc.constant('append' as const), to: place, records }) },
  {
    weight: 3,
    arbitrary: fc.record({
      call: fc.constant('commit' as const),
      to: place,
      next: fc.nat(1000),
      records,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      call: fc.constant('read' as const),
      of: place,
      at: share,
      bytesMax: fc.constantFrom(1, 300, 1 << 20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ call: fc.constant('deleteBefore' as const), of: place, at: share }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Call>({ call: 'compact' }, { call: 'reopen' }) },
);

class Pair {
  readonly #folder: string;
  readonly #cacheBytes: number;
  readonly #model = Array.from({ length: TOPICS.length * PARTITIONS }, () => new ModelPartition());
  #log!: Log;
  #member!: Membership;

  constructor(folder: string, cacheBytes: number) {
    this.#folder = folder;
    this.#cacheBytes = cacheBytes;
  }

  async open(): Promise<void> {
    const options = { sync: 'interval', syncIntervalMs: 1000, clock: systemClock } as const;
    this.#log = await openEmbeddedLog(this.#folder, { ...options, cacheBytes: this.#cacheBytes });
    await this.#log.ensureTopics([
      specOf('plain', { partitions: PARTITIONS }),
      specOf('compacted', { partitions: PARTITIONS, cleanup: 'compact' }),
    ]);
    this.#member = await this.#log.join('group', 'plain', ignoreAssignments);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  async apply(step: Call): Promise<void> {
    const log = this.#log;
    if (step.call === 'reopen') {
      await log.close();
      await this.open();
    } else if (step.call === 'compact') {
      await log.compact('compacted');
      for (const model of this.#model.slice(PARTITIONS)) model.compact();
    } else if (step.call === 'append') {
      const base = this.#modelAt(step.to).end;
      const appends = [{ ...placeOf(step.to), records: pack(step.records) }];
      expect(await log.append(appends)).toEqual([base]);
      this.#modelAt(step.to).append(step.records);
    } else if (step.call === 'commit') {
      await this.#commit(step);
    } else if (step.call === 'deleteBefore') {
      const model = this.#modelAt(step.of);
      const before = Math.round(step.at * (model.end + 2));
      await log.deleteBefore(placeOf(step.of), before);
      model.earliest = Math.max(model.earliest, Math.min(before, model.end));
    } else await this.#read(step);
  }

  async checkAll(): Promise<void> {
    for (const [of, model] of this.#model.entries()) {
      const { earliest, end, committed } = model;
      const where = placeOf(of);
      expect(await this.#log.offsets(where)).toEqual({ earliest, highWatermark: end });
      expect(await this.#log.committed('group', [where])).toEqual([committed]);
      await this.#read({ of, at: 0, bytesMax: 1 << 20 });
    }
  }

  async #commit(step: Call & { call: 'commit' }): Promise<void> {
    const offsets = [{ ...placeOf(step.to % PARTITIONS), nextOffset: step.next }];
    const outputs = [0, 1].map((i) => ({
      ...placeOf((step.to + i) % this.#model.length),
      records: pack(step.records),
    }));
    await this.#log.commit({ group: 'group', owner: this.#member.owner, offsets, outputs });
    this.#modelAt(step.to % PARTITIONS).committed = step.next;
    for (const i of [0, 1]) this.#modelAt((step.to + i) % this.#model.length).append(step.records);
  }

  /** Reads on from a place in the partition to its end, and compares what came. */
  async #read(step: { of: number; at: number; bytesMax: number }): Promise<void> {
    const model = this.#modelAt(step.of);
    const start = model.earliest + Math.round(step.at * (model.end - model.earliest));
    const found = [];
    for (let from = start; from < model.end; ) {
      const request = { ...placeOf(step.of), from, bytesMax: step.bytesMax, waitMs: 0 };
      const { batches } = await this.#log.read(request);
      expect(batches[0]?.from).toBe(from);
      for (const batch of batches) {
        expect(batch.baseOffset <= from && from < batch.nextOffset).toBe(true); // E1: no hole
        from = batch.nextOffset;
      }
      found.push(...recordsOf(batches));
    }
    const plain = found.map(({ offset, key, value }) => ({ offset, key, value }));
    expect(plain).toEqual(
      model.from(start).map(({ offset, key, value }) => ({ offset, key, value })),
    );
  }

  #modelAt(index: number): ModelPartition {
    return this.#model[index] as ModelPartition;
  }
}

function placeOf(index: number): { topic: string; partition: number } {
  return {
    topic: TOPICS[Math.floor(index / PARTITIONS)] as string,
    partition: index % PARTITIONS,
  };
}

function pack(list: readonly Omit<ModelRecord, 'offset'>[]): Uint8Array {
  return packRecords(list.map((record) => ({ ...record, timestampMs: 1 })));
}

test.each([0, 3000])(
  'the log equals its model after any calls (cache of %i bytes)',
  async (bytes) => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 5, maxLength: 40 }), async (calls) => {
        const pair = new Pair(await scratchFolder(), bytes);
        await pair.open();
        for (const step of calls) await pair.apply(step);
        await pair.checkAll();
        await pair.apply({ call: 'reopen' });
        await pair.checkAll();
        await pair.close();
      }),
      { numRuns: 30, seed: 8123 },
    );
  },
);
