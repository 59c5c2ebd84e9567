/** Runs payments through the card-fraud flow, the way a partition task does, without an engine. */
import {
  CardUserProfiles,
  cardFraudFlow,
  decodePayments,
  FEATURE_ORDER,
  type Payment,
  type ZipTable,
} from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { type ActorState, type KeySlot, Stepper } from '../../src/core/flow.ts';
import { type NewRecord, PackedRecords, packRecords } from '../../src/core/records.ts';

export const WIDTH = FEATURE_ORDER.length;

export function packed(records: readonly NewRecord[]): PackedRecords {
  return PackedRecords.of(packRecords(records));
}

/** All payments of the records; a record that is none fails the test. */
export function payments(records: readonly NewRecord[]): Payment[] {
  const { events, rejects } = decodePayments(parseJsonBatch)(packed(records), 0);
  if (rejects.length > 0) throw new Error(`rejected: ${JSON.stringify(rejects[0])}`);
  return events as Payment[];
}

export function profilesOf(
  users: readonly NewRecord[],
  cards: readonly NewRecord[],
): CardUserProfiles {
  const profiles = new CardUserProfiles({
    parse: parseJsonBatch,
    usersTopic: 'users',
    cardsTopic: 'cards',
  });
  for (const [topic, records] of [
    ['users', users],
    ['cards', cards],
  ] as const) {
    const [reject] = profiles.apply(topic, packed(records), 0, 0);
    if (reject !== undefined) throw new Error(`rejected: ${JSON.stringify(reject)}`);
  }
  return profiles;
}

export interface FoldOptions {
  readonly profiles: CardUserProfiles;
  readonly zips: ZipTable;
  /**
   * Called after every step with the payment's actor; what it returns is the actor from then on.
   */
  readonly afterStep?: (actor: ActorState, stepper: Stepper<Payment>) => ActorState;
}

/** Feature rows of payments in the order in which they are applied, and the actors they leave. */
export function fold(
  events: readonly Payment[],
  { profiles, zips, afterStep }: FoldOptions,
): { rows: Float32Array; actors: Map<number, ActorState>; stepper: Stepper<Payment> } {
  const stepper = new Stepper(cardFraudFlow({ parse: parseJsonBatch, zips }), FEATURE_ORDER);
  const rows = new Float32Array(events.length * WIDTH);
  const actors = new Map<number, ActorState>();
  for (const [i, event] of events.entries()) {
    const actor = actors.get(event.user) ?? stepper.createActor();
    stepper.step(actor, event, rows, i);
    stepper.enrich(event, profiles.of(event), rows, i);
    actors.set(event.user, afterStep?.(actor, stepper) ?? actor);
  }
  return { rows, actors, stepper };
}

/** Every operator's state of an actor, encoded: root first, then its sub-keys ascending. */
export function encodeActor(actor: ActorState, stepper: Stepper<Payment>): unknown[] {
  const { operators, keyNames } = stepper.flow;
  const encodeSlot = (slot: KeySlot, key: string | undefined) => [
    slot.last,
    operators
      .filter((operator) => operator.key === key)
      .map((operator, i) => operator.encode(slot.states[i] as never)),
  ];
  const subs = [...actor.subs].sort(([a], [b]) => a - b);
  return [
    encodeSlot(actor.root, keyNames[0]),
    subs.map(([key, slot]) => [key, encodeSlot(slot, keyNames[1])]),
  ];
}

/** The actor that comes back from its encoded form. */
export function reread(actor: ActorState, stepper: Stepper<Payment>): ActorState {
  const { operators, keyNames } = stepper.flow;
  const rereadSlot = (slot: KeySlot, key: string | undefined): KeySlot => ({
    last: slot.last,
    states: operators
      .filter((operator) => operator.key === key)
      .map((operator, i) =>
        operator.decode(JSON.parse(JSON.stringify(operator.encode(slot.states[i] as never)))),
      ),
  });
  return {
    root: rereadSlot(actor.root, keyNames[0]),
    subs: new Map([...actor.subs].map(([key, slot]) => [key, rereadSlot(slot, keyNames[1])])),
  };
}
