/** Half of the log's conformance suite: commits, members, deletion, compaction, reopening. */
import { expect, test } from 'vitest';
import type { Membership } from '../../src/core/log.ts';
import { packRecords } from '../../src/core/records.ts';
import { packed, readAll, valuesIn } from '../support/log-records.ts';
import { type Bench, ignoreAssignments, specOf } from './log-bench.ts';

export function commitTests(bench: () => Bench): void {
  test('L2: a commit shows its outputs in every partition, and its offsets', async () => {
    const { log, at, topic } = bench();
    const [other, group] = [{ topic, partition: 1 }, `${topic}-group`];
    const { owner } = await log.join(group, topic, ignoreAssignments);
    expect(await log.committed(group, [at, other])).toEqual([undefined, undefined]);
    await log.commit({
      group,
      owner,
      offsets: [{ ...at, nextOffset: 7 }],
      outputs: [
        { ...at, records: packed('k=1') },
        { ...other, records: packed('k=2') },
      ],
    });
    expect([await valuesIn(log, at), await valuesIn(log, other)]).toEqual([['1'], ['2']]);
    expect(await log.committed(group, [at, other])).toEqual([7, undefined]);
    expect(await log.committed(`${group}-other`, [at])).toEqual([undefined]);
  });

  test('L2: of a commit with one impossible output nothing is visible', async () => {
    const { log, at, topic } = bench();
    const group = `${topic}-group`;
    const { owner } = await log.join(group, topic, ignoreAssignments);
    const outputs = [
      { ...at, records: packed('k=1') },
      { topic: `${topic}-none`, partition: 0, records: packed('k=2') },
    ];
    const commit = log.commit({ group, owner, offsets: [{ ...at, nextOffset: 7 }], outputs });
    await expect(commit).rejects.toMatchObject({ code: 'LOG_TOPIC_UNKNOWN' });
    expect(await valuesIn(log, at)).toEqual([]);
    expect(await log.committed(group, [at])).toEqual([undefined]);
  });

  test('a group starts where its last member committed', async () => {
    const { log, at, topic } = bench();
    const group = `${topic}-group`;
    for (const nextOffset of [3, 9]) {
      const member = await log.join(group, topic, ignoreAssignments);
      const offsets = [{ ...at, nextOffset }];
      await log.commit({ group, owner: member.owner, offsets, outputs: [] });
      await member.leave();
      expect(await log.committed(group, [at])).toEqual([nextOffset]);
    }
  });
}

export function fenceTests(bench: () => Bench): void {
  const handOver = async (): Promise<{ group: string; before: Membership; after: Membership }> => {
    const { log, topic } = bench();
    const group = `${topic}-group`;
    const before = await log.join(group, topic, ignoreAssignments);
    await before.leave();
    return { group, before, after: await log.join(group, topic, ignoreAssignments) };
  };

  test('L4: a commit of a former member is fenced and leaves no trace', async () => {
    const { log, at } = bench();
    const { group, before, after } = await handOver();
    const commit = (owner: string, value: string, nextOffset: number) =>
      log.commit({
        group,
        owner,
        offsets: [{ ...at, nextOffset }],
        outputs: [{ ...at, records: packed(`k=${value}`) }],
      });
    await commit(after.owner, 'new', 5);
    await expect(commit(before.owner, 'old', 4)).rejects.toMatchObject({ code: 'COMMIT_FENCED' });
    expect(await log.committed(group, [at])).toEqual([5]);
    expect(await valuesIn(log, at)).toEqual(['new']);
  });

  test('a lone member is assigned every partition, and lets them go when it leaves', async () => {
    const { log, topic } = bench();
    const seen: string[] = [];
    const names = (word: string, partitions: readonly { partition: number }[]) =>
      seen.push(`${word} ${partitions.map(({ partition }) => partition).join(' ')}`);
    let assigned: () => void = () => undefined;
    const whenAssigned = new Promise<void>((resolve) => {
      assigned = resolve;
    });
    const member = await log.join(`${topic}-group`, topic, {
      assigned: (partitions) => {
        names('assigned', partitions);
        assigned();
      },
      revoked: async (partitions) => {
        names('revoked', partitions);
      },
    });
    await whenAssigned;
    expect(seen).toEqual(['assigned 0 1']);
    await member.leave();
    expect(seen).toEqual(['assigned 0 1', 'revoked 0 1']);
  });
}

export function retentionTests(bench: () => Bench): void {
  test('deleteBefore keeps what it was told to keep, and says where that begins', async () => {
    const { log, at } = bench();
    for (let i = 0; i < 10; i++) await log.append([{ ...at, records: packed(`k=${i}`) }]);
    const sixth = (await readAll(log, at))[5]?.offset as number;
    await log.deleteBefore(at, sixth);
    const { earliest } = await log.offsets(at);
    expect(earliest).toBeLessThanOrEqual(sixth);
    const found = await readAll(log, at, { from: sixth });
    expect(found.map(({ value }) => value)).toEqual(['5', '6', '7', '8', '9']);
    const below = log.read({ ...at, from: earliest - 1, bytesMax: 1, waitMs: 0 });
    await expect(below).rejects.toMatchObject({ code: 'LOG_OFFSET_OUT_OF_RANGE' });
  });

  test('deleteBefore may take all there is, and the log goes on from there', async () => {
    const { log, at } = bench();
    await log.append([{ ...at, records: packed('k=1', 'k=2') }]);
    const { highWatermark } = await log.offsets(at);
    await log.deleteBefore(at, highWatermark);
    expect((await log.offsets(at)).highWatermark).toBe(highWatermark);
    await log.append([{ ...at, records: packed('k=3') }]);
    const found = await readAll(log, at, { from: highWatermark });
    expect(found.map(({ value }) => value)).toEqual(['3']);
  });
}

