/**
 * The life of a partition task.
 *
 *   assigned -> restoring -> replaying -> live -> closing -> closed
 *                  ^             |          |
 *                  +- recovering <----------+   (aborted commit, failed step: same path as a crash)
 *
 * `failed` is for what a retry cannot mend; it names its error and waits for a person.
 */
import { assert } from './assert.ts';

export const PHASES = [
  'assigned',
  'restoring',
  'replaying',
  'live',
  'recovering',
  'closing',
  'closed',
  'failed',
] as const;
export type Phase = (typeof PHASES)[number];

const NEXT = {
  assigned: ['restoring', 'closing'],
  restoring: ['replaying', 'recovering', 'closing', 'failed'],
  replaying: ['live', 'recovering', 'closing', 'failed'],
  live: ['recovering', 'closing', 'failed'],
  recovering: ['restoring', 'closing', 'failed'],
  closing: ['closed'],
  failed: ['closing'],
  closed: [],
} as const satisfies Record<Phase, readonly Phase[]>;

export function nextPhase(from: Phase, to: Phase): Phase {
  assert(
    (NEXT[from] as readonly Phase[]).includes(to),
    `a partition task may go from ${from} to ${to}`,
  );
  return to;
}
