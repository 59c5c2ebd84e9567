/** In which versions of its operators a flow writes state, so that a group's level has it (U1). */
import { ShrikeError } from '../src/core/errors.ts';
import type { Flow } from '../src/core/flow.ts';
import type { StateLevel } from '../src/core/state-level.ts';
import type { StateOperator } from './migration.ts';
import type { Schema } from './schema.ts';

/** What the level needs to know of a flow. */
export type LeveledFlow = Pick<Flow<never>, 'operators' | 'stateSchema' | 'stateLevel'>;

/** What a program brings a group to that has no level yet, or whose upgrade is finalised. */
export function levelOf(
  flow: LeveledFlow,
  by: Pick<StateLevel, 'program' | 'createdAtMs'>,
): StateLevel {
  // An operator without features is on its way out: nobody misses its state when it is gone.
  const schema = flow.operators
    .filter(({ features }) => features.length > 0)
    .map(({ name, key, version }) => ({ name, key, version }));
  return { formatVersion: 1, level: flow.stateLevel, schema, ...by };
}

/**
 * @param level undefined: not known; then the oldest form that this program can write, which
 * programs of every level that it may run beside can read
 * @throws STATE_SCHEMA_UNKNOWN when the group is at a higher level (U3), or at one so old that this
 * program cannot write for it
 */
export function writeSchemaOf(flow: LeveledFlow, level: StateLevel | undefined): Schema {
  if (level !== undefined) requireReadable(flow, level);
  const schema = flow.operators.map((operator) => {
    const { name, key } = operator;
    const agreed = level?.schema.find((one) => one.name === name && one.key === key);
    const version = level === undefined ? oldestVersion(operator) : agreed?.version;
    // One that the level does not have is dropped by whoever does not know it.
    return { name, key, version: version ?? operator.version };
  });
  for (const [i, { version }] of schema.entries()) {
    downgradesTo(flow.operators[i] as StateOperator, version);
  }
  return schema;
}

function requireReadable(flow: LeveledFlow, { level, schema, program }: StateLevel): void {
  if (level > flow.stateLevel) {
    throw new ShrikeError(
      'STATE_SCHEMA_UNKNOWN',
      `the state is at level ${level}, finalised with Shrike ${program}; ` +
        `this program knows levels up to ${flow.stateLevel}`,
    );
  }
  const has = ({ name, key }: Schema[number]) =>
    flow.operators.some((one) => one.name === name && one.key === key);
  const gone = schema.find((one) => !has(one));
  if (gone === undefined) return;
  throw new ShrikeError(
    'STATE_SCHEMA_UNKNOWN',
    `the state is at level ${level}, which has the operator ${gone.name}; this program, of level ` +
      `${flow.stateLevel}, lacks it`,
  );
}

function oldestVersion({ version, downgrades }: StateOperator): number {
  let oldest = version;
  while (downgrades?.[oldest - 1] !== undefined) oldest -= 1;
  return oldest;
}

/** From the operator's own version down. @throws STATE_SCHEMA_UNKNOWN */
export function downgradesTo(
  { name, version: own, downgrades }: StateOperator,
  version: number,
): readonly ((encoded: unknown) => unknown)[] {
  if (version > own) {
    throw new ShrikeError(
      'STATE_SCHEMA_UNKNOWN',
      `state of operator ${name} is written in version ${version}; this is version ${own}`,
    );
  }
  const steps: ((encoded: unknown) => unknown)[] = [];
  for (let v = own - 1; v >= version; v--) {
    const downgrade = downgrades?.[v];
    if (downgrade === undefined) {
      throw new ShrikeError(
        'STATE_SCHEMA_UNKNOWN',
        `state of operator ${name} is written in version ${version}; version ${own} has no ` +
          `downgrade to version ${v}`,
      );
    }
    steps.push((encoded) => downgrade.call(downgrades, encoded));
  }
  return steps;
}
