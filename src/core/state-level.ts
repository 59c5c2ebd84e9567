/**
 * The state level: what the processes of one application write their state in. A release that
 * changes what is stored reads the level before its own and goes on writing it, until a person
 * finalises the upgrade; so the release before can be put back at any time until then.
 *
 * U1  State is written as the group's level says, so every release of that level reads it.
 * U2  Levels rise one object at a time, each written by `putIfAbsent` and never deleted.
 * U3  A program whose own level is below the group's does not start.
 * U4  Reading does not rest on the level: state names its schema, and a schema that the program
 *     does not know is refused, whoever wrote it.
 */
import type { OperatorVersion } from './flow.ts';

export interface StateLevel {
  readonly formatVersion: 1;
  readonly level: number;
  /** Operators that yield features: whoever writes at this level must have them. */
  readonly schema: readonly OperatorVersion[];
  /** The version of Shrike that brought the group to this level, and when. */
  readonly program: string;
  readonly createdAtMs: number;
}
