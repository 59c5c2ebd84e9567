/**
 * Two hundred commits while connections break, answers get lost, requests arrive late, twins come
 * and brokers restart. An outcome that is unknown is read from the log; in the end every commit is
 * visible once.
 */
import { expect, test } from 'vitest';
import { seeded } from '../../src/core/random.ts';
import { proxiedCommits } from '../support/kafka-commits.ts';
import type { Fate } from '../support/kafka-request-proxy.ts';

/** For another schedule: SHRIKE_FAULTS_SEED=7 npx vitest run kafka-transaction-faults */
const SEED = Number(process.env.SHRIKE_FAULTS_SEED ?? 20_240_917);
/** Produce, FindCoordinator, InitProducerId, AddPartitions, AddOffsets, EndTxn, TxnOffsetCommit. */
const FAULTY: readonly number[] = [0, 10, 22, 24, 25, 26, 28];
const FAULTS: readonly Fate[] = ['lose-request', 'lose-answer', 'late-request'];

const here = proxiedCommits();

test('200 commits under random faults are visible once each', async () => {
  const member = await here.bench.join();
  const random = seeded(SEED);
  const twin = here.bench.twin();
  let faultCount = 0;
  here.proxy.rule = ({ apiKey }) => {
    if (!FAULTY.includes(apiKey) || !random.chance(0.08)) return 'pass';
    faultCount += 1;
    return random.pick(FAULTS);
  };
  for (let value = 0; value < 200; value++) {
    await member.commitForSure(value);
    if (value % 5 === 0) void here.proxy.deliverLate();
    if (value === 60 || value === 130) await twin.take(here.bench.reach);
  }
  here.proxy.rule = () => 'pass';
  await here.proxy.deliverLate();
  expect(faultCount, `seed ${SEED}`).toBeGreaterThan(40);
  expect(await member.committed()).toBe(200);
  expect(await here.bench.visible()).toEqual(here.bench.expected(200));
  await twin.close();
});

test.each(['restart', 'kill'] as const)('commits go on over a %s of the broker', async (how) => {
  const member = await here.bench.join();
  await member.commit(0);
  const disturbed =
    how === 'restart' ? here.kafka.restart() : here.kafka.kill().then(() => here.kafka.start());
  let isOver = false;
  const over = disturbed.finally(() => {
    isOver = true;
  });
  let value = 1;
  for (; !isOver || value < 20; value++) await member.commitForSure(value);
  await over;
  await member.commit(value);
  expect(await member.committed()).toBe(value + 1);
  expect(await here.bench.visible()).toEqual(here.bench.expected(value + 1));
});
