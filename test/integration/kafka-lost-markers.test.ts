/**
 * A lone broker is killed in the middle of a commit and is away for longer than the transaction's
 * time-out: it comes back, aborts the transaction before its partitions have leaders, and a broker
 * of Kafka 4.3 writes no marker there (KAFKA-20734). T8 of src/log/kafka/README.md. Not every
 * restart goes that way, so there are several.
 */
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import { proxiedCommits } from '../support/kafka-commits.ts';
import { bootstrapOf } from '../support/kafka-log.ts';
import { packed } from '../support/log-records.ts';

const END_TXN = 26;
const ROUNDS = 4;
const LIMIT_MS = 300_000;
const transactionTimeoutMs = 1000;

const here = proxiedCommits();

/** Kills the broker when all of a transaction is written, or decided too; it is back later. */
function killAt(fate: 'lose-request' | 'lose-answer'): { readonly back: Promise<void> } {
  let resolve: (over: Promise<void>) => void = () => {};
  const back = new Promise<void>((done) => {
    resolve = done;
  });
  let isDone = false;
  here.proxy.rule = ({ apiKey }) => {
    if (isDone || apiKey !== END_TXN) return 'pass';
    isDone = true;
    resolve(outage());
    return fate;
  };
  return { back };
}

async function outage(): Promise<void> {
  await here.kafka.kill();
  await systemClock.sleep(2 * transactionTimeoutMs);
  await here.kafka.start();
}

test.each(['lose-request', 'lose-answer'] as const)(
  'commits that are cut off (%s) are visible once each',
  async (fate) => {
    const member = await here.bench.join({ transactionTimeoutMs });
    let value = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await member.commit(value);
      value += 1;
      const { back } = killAt(fate);
      await member.commitForSure(value);
      value += 1;
      await back;
    }
    expect(await member.committed()).toBe(value);
    expect(await here.bench.visible()).toEqual(here.bench.expected(value));
  },
  LIMIT_MS,
);

test(
  'what a process that died with its broker has left open is not published by the next one',
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const settings = bootstrapOf(here.kafka.proxiedBootstrap);
      const cluster = new Cluster({ settings, clock: systemClock, requestTimeoutMs: 5000 });
      const onTrouble = () => undefined;
      const former = here.bench.twin({ cluster, transactionTimeoutMs, onTrouble });
      const { back } = killAt('lose-request');
      const outputs = [0, 1].map((p) => ({ ...here.bench.output(p), records: packed('k=dead') }));
      const dying = former.commit(outputs, undefined);
      await expect(dying).rejects.toMatchObject({ code: 'COMMIT_FAILED' });
      // It asks for nothing any more.
      await cluster.close();
      await back;
      const member = await here.bench.join({ transactionTimeoutMs });
      await member.commit(round);
      await member.log.close();
    }
    expect(await here.bench.visible()).toEqual(here.bench.expected(ROUNDS));
  },
  LIMIT_MS,
);