export function compactionTests(bench: () => Bench): void {
  test('compaction keeps the newest record of each key at its offset', async () => {
    const { log, topic } = bench();
    const at = { topic: `${topic}-compact`, partition: 0 };
    await log.ensureTopics([specOf(at.topic, { cleanup: 'compact' })]);
    await log.append([{ ...at, records: packed('a=1', 'b=1', 'c=1') }]);
    await log.append([{ ...at, records: packed('a=2') }]);
    const gone = packRecords([{ key: 'b', value: undefined, timestampMs: 1 }]);
    await log.append([{ ...at, records: gone }]);
    await log.append([{ ...at, records: packed('d=1') }]);
    const before = await readAll(log, at);
    const { highWatermark } = await log.offsets(at);
    for (let i = 0; i < 3; i++) {
      await log.compact(at.topic);
      const after = await readAll(log, at);
      expect(before).toEqual(expect.arrayContaining(after));
      const newest = new Map(after.map(({ key, value }) => [key, value]));
      newest.delete(newest.get('b') === undefined ? 'b' : '');
      expect([...newest].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual([
        ['a', '2'],
        ['c', '1'],
        ['d', '1'],
      ]);
      expect((await log.offsets(at)).highWatermark).toBe(highWatermark);
    }
  });

  test('a reader reaches the end of a topic whose last records were compacted away', async () => {
    const { log, topic } = bench();
    const at = { topic: `${topic}-compact`, partition: 0 };
    await log.ensureTopics([specOf(at.topic, { cleanup: 'compact' })]);
    await log.append([{ ...at, records: packed('a=1', 'b=1') }]);
    const gone = ['a', 'b'].map((key) => ({ key, value: undefined, timestampMs: 1 }));
    await log.append([{ ...at, records: packRecords(gone) }]);
    await log.compact(at.topic);
    await log.compact(at.topic);
    const left = await readAll(log, at); // asserts progress
    // A log may keep what it could remove (Kafka does, for as long as the segment is written to).
    const newest = new Map(left.map(({ key, value }) => [key, value]));
    expect([...newest.values()].every((value) => value === undefined)).toBe(true);
    await log.append([{ ...at, records: packed('a=2') }]);
    expect((await valuesIn(log, at)).at(-1)).toBe('2');
  });
}

export function reopenTests(bench: () => Bench): void {
  test('L5: what was acknowledged is there after reopening, and the log goes on', async () => {
    const { topic, at } = bench();
    const group = `${topic}-group`;
    await bench().log.append([{ ...at, records: packed('k=0', 'k=1', 'k=2') }]);
    const { owner } = await bench().log.join(group, topic, ignoreAssignments);
    const second = (await readAll(bench().log, at))[1]?.offset as number;
    const outputs = [{ topic, partition: 1, records: packed('out=1') }];
    await bench().log.commit({ group, owner, offsets: [{ ...at, nextOffset: 2 }], outputs });
    await bench().log.deleteBefore(at, second);
    const described = (await bench().log.topics()).filter((each) => each.topic === topic);

    await bench().reopen();
    const { log } = bench();
    expect((await log.topics()).filter((each) => each.topic === topic)).toEqual(described);
    const found = await readAll(log, at, { from: second });
    expect(found.map(({ value }) => value)).toEqual(['1', '2']);
    expect(await valuesIn(log, { topic, partition: 1 })).toEqual(['1']);
    expect(await log.committed(group, [at])).toEqual([2]);
    await log.append([{ ...at, records: packed('k=3') }]);
    expect((await readAll(log, at, { from: second })).map(({ value }) => value)).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  test('L5: a compacted topic is the same after reopening', async () => {
    const { topic } = bench();
    const at = { topic: `${topic}-compact`, partition: 1 };
    await bench().log.ensureTopics([specOf(at.topic, { cleanup: 'compact' })]);
    for (let i = 0; i < 5; i++) {
      await bench().log.append([{ ...at, records: packed(`a=${i}`, `b${i}=${i}`) }]);
    }
    await bench().log.compact(at.topic);
    const before = await readAll(bench().log, at);
    await bench().reopen();
    expect(await readAll(bench().log, at)).toEqual(before);
  });

  test('after sync nothing is missing, and the log still takes appends', async () => {
    const { log, at } = bench();
    await log.append([{ ...at, records: packed('k=1') }]);
    await log.sync();
    await log.append([{ ...at, records: packed('k=2') }]);
    expect(await valuesIn(log, at)).toEqual(['1', '2']);
  });
}
