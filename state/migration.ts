/** How the states of a stored slot become the states that today's operators expect. */

import { ShrikeError } from '../src/core/errors.ts';
import type { Flow } from '../src/core/flow.ts';
import type { Schema } from './schema.ts';

/** What state needs to know of a flow. */
export type StateFlow = Pick<Flow<never>, 'keyNames' | 'operators' | 'stateSchema'>;
export type StateOperator = StateFlow['operators'][number];

/** One operator's place in an old slot; undefined when it is new since. */
interface Step {
  readonly operator: StateOperator;
  readonly from: number | undefined;
  readonly migrations: readonly ((encoded: unknown) => unknown)[];
}

export interface SlotPlan {
  /** States that an old slot holds; those of operators that are gone are dropped. */
  readonly storedCount: number;
  readonly steps: readonly Step[];
}

export interface MigrationPlan {
  readonly root: SlotPlan;
  /**
   * Undefined: the old sub-keys were of another kind, or there are none any more; they are dropped.
   */
  readonly sub: SlotPlan | undefined;
}

const refuse = (message: string): never => {
  throw new ShrikeError('STATE_SCHEMA_UNKNOWN', message);
};

/** @throws STATE_SCHEMA_UNKNOWN naming the operator and the versions */
export function planMigration(flow: StateFlow, stored: Schema): MigrationPlan {
  const [rootKey, subKey] = flow.keyNames;
  const storedSubKeys = new Set(stored.map((o) => o.key).filter((key) => key !== rootKey));
  if (storedSubKeys.size > 1) {
    refuse(
      `stored state has the keys ${[...storedSubKeys].join(', ')} next to ${rootKey}: an actor ` +
        "has one key within it; was the actor's key renamed?",
    );
  }
  const [storedSubKey] = storedSubKeys;
  const dropped = subKey === undefined || (storedSubKey !== undefined && storedSubKey !== subKey);
  return {
    root: planSlot(flow, stored, rootKey as string),
    sub: dropped ? undefined : planSlot(flow, stored, subKey),
  };
}

function planSlot(flow: StateFlow, stored: Schema, key: string): SlotPlan {
  const old = stored.filter((o) => o.key === key);
  const steps = flow.operators
    .filter((operator) => operator.key === key)
    .map((operator): Step => {
      const from = old.findIndex((o) => o.name === operator.name);
      if (from < 0) return { operator, from: undefined, migrations: [] };
      const { version } = old[from] as Schema[number];
      return { operator, from, migrations: migrationsFrom(operator, version) };
    });
  return { storedCount: old.length, steps };
}

function migrationsFrom(operator: StateOperator, version: number): Step['migrations'] {
  const { name, version: current } = operator;
  if (version > current) {
    refuse(
      `state of operator ${name} was written by version ${version}; this is version ${current}`,
    );
  }
  const migrations: ((encoded: unknown) => unknown)[] = [];
  for (let v = version; v < current; v++) {
    const migrate = operator.migrations[v];
    if (migrate === undefined) {
      return refuse(
        `state of operator ${name} was written by version ${version}; version ${current} has no ` +
          `migration from version ${v}`,
      );
    }
    migrations.push((encoded) => migrate.call(operator.migrations, encoded));
  }
  return migrations;
}

/** @throws what the operator throws on an encoding that it cannot have written */
export function migrateStates(plan: SlotPlan, encoded: readonly unknown[]): unknown[] {
  return plan.steps.map(({ operator, from, migrations }) => {
    if (from === undefined) return operator.create();
    let state = encoded[from];
    for (const migrate of migrations) state = migrate(state);
    return operator.decode(state);
  });
}
