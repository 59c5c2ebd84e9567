/** What this process is to write its state in: asked of the group's level, once, at its start. */
import { StateLevels } from '../checkpoints/state-levels.ts';
import { type LeveledFlow, levelOf, writeSchemaOf } from '../state/write-schema.ts';
import type { Clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import { codeOf, explain, ShrikeError } from './core/errors.ts';
import type { OperatorVersion } from './core/flow.ts';
import type { ObjectStore } from './core/object-store.ts';
import type { StateLevel } from './core/state-level.ts';
import { inputTopicOf } from './job.ts';
import type { Logger } from './telemetry/logger.ts';
import { VERSION } from './version.ts';

/** A store that is down must not keep an engine from starting that has its state on its disk. */
const PATIENCE_MS = 10_000;

export interface AgreeingOptions {
  readonly config: Config;
  readonly store: ObjectStore;
  readonly flow: LeveledFlow;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'event'>;
}

export function stateLevels(config: Config, store: ObjectStore): StateLevels {
  return new StateLevels({ store, application: config.application, topic: inputTopicOf(config) });
}

export function ownLevel(flow: LeveledFlow, clock: Clock): StateLevel {
  return levelOf(flow, { program: VERSION, createdAtMs: clock.nowMs() });
}

/**
 * For commands, which bring an application to no level.
 * @throws STATE_SCHEMA_UNKNOWN: not a program for the level in force
 * @throws OBJECT_STORE_UNAVAILABLE
 */
export async function schemaInForce(
  config: Config,
  store: ObjectStore,
  flow: LeveledFlow,
): Promise<readonly OperatorVersion[]> {
  return writeSchemaOf(flow, await stateLevels(config, store).newest());
}

/** @throws STATE_SCHEMA_UNKNOWN: not a program for the level in force */
export async function agreedSchema(options: AgreeingOptions): Promise<readonly OperatorVersion[]> {
  const { flow, logger } = options;
  const level = await levelInForce(options);
  const schema = writeSchemaOf(flow, level);
  if (level !== undefined && level.level < flow.stateLevel) {
    const facts = { inForce: level.level, own: flow.stateLevel };
    logger.event('info', 'state is written at the level before, until it is finalised', facts);
  }
  return schema;
}

/** Undefined when the store does not tell in time. */
async function levelInForce(options: AgreeingOptions): Promise<StateLevel | undefined> {
  const { config, store, flow, clock, logger } = options;
  const levels = stateLevels(config, store);
  const asked = async () => (await levels.newest()) ?? levels.raiseTo(ownLevel(flow, clock));
  const patience = new AbortController();
  try {
    return await Promise.race([asked(), tooLate(clock, patience.signal)]);
  } catch (error) {
    if (codeOf(error) === 'STATE_SCHEMA_UNKNOWN') throw error;
    const facts = { code: codeOf(error), reason: explain(error) };
    logger.event(
      'warn',
      'the state level is not known; state is written in its oldest form',
      facts,
    );
    return undefined;
  } finally {
    patience.abort();
  }
}

async function tooLate(clock: Clock, signal: AbortSignal): Promise<never> {
  await clock.sleep(PATIENCE_MS, signal);
  throw new ShrikeError(
    'OBJECT_STORE_UNAVAILABLE',
    `the object store did not tell the state level within ${PATIENCE_MS} ms`,
  );
}
