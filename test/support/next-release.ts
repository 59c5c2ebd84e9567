/**
 * The flow of a release to come: card_velocity keeps the same memory in another form. (A real
 * second build of the program is `next-build.ts`.)
 */
import type { Payment } from '../../operators/index.ts';
import type { Flow } from '../../src/core/flow.ts';

const CHANGED = 'card_velocity';

/** Gap, amount, gap, amount… as [gaps, amounts]. */
function columns(encoded: unknown): unknown {
  const pairs = encoded as readonly number[];
  return [pairs.filter((_, i) => i % 2 === 0), pairs.filter((_, i) => i % 2 === 1)];
}

function pairs(encoded: unknown): unknown {
  const [gaps, amounts] = encoded as readonly [readonly number[], readonly number[]];
  return gaps.flatMap((gap, i) => [gap, amounts[i]]);
}

export function nextRelease(flow: Flow<Payment>): Flow<Payment> {
  const operators = flow.operators.map((operator) => {
    if (operator.name !== CHANGED) return operator;
    const { version } = operator;
    return {
      ...operator,
      version: version + 1,
      encode: (state: never) => columns(operator.encode(state)),
      decode: (encoded: unknown) => operator.decode(pairs(encoded)),
      migrations: { ...operator.migrations, [version]: columns },
      downgrades: { [version]: pairs },
    };
  });
  return {
    ...flow,
    operators,
    stateSchema: operators.map(({ name, key, version }) => ({ name, key, version })),
    stateLevel: flow.stateLevel + 1,
  };
}
