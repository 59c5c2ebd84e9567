/** `shrike upgrade`: the level that an application's state is written at, and the next one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeSchemaOf } from '../../state/write-schema.ts';
import { ownLevel, stateLevels } from '../agreed-schema.ts';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import type { OperatorVersion } from '../core/flow.ts';
import type { StateLevel } from '../core/state-level.ts';
import { createFlow } from '../job.ts';
import { openObjectStore } from '../object-store.ts';
import { configOf, print, printJson } from './common.ts';
import type { CommonOptions } from './options.ts';

export interface UpgradeOptions extends CommonOptions {
  readonly json?: boolean;
}

interface Standing {
  /** Null before the first process of the application has started. */
  readonly inForce: StateLevel | null;
  readonly program: StateLevel;
  /** Operators that this program writes in another version than its own, until it is finalised. */
  readonly held: readonly (OperatorVersion & { readonly written: number })[];
}

/** @throws STATE_SCHEMA_UNKNOWN when this program may not run at the level in force */
export async function status(options: UpgradeOptions): Promise<void> {
  const { config } = configOf(options);
  const { standing } = await look(config);
  if (options.json === true) return printJson(standing);
  print(standingText(standing));
}

/** @throws STATE_SCHEMA_UNKNOWN as `status` does; CHECKPOINT_NOT_FOUND: there is no level yet */
export async function finalise(options: UpgradeOptions): Promise<void> {
  const { config } = configOf(options);
  const { levels, standing } = await look(config);
  if (standing.inForce === null) {
    throw new ShrikeError(
      'CHECKPOINT_NOT_FOUND',
      `no process of ${config.application} has started yet: there is nothing to finalise`,
    );
  }
  const inForce = (await levels?.raiseTo(standing.program)) ?? standing.program;
  if (options.json === true) return printJson({ ...standing, inForce, held: [] });
  print(levelText('in force', inForce));
  if (inForce.level === standing.inForce.level) return;
  print('Each process writes it from its next start on. Programs of lower levels start no more.');
}

async function look(config: Config) {
  const flow = createFlow(config);
  const folder = join(config.dataDir, 'checkpoints');
  const isThere = config.s3.bucket !== '' || existsSync(folder);
  const levels = isThere
    ? stateLevels(config, await openObjectStore(config, folder, clock))
    : undefined;
  const inForce = (await levels?.newest()) ?? null;
  const schema = inForce === null ? flow.stateSchema : writeSchemaOf(flow, inForce);
  const held = flow.stateSchema.flatMap((one, i) => {
    const written = schema[i]?.version ?? one.version;
    return written === one.version ? [] : [{ ...one, written }];
  });
  const standing: Standing = { inForce, program: ownLevel(flow, clock), held };
  return { levels, standing };
}

function standingText({ inForce, program, held }: Standing): string {
  const lines = [
    inForce === null ? 'in force  no level yet' : levelText('in force', inForce),
    `program   level ${program.level}, Shrike ${program.program}`,
    ...held.map(
      ({ name, version, written }) =>
        `${name} is written in version ${written}; once finalised, in version ${version}`,
    ),
  ];
  if (inForce !== null && inForce.level < program.level) {
    lines.push('The release before can be put back. `shrike upgrade finalise` ends that.');
  }
  return lines.join('\n');
}

function levelText(what: string, { level, program, createdAtMs }: StateLevel): string {
  return `${what}  level ${level}, Shrike ${program}, since ${new Date(createdAtMs).toISOString()}`;
}
