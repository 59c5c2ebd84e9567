import { expect, test } from 'vitest';
import { nextPhase, type Phase } from '../../src/core/phase.ts';
import { planRestore, type RestoreFacts } from '../../src/core/restore-plan.ts';

const table: readonly [what: string, facts: RestoreFacts, plan: unknown][] = [
  [
    'a fresh group starts empty at the beginning',
    { committed: 0, earliest: 0, local: undefined, sealed: [] },
    { kind: 'start-empty', replayFrom: 0 },
  ],
  [
    'a fresh group on a log whose head is gone starts at what is left',
    { committed: 40, earliest: 40, local: undefined, sealed: [] },
    { kind: 'start-empty', replayFrom: 40 },
  ],
  [
    'the local store wins over a newer checkpoint: it is here already',
    { committed: 100, earliest: 0, local: 80, sealed: [90] },
    { kind: 'local', replayFrom: 80 },
  ],
  [
    'a local store that is ahead of the log is not used',
    { committed: 100, earliest: 0, local: 120, sealed: [90, 70] },
    { kind: 'checkpoint', index: 0, replayFrom: 90 },
  ],
  [
    'a local store older than the log still reaches back is not used',
    { committed: 100, earliest: 50, local: 40, sealed: [90] },
    { kind: 'checkpoint', index: 0, replayFrom: 90 },
  ],
  [
    'the newest checkpoint that is not ahead of the log is used',
    { committed: 100, earliest: 0, local: undefined, sealed: [110, 95, 60] },
    { kind: 'checkpoint', index: 1, replayFrom: 95 },
  ],
  [
    'without any state the whole log is folded',
    { committed: 100, earliest: 0, local: undefined, sealed: [] },
    { kind: 'start-empty', replayFrom: 0 },
  ],
  [
    'C1: checkpoints that are all ahead of the log say that it is another log',
    { committed: 100, earliest: 0, local: undefined, sealed: [200, 150] },
    { kind: 'refuse', code: 'CHECKPOINT_AHEAD_OF_COMMIT' },
  ],
  [
    'no state, and the log does not reach back: refused, not guessed',
    { committed: 100, earliest: 50, local: undefined, sealed: [40] },
    { kind: 'refuse', code: 'CHECKPOINT_NONE_USABLE' },
  ],
];

test.each(table)('%s', (_, facts, plan) => {
  expect(planRestore(facts)).toEqual(plan);
});

test('a partition task takes no step that its life cycle does not have', () => {
  const life: Phase[] = ['restoring', 'replaying', 'live', 'recovering', 'restoring', 'closing'];
  let phase: Phase = 'assigned';
  for (const next of life) phase = nextPhase(phase, next);
  expect(nextPhase(phase, 'closed')).toBe('closed');
  expect(() => nextPhase('closed', 'live')).toThrow('from closed to live');
  expect(() => nextPhase('assigned', 'live')).toThrow('from assigned to live');
});
