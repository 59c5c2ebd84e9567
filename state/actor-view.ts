import type { ActorState, KeySlot } from '../src/core/flow.ts';
import type { StateFlow, StateOperator } from './migration.ts';

export interface SlotView {
  /** Event minute of the key's last event; -1 before the first. */
  readonly last: number;
  /** By operator, as it encodes them. */
  readonly states: Readonly<Record<string, unknown>>;
}

/** The actor's own slot, and those of its sub-keys under their key's name: `cards: { 0: … }`. */
export interface ActorView extends SlotView {
  readonly [subKeys: string]: unknown;
}

/** An actor for people: `shrike state get`. */
export function describeActor(actor: ActorState, flow: StateFlow): ActorView {
  const [rootKey, subKey] = flow.keyNames;
  const root = describeSlot(actor.root, operatorsOf(flow, rootKey));
  if (subKey === undefined) return { ...root };
  const subOperators = operatorsOf(flow, subKey);
  const subs = [...actor.subs]
    .sort((a, b) => a[0] - b[0])
    .map(([key, slot]) => [key, describeSlot(slot, subOperators)] as const);
  return { ...root, [`${subKey}s`]: Object.fromEntries(subs) };
}

const operatorsOf = (flow: StateFlow, key: string | undefined): StateOperator[] =>
  flow.operators.filter((operator) => operator.key === key);

function describeSlot(slot: KeySlot, operators: readonly StateOperator[]): SlotView {
  const states = operators.map((o, i) => [o.name, o.encode(slot.states[i] as never)] as const);
  return { last: slot.last, states: Object.fromEntries(states) };
}
