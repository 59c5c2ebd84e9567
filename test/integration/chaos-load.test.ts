/** The load of the tests of faults: they count on each payment being in the log once, in order. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { calmRun } from '../chaos/calm.ts';
import { Load, World } from '../chaos/world.ts';
import { until } from '../support/command-line.ts';
import { consumeAll } from '../support/rdkafka.ts';

const folder = mkdtempSync(join(tmpdir(), 'shrike-load-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a producer that gives up while nobody answers it is replaced, and no payment doubled or lost', async () => {
  const calm = await calmRun(folder, { payments: 3000, seed: 3 });
  const world = await World.start();
  try {
    await world.prepare(calm);
    const bootstrap = world.kafka.proxiedBootstrap;
    const load = new Load({ bootstrap, sendTimeoutMs: 2000 }, calm, 1500);
    await until(() => load.sent > 300);
    for (const route of world.brokerRoutes) await route.freezeAnswers();
    await until(() => load.resumed === 1);
    const told = load.sent;
    const written = await consumeAll(world.kafka.bootstrap, 'transactions');
    // It was worse than an outage: what the producer took for lost is there.
    expect(written.length).toBeGreaterThan(told);
    for (const route of world.brokerRoutes) await route.heal();
    await load.done;
    const records = await consumeAll(world.kafka.bootstrap, 'transactions');
    expect(records.map(({ partition, value }) => [partition, String(value)])).toEqual(
      calm.input.transactions.map(({ partition, value }) => [partition, String(value)]),
    );
  } finally {
    await world.remove();
  }
}, 240_000);
