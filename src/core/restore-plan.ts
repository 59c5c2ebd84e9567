import type { Offset } from './ids.ts';

/** What is known of a partition before it goes live. Offsets are next offsets. */
export interface RestoreFacts {
  /** K: what the log says is done; 0 for a fresh group. */
  readonly committed: Offset;
  /** The first offset that the log can still replay. */
  readonly earliest: Offset;
  /** L of the local store; undefined when there is none or it cannot be opened. */
  readonly local: Offset | undefined;
  /** C of each listed checkpoint that can be read, newest first. */
  readonly sealed: readonly Offset[];
}

export type RestorePlan =
  | { readonly kind: 'start-empty'; readonly replayFrom: Offset }
  | { readonly kind: 'local'; readonly replayFrom: Offset }
  | { readonly kind: 'checkpoint'; readonly index: number; readonly replayFrom: Offset }
  | {
      readonly kind: 'refuse';
      readonly code: 'CHECKPOINT_AHEAD_OF_COMMIT' | 'CHECKPOINT_NONE_USABLE';
    };

/**
 * Where a partition's state comes from: the local store when it is usable, else the newest
 * checkpoint that is, else the beginning of the log. Usable: the log can replay from there to K
 * (earliest <= offset <= K).
 */
export function planRestore({ committed, earliest, local, sealed }: RestoreFacts): RestorePlan {
  const usable = (offset: Offset) => earliest <= offset && offset <= committed;
  if (local !== undefined && usable(local)) return { kind: 'local', replayFrom: local };
  const index = sealed.findIndex(usable);
  if (index >= 0) return { kind: 'checkpoint', index, replayFrom: sealed[index] as Offset };
  // The whole history is still there: the fold from the first record is the state.
  if (earliest === 0) {
    // C1: a checkpoint above K says that this log is not the one it was made from; do not paper
    // over it.
    if (sealed.length > 0 && sealed.every((offset) => offset > committed)) {
      return { kind: 'refuse', code: 'CHECKPOINT_AHEAD_OF_COMMIT' };
    }
    return { kind: 'start-empty', replayFrom: 0 };
  }
  // A group without state that starts on a log whose head has been trimmed begins at its head.
  if (committed <= earliest && sealed.length === 0 && local === undefined) {
    return { kind: 'start-empty', replayFrom: earliest };
  }
  return { kind: 'refuse', code: 'CHECKPOINT_NONE_USABLE' };
}
