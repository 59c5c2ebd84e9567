import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { FEATURE_ORDER, ZipTable } from '../../operators/index.ts';
import { readGoldenRows } from '../support/golden-rows.ts';
import { goldenSet } from '../support/golden-set.ts';
import { encodeActor, fold, payments, profilesOf, reread, WIDTH } from '../support/payments.ts';

const golden = goldenSet();
const want = readGoldenRows();
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
  for (const [at, got] of rows.entries()) {
    const name = FEATURE_ORDER[at % WIDTH] as string;
    const expected = want.rows[at] as number;
    const allowed = TOLERANT.has(name) ? 1e-6 * Math.abs(expected) : 0;
    if (!(Math.abs(got - expected) <= allowed)) {
      found.push(`idx ${Math.floor(at / WIDTH)} ${name}: ${got}, not ${expected}`);
    }
  }
  return found;
}

test('the sample has 2,026 payments of 32 features', () => {
  expect(events.length).toBe(2026);
  expect(want.rows.length).toBe(2026 * 32);
  expect(want.names).toEqual(FEATURE_ORDER);
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

test('the model scores these features as the reference does, alert for alert', async () => {
  const session = await InferenceSession.create('models/default/model.onnx', {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const { rows } = fold(events, world);
  const features = new Tensor('float32', rows, [events.length, WIDTH]);
  const { probabilities } = await session.run({ features }, ['probabilities']);
  const answers = probabilities?.data as Float32Array;
  const scores = Float32Array.from(events, (_, i) => answers[2 * i + 1] as number);
  expect(scores).toEqual(want.scores);
});
