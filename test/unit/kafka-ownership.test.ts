/** What a member may commit for, and when its own writes are seen. */
import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import type { PartitionOffsets } from '../../src/core/log.ts';
import { OwnWrites } from '../../src/log/kafka/own-writes.ts';
import { Ownership } from '../../src/log/kafka/ownership.ts';

const [p0, p1] = [0, 1].map((partition) => ({ topic: 'in', partition })) as [
  { topic: string; partition: number },
  { topic: string; partition: number },
];
const generation = { generation: 4, memberId: 'me', instanceId: null };

function ownership(revoked: () => Promise<void> = async () => {}) {
  const member: { generation: typeof generation | undefined } = { generation };
  const owner = new Ownership({ assigned: () => {}, revoked });
  return { owner, member, at: (nextOffset: number) => [{ ...p0, nextOffset }] };
}

test('T4: a commit counts as long as its partitions are held', () => {
  const { owner, member, at } = ownership();
  owner.assigned([p0, p1]);
  const claim = owner.claim(member, at(1));
  expect(claim()).toBe(generation);
  const next = { ...generation, generation: 5 };
  member.generation = next;
  expect(claim()).toBe(next);
  member.generation = undefined;
  expect(claim()).toBeUndefined();
});

test('T4: a partition that was never assigned cannot be committed for', () => {
  const { owner, member, at } = ownership();
  owner.assigned([p1]);
  expect(owner.claim(member, at(1))()).toBeUndefined();
});

test('T4: a commit may finish while its partition is let go, and not afterwards', async () => {
  let letGo = () => {};
  const { owner, member, at } = ownership(
    () =>
      new Promise((resolve) => {
        letGo = resolve;
      }),
  );
  owner.assigned([p0, p1]);
  const claim = owner.claim(member, at(1));
  const other = owner.claim(member, [{ ...p1, nextOffset: 1 }]);
  const revoked = owner.revoked([p0]);
  expect(claim()).toBe(generation);
  letGo();
  await revoked;
  expect([claim(), other()]).toEqual([undefined, generation]);
});

test('T4: a partition that went and came back does not revive an older commit', async () => {
  const { owner, member, at } = ownership();
  owner.assigned([p0]);
  const before = owner.claim(member, at(1));
  await owner.revoked([p0]);
  owner.assigned([p0]);
  expect(before()).toBeUndefined();
  expect(owner.claim(member, at(1))()).toBe(generation);
});

/** A partition whose last stable offset follows after so many looks. */
function slowPartition(looks: number, end: number) {
  let [count, nowMs] = [0, 0];
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
    yield: async () => {},
  };
  const look = async (): Promise<PartitionOffsets[]> => {
    count += 1;
    return [{ earliest: 0, highWatermark: count > looks ? end : 0, logEnd: end }];
  };
  return { own: new OwnWrites(clock, look), looks: () => count };
}

test('T6: offsets of a partition that was written wait until the writes are visible', async () => {
  const { own, looks } = slowPartition(3, 8);
  own.wrote(p0, 7);
  expect([own.mayHide(p0, 6), own.mayHide(p0, 7), own.mayHide(p1, 0)]).toEqual([
    true,
    false,
    false,
  ]);
  expect((await own.offsets([p0]))[0]?.highWatermark).toBe(8);
  expect(looks()).toBe(4);
  expect(own.mayHide(p0, 6)).toBe(false);
});

test('T6: what nobody wrote here is not waited for', async () => {
  const { own, looks } = slowPartition(99, 8);
  expect((await own.offsets([p0]))[0]?.highWatermark).toBe(0);
  await own.visible();
  expect(looks()).toBe(1);
});

test('T6: an open transaction of somebody else ends the wait after five seconds', async () => {
  const { own, looks } = slowPartition(1_000_000, 8);
  own.wrote(p0, 7);
  expect((await own.offsets([p0]))[0]?.highWatermark).toBe(0);
  expect(looks()).toBeGreaterThan(50);
});
