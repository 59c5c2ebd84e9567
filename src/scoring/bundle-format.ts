/** bundle.json: what the file may hold, and one clear sentence for what it may not. Pure. */

import { ShrikeError } from '../core/errors.ts';
import { Errors, type Static, Type } from '../core/typebox.ts';

const closed = { additionalProperties: false };
const name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$' });
const columnName = Type.String({ minLength: 1, maxLength: 200 });

/** A row by feature name with the score that the model gave it when the bundle was made. */
const Probe = Type.Object(
  {
    features: Type.Record(Type.String(), Type.Number()),
    score: Type.Number({ minimum: 0, maximum: 1 }),
  },
  closed,
);

/** What ONNX Runtime gave for the rows of a trial (`trial.ts`): float32, little-endian, base64. */
const Verdict = Type.Object(
  {
    trial: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
    scores: Type.String({ pattern: '^[A-Za-z0-9+/]*=*$', maxLength: 100_000 }),
  },
  closed,
);

const BundleSchema = Type.Object(
  {
    format: Type.Literal(1),
    id: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
    name,
    featureSet: name,
    input: columnName,
    output: columnName,
    scoreColumn: Type.Integer({ minimum: 0, maximum: 1_000 }),
    threshold: Type.Number({ minimum: 0, maximum: 1 }),
    features: Type.Array(columnName, { minItems: 1, maxItems: 10_000 }),
    probes: Type.Optional(Type.Array(Probe, { maxItems: 100 })),
    verdict: Type.Optional(Verdict),
  },
  closed,
);

export type BundleFile = Static<typeof BundleSchema>;

/**
 * @param from names the file in messages
 * @throws MODEL_BUNDLE_INVALID
 */
export function parseBundle(text: string, from: string): BundleFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ShrikeError('MODEL_BUNDLE_INVALID', `${from} is not JSON`, { cause });
  }
  const [error] = Errors(BundleSchema, value);
  if (error !== undefined) {
    const place = error.instancePath === '' ? 'the top level' : error.instancePath;
    // A key that the format does not have is checked against the schema `false`.
    const what = error.message === 'schema is false' ? 'unknown key' : error.message;
    throw new ShrikeError('MODEL_BUNDLE_INVALID', `${from}, at ${place}: ${what}`);
  }
  return value as BundleFile;
}
