import { existsSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { FEATURE_ORDER, ZipTable } from '../../operators/index.ts';
import { goldenSet } from '../support/golden-set.ts';
import { encodeActor, fold, payments, profilesOf, reread, WIDTH } from '../support/payments.ts';

const golden = goldenSet();
const events = payments(golden.transactions);
const world = {
  profiles: profilesOf(golden.users, golden.cards),
  zips: ZipTable.parse(golden.zipTable),
};
/** Math libraries differ in the last place (specification, "Features"). */
const TOLERANT = new Set(['log_amount', 'geo_km_from_last', 'geo_kmh', 'km_from_home']);

/** Deviations from the golden rows, readable: the empty list is the expected value. */
function deviations(rows: Float32Array): string[] {
  const found: string[] = [];
  for (const [idx, row] of golden.features.entries()) {
    for (const [k, name] of FEATURE_ORDER.entries()) {
      const want = row[k] as number;
      const got = rows[idx * WIDTH + k] as number;
      const allowed = TOLERANT.has(name) ? 1e-6 * Math.abs(want) : 0;
      if (!(Math.abs(got - want) <= allowed)) found.push(`idx ${idx} ${name} ${got} not ${want}`);
    }
  }
  return found;
}

test('the sample has 2,026 payments of 32 features', () => {
  expect(events.length).toBe(2026);
  expect(golden.features.length).toBe(2026);
  expect(golden.features.every((row) => row.length === 32)).toBe(true);
});

test('all features of the sample equal the reference implementation', () => {
  expect(deviations(fold(events, world).rows)).toEqual([]);
});

test('O3: they still do when every state is written and read back after every payment', () => {
  const { rows } = fold(events, { ...world, afterStep: reread });
  expect(deviations(rows)).toEqual([]);
});

test('O3: a state that was written and read back encodes to the same values', () => {
  const { actors, stepper } = fold(events, world);
  for (const actor of actors.values()) {
    expect(encodeActor(reread(actor, stepper), stepper)).toEqual(encodeActor(actor, stepper));
  }
  expect(actors.size).toBe(20);
});
