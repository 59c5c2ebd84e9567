/** What the flow reads and writes, against the schemas in docs/formats. */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { expect, test } from 'vitest';
import {
  cardFraudFlow,
  FEATURE_ORDER,
  FEATURE_SET,
  type Payment,
  ZipTable,
} from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import type { ScoredEvent } from '../../src/core/flow.ts';
import type { NewRecord } from '../../src/core/records.ts';
import { goldenSet } from '../support/golden-set.ts';
import { payments } from '../support/payments.ts';

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
const TOPICS = ['transactions', 'users', 'cards', 'fraud_alerts', 'scored', 'dead_letters'];
const schemas = new Map(
  TOPICS.map((topic): [string, ValidateFunction] => [
    topic,
    ajv.compile(JSON.parse(readFileSync(`docs/formats/${topic}.schema.json`, 'utf8'))),
  ]),
);

/** Violations of a topic's schema; none is what is expected. */
function violations(topic: string, values: readonly unknown[]): string[] {
  const validate = schemas.get(topic);
  if (validate === undefined) throw new Error(`no schema of ${topic}`);
  return values.flatMap((value) =>
    validate(value) ? [] : [`${ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`],
  );
}

const golden = goldenSet();
const zips = ZipTable.parse(golden.zipTable);
const valuesOf = (records: readonly NewRecord[]) =>
  records.map((record) => JSON.parse(record.value as string) as unknown);

const MODEL = { modelId: 'sha256:abc', threshold: 0.5, featureSet: FEATURE_SET };
const [payment] = payments([
  {
    key: '3',
    value:
      '{"idx":12,"user":3,"card":1,"year":2018,"month":1,"day":3,"time":"19:40","amount":-415.5,' +
      '"use_chip":"Online Transaction","merchant_name":"-5686525563270748980","merchant_city":"ONLINE",' +
      '"merchant_state":"","zip":"","mcc":5094,"errors":"Bad PIN,","cvv":"579","card_number":"4129722033331194"}',
    timestampMs: 0,
  },
]) as [Payment];

const features = Float32Array.from(FEATURE_ORDER, (_, k) => k / 10);
const scored = (score: number): ScoredEvent<Payment> => ({
  event: payment,
  score: Math.fround(score),
  features,
  topic: 'transactions',
  partition: 3,
  offset: 77,
  profileVersions: () => ({ user: 5, card: null }),
});

interface Output {
  readonly topic: string;
  readonly key: string;
  readonly value: string | Uint8Array;
}

function outputs(score: number, options: { scored: boolean; features: boolean }): Output[] {
  const emitted: Output[] = [];
  const { decide } = cardFraudFlow({ parse: parseJsonBatch, zips, outputs: options });
  decide.decide(scored(score), MODEL, (topic, key, value) => emitted.push({ topic, key, value }));
  for (const { topic } of emitted) expect(decide.topics).toContain(topic);
  return emitted;
}

test('inputs of the golden sample obey the schemas', () => {
  expect(violations('transactions', valuesOf(golden.transactions))).toEqual([]);
  expect(violations('users', valuesOf(golden.users))).toEqual([]);
  expect(violations('cards', valuesOf(golden.cards))).toEqual([]);
});

test('the schema of cards refuses a card number and a CVV', () => {
  const [card] = valuesOf(golden.cards) as object[];
  expect(violations('cards', [{ ...card, cvv: '579' }]).length).toBe(1);
  expect(violations('cards', [{ ...card, card_number: '4129722033331194' }]).length).toBe(1);
});

test('an alert has the eight fields of the workload first, then all that explains it', () => {
  const [alert, ...others] = outputs(0.93, { scored: false, features: false });
  expect(others).toEqual([]);
  expect([alert?.topic, alert?.key]).toEqual(['fraud_alerts', '3']);
  const value = JSON.parse(alert?.value as string) as Record<string, unknown>;
  expect(violations('fraud_alerts', [value])).toEqual([]);
  expect(Object.keys(value).slice(0, 8)).toEqual([
    'idx',
    'user',
    'card',
    't',
    'amount',
    'merchant_name',
    'score',
    'model',
  ]);
  expect(value).toMatchObject({
    idx: 12,
    user: 3,
    card: 1,
    t: 25_250_140,
    amount: -415.5,
    merchant_name: '-5686525563270748980',
    score: 0.93,
    model: 'sha256:abc',
    id: 'transactions/3/77',
    threshold: 0.5,
    feature_set: 'r1-1',
    profiles: { user: 5, card: null },
    event_time: '2018-01-03T19:40',
    merchant_city: 'ONLINE',
    use_chip: 'Online Transaction',
    errors: 'Bad PIN,',
  });
  expect(value.features).toMatchObject({ amount: 0, log_amount: 0.1, mcc: 3.1 });
  expect(alert?.value).not.toMatch(/4129722033331194|579/);
});

test('an alert begins at the threshold, not above it', () => {
  const only = { scored: false, features: false };
  expect(outputs(0.5, only).length).toBe(1);
  expect(outputs(0.499_999_97, only).length).toBe(0);
});

test('every payment is scored when that is asked for, and the score reads back to its float32', () => {
  const scores = [0, 1, 0.5, 1e-9, 0.012_345_678, 0.999_999_94, 1.175e-38, 0.000_194_966_8];
  for (const score of scores) {
    const [output] = outputs(score, { scored: true, features: false });
    const value = JSON.parse(output?.value as string) as { score: number };
    expect(violations('scored', [value])).toEqual([]);
    expect(Math.fround(value.score)).toBe(Math.fround(score));
    expect([output?.topic, output?.key]).toEqual(['scored', '3']);
  }
});

test('a feature record is idx and 32 floats, little-endian', () => {
  const [output] = outputs(0.1, { scored: false, features: true });
  const bytes = output?.value as Uint8Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expect(bytes.byteLength).toBe(136);
  expect(view.getFloat64(0, true)).toBe(12);
  const row = Float32Array.from(FEATURE_ORDER, (_, k) => view.getFloat32(8 + 4 * k, true));
  expect(row).toEqual(features);
});

test('a dead letter of the runtime obeys its schema', () => {
  const letter = {
    topic: 'transactions',
    partition: 0,
    offset: 3,
    timestamp_ms: 1_700_000_000_000,
    code: 'RECORD_NOT_JSON',
    reason: 'not JSON at character 7',
    key: null,
    value_base64: 'e30=',
  };
  expect(violations('dead_letters', [letter, { ...letter, value_base64: null }])).toEqual([]);
  const truncated = { key_bytes: 3, value_bytes: 2, value_sha256: '0a'.repeat(32) };
  expect(violations('dead_letters', [{ ...letter, truncated }])).toEqual([]);
  expect(violations('dead_letters', [{ ...letter, truncated: {} }])).toHaveLength(1);
  expect(violations('dead_letters', [{ ...letter, offset: -1 }]).length).toBe(1);
});
