/**
 * How the default model does on simulated payments: alerts, precision and recall.
 *
 *   npx tsc -b
 *   node dist/test/bench/simulator-detection.js [users] [days] [fraudRate] [warmUpDays]
 */
import { readFileSync } from 'node:fs';
import { CardUserProfiles, cardFraudFlow, FEATURE_ORDER } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { systemClock } from '../../src/core/clock.ts';
import { type ActorState, Stepper } from '../../src/core/flow.ts';
import type { Append } from '../../src/core/log.ts';
import { PackedRecords } from '../../src/core/records.ts';
import { openRuntime, scoreRows } from '../../src/scoring/session.ts';
import { createWorld, DAY_MINUTES } from '../../src/simulator/people.ts';
import { readZipPlaces } from '../../src/simulator/places.ts';
import { appendProfiles, runProducer } from '../../src/simulator/producer.ts';

const [users = 2000, days = 60, fraudRate = 0.004, warmUpDays = days / 3] = process.argv
  .slice(2)
  .map(Number);
const THRESHOLD = 0.5;

const file = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url));
const runtime = await openRuntime(file('models/default/model.onnx'));
const facts = {
  model: new Uint8Array(),
  input: 'features',
  output: 'probabilities',
  scoreColumn: 1,
  width: FEATURE_ORDER.length,
};
const flow = cardFraudFlow({ parse: parseJsonBatch });
const stepper = new Stepper(flow, FEATURE_ORDER);
const options = { parse: parseJsonBatch, usersTopic: 'users', cardsTopic: 'cards' };
const profiles = new CardUserProfiles(options);
const actors = new Map<number, ActorState>();
const tally = { payments: 0, frauds: 0, alerts: 0, hits: 0 };
const byChannel = new Map<string, { frauds: number; hits: number }>();
const world = createWorld({
  ...{ seed: 7, users, fraudRate },
  places: readZipPlaces(file('operators/data/zip_centroids.csv').toString()),
});
// Histories are short at first: what is scored in the warm-up is left out.
const countedFrom = world.startMinute + warmUpDays * DAY_MINUTES;

async function score({ topic, records }: Append): Promise<void> {
  const packed = PackedRecords.of(records);
  if (topic !== 'transactions') {
    profiles.apply(topic, packed, 0, 0);
    return;
  }
  const { events, rejects } = flow.decode(packed, 0);
  if (rejects[0] !== undefined) throw new Error(`rejected: ${rejects[0].reason}`);
  const rows = new Float32Array(events.length * facts.width);
  for (const [i, event] of events.entries()) {
    if (event === undefined) continue;
    const actor = actors.get(event.user) ?? stepper.createActor();
    actors.set(event.user, actor);
    stepper.step(actor, event, rows, i);
    stepper.enrich(event, profiles.of(event), rows, i);
  }
  const scores = await scoreRows(runtime, facts, { rows, count: events.length });
  for (const [i, event] of events.entries()) {
    if (event === undefined || event.minute < countedFrom) continue;
    const fraud = packed.value(i)?.toString().endsWith('"is_fraud":1}') === true;
    const alert = (scores[i] as number) >= THRESHOLD;
    tally.payments++;
    if (alert) tally.alerts++;
    if (!fraud) continue;
    const channel = byChannel.get(event.useChip) ?? { frauds: 0, hits: 0 };
    byChannel.set(event.useChip, channel);
    tally.frauds++;
    channel.frauds++;
    if (alert) tally.hits++;
    if (alert) channel.hits++;
  }
}

const append = async (appends: readonly Append[]) => {
  for (const one of appends) await score(one);
};
const to = { append, world, partitions: 1, clock: systemClock };
await appendProfiles({ ...to, usersTopic: 'users', cardsTopic: 'cards' });
await runProducer({
  ...to,
  topic: 'transactions',
  ratePerSecond: 'max',
  signal: new AbortController().signal,
  until: { minute: world.startMinute + days * DAY_MINUTES },
});
const ratio = (a: number, b: number) => (b === 0 ? 0 : a / b).toFixed(3);
console.log(
  `${users} users, ${days} days, fraud rate ${fraudRate}: ${tally.payments} payments ` +
    `after the warm-up, ${tally.frauds} frauds, ${tally.alerts} alerts; ` +
    `precision ${ratio(tally.hits, tally.alerts)}, recall ${ratio(tally.hits, tally.frauds)}`,
);
for (const [channel, { frauds, hits }] of byChannel) {
  console.log(`  ${channel}: ${frauds} frauds, recall ${ratio(hits, frauds)}`);
}
