/** What must have come out: a plain fold over the log, with nothing that could go wrong in it. */
import { FEATURE_ORDER } from '../../operators/index.ts';
import { type ActorState, Stepper } from '../../src/core/flow.ts';
import { PackedRecords } from '../../src/core/records.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { DigestSum } from '../../state/digest.ts';
import type { DurableLog } from '../support/memory-log.ts';
import { INPUT, MODEL, PARTITIONS, simFlow, simProfiles, simScores } from './world.ts';

export interface Expected {
  /** By partition: `idx:score` of each payment in offset order. */
  readonly scored: string[][];
  /** By partition: ids of alerts in offset order. */
  readonly alerts: string[][];
  /** By partition: offsets of dead letters. */
  readonly deadLetters: number[][];
  readonly digests: string[];
  readonly ends: number[];
}

/** All records of a partition, with their offsets. */
export function* recordsOf(log: DurableLog, topic: string, partition: number) {
  const stored = log.topics.get(topic)?.partitions[partition];
  for (const batch of stored?.batches ?? []) {
    const records = PackedRecords.of(new Uint8Array(batch.bytes));
    for (let i = 0; i < records.count; i++) {
      yield { records, i, offset: records.offset(batch.baseOffset, i), value: records.value(i) };
    }
  }
}

export function expectedOf(log: DurableLog): Expected {
  const expected: Expected = { scored: [], alerts: [], deadLetters: [], digests: [], ends: [] };
  for (let partition = 0; partition < PARTITIONS; partition++) fold(log, partition, expected);
  return expected;
}

function fold(log: DurableLog, partition: number, expected: Expected): void {
  const flow = simFlow();
  const stepper = new Stepper(flow, FEATURE_ORDER);
  const profiles = simProfiles();
  for (const topic of ['users', 'cards']) {
    for (const { records, i, offset } of recordsOf(log, topic, partition)) {
      if (i === 0) profiles.apply(topic, records, offset, 0);
    }
  }
  const actors = new Map<number, ActorState>();
  const scored: string[] = [];
  const alerts: string[] = [];
  const deadLetters: number[] = [];
  let end = 0;
  for (const { records, i, offset } of recordsOf(log, INPUT, partition)) {
    end = offset + 1;
    const event = flow.decode(records, i).events[i];
    if (event === undefined) {
      deadLetters.push(offset);
      continue;
    }
    const row = new Float32Array(FEATURE_ORDER.length);
    const actor = actors.get(event.user) ?? stepper.createActor();
    actors.set(event.user, actor);
    stepper.step(actor, event, row, 0);
    stepper.enrich(event, profiles.of(event), row, 0);
    const score = simScores(row, 1)[0] as number;
    scored.push(`${event.idx}:${score}`);
    if (score >= MODEL.threshold) alerts.push(`${INPUT}/${partition}/${offset}`);
  }
  const codec = new ActorCodec(flow);
  const digest = new DigestSum();
  for (const [key, actor] of actors) digest.add(key, codec.encode(actor));
  expected.scored.push(scored);
  expected.alerts.push(alerts);
  expected.deadLetters.push(deadLetters);
  expected.digests.push(digest.hex());
  expected.ends.push(end);
}
