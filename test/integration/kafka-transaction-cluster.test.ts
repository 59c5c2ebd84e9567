/** Commits to three brokers, of which one after the other dies: leaders and coordinators move. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { CommitBench } from '../support/kafka-commits.ts';

let kafka: KafkaBroker;
let bench: CommitBench;

beforeAll(async () => {
  kafka = await startKafka({ nodes: 3 });
  bench = await CommitBench.start(kafka, kafka.bootstrap);
});
afterAll(async () => {
  await bench.close();
  await kafka.remove();
});

test('commits go on while each of three brokers is killed once', async () => {
  const member = await bench.join();
  let value = 0;
  for (const node of [1, 2, 3]) {
    for (const end = value + 5; value < end; value++) await member.commitForSure(value);
    await kafka.kill(node);
    for (const end = value + 10; value < end; value++) await member.commitForSure(value);
    await kafka.start();
  }
  expect(await member.committed()).toBe(45);
  expect(await bench.visible()).toEqual(bench.expected(45));
});
