import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import { seeded } from '../../src/core/random.ts';
import { Batcher } from '../../src/scoring/batcher.ts';

const failure = new ShrikeError('SCORING_FAILED', 'a scorer thread ended');

test('B1: whatever arrives and fails, each request gets its own scores or one error', async () => {
  const scenario = fc.record({
    sizes: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }),
    rowsMax: fc.integer({ min: 1, max: 6 }),
    lanes: fc.integer({ min: 1, max: 3 }),
    failing: fc.constantFrom(0, 0.2, 1),
    seed: fc.integer(),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ sizes, rowsMax, lanes, failing, seed }) => {
      const random = seeded(seed);
      let running = 0;
      const batcher = new Batcher({
        width: 1,
        rowsMax,
        lanes,
        waitMs: 0,
        clock: systemClock,
        call: async (rows, count) => {
          expect(++running).toBeLessThanOrEqual(lanes);
          expect(count).toBeLessThanOrEqual(rowsMax);
          if (random.chance(0.5)) await systemClock.yield();
          running--;
          if (random.chance(failing)) return random.chance(0.5) ? { failure } : { rows, failure };
          return { rows, scores: rows.slice(0, count), busyMs: 1 };
        },
      });
      let next = 0;
      const answers = sizes.map(async (size) => {
        const rows = Float32Array.from({ length: size }, () => next++);
        const wanted = [...rows];
        if (random.chance(0.3)) await systemClock.yield();
        const told = await batcher.score(rows, size).catch((error: ShrikeError) => error.code);
        if (typeof told === 'string') return told === 'SCORING_FAILED' && failing > 0;
        expect([...told.scores]).toEqual(wanted);
        expect(told.rows).toBe(rows);
        return true;
      });
      expect((await Promise.all(answers)).every(Boolean)).toBe(true);
      await batcher.drain();
      expect(batcher.stats()).toMatchObject({ busyThreads: 0, queuedRows: 0, queuedRequests: 0 });
    }),
    { numRuns: 200 },
  );
});
