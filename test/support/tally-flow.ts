/** A small flow for tests of state: what a user and a card add up to. */
import { type Flow, flow } from '../../src/core/flow.ts';
import type { Operator } from '../../src/core/operator.ts';

export interface Tally {
  readonly user: number;
  readonly card: number;
  readonly minute: number;
  readonly amount: number;
}

export const tallyCount: Operator<Tally, { n: number }, 'user'> = {
  name: 'count',
  key: 'user',
  version: 1,
  features: ['user_count'],
  create: () => ({ n: 0 }),
  step: (state, _event, _time, out) => {
    state.n += 1;
    out.set(0, state.n);
  },
  encode: (state) => state.n,
  decode: (encoded) => ({ n: requireNumber(encoded) }),
  migrations: {},
};

export const tallyAmounts: Operator<Tally, { sum: number; recent: number[] }, 'card'> = {
  name: 'amounts',
  key: 'card',
  version: 1,
  features: ['card_sum'],
  create: () => ({ sum: 0, recent: [] }),
  step: (state, event, _time, out) => {
    state.sum += event.amount;
    state.recent = [...state.recent.slice(-2), event.amount];
    out.set(0, state.sum);
  },
  encode: (state) => [state.sum, state.recent],
  decode: (encoded) => {
    const [sum, recent] = encoded as [number, number[]];
    return { sum: requireNumber(sum), recent: recent.map(requireNumber) };
  },
  migrations: {},
};

function requireNumber(value: unknown): number {
  if (typeof value !== 'number') throw new Error(`not a number: ${String(value)}`);
  return value;
}

type TallyOperator = Operator<Tally, never, 'user' | 'card'>;

export function tallyFlowOf(...operators: readonly unknown[]): Flow<Tally> {
  const builder = flow<Tally>(() => ({ events: [], rejects: [] })).keyBy(
    { user: (event) => event.user, card: (event) => event.card },
    (event) => event.minute,
  );
  for (const operator of operators) builder.apply(operator as TallyOperator);
  return builder.score().decide({ topics: [], decide: () => undefined });
}

export const tallyFlow: Flow<Tally> = tallyFlowOf(tallyCount, tallyAmounts);
