/**
 * The columns of an output, and a line as a row of them. The fields are those of
 * `docs/formats/fraud_alerts.schema.json`; a test holds the two together. What does not fit is
 * undefined here, null in the row, and keeps the line's bytes (L8).
 */
import type { SchemaElement } from 'hyparquet';
import { type AlertId, alertId } from './alert-ids.ts';

export type Cell = string | number | bigint | Uint8Array | null;

export interface AlertRow {
  /** In the order of `COLUMNS`. */
  readonly cells: readonly Cell[];
  readonly id: AlertId | undefined;
  readonly isRaw: boolean;
}

type JsonObject = Readonly<Record<string, unknown>>;

interface Column {
  readonly element: SchemaElement;
  readonly read: (alert: JsonObject) => Cell | undefined;
}

const MINUTE_MS = 60_000;
const INT32_MAX = 2 ** 31 - 1;
const EVENT_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;
/** UTF-8 has no bytes for half of a pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const STRING = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const;
const INT64 = { type: 'INT64' } as const;
const INT32 = { type: 'INT32' } as const;
const DOUBLE = { type: 'DOUBLE' } as const;
const TIMESTAMP = {
  type: 'INT64',
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MILLIS' },
} as const;

const text = (value: unknown) =>
  typeof value === 'string' && !LONE_SURROGATE.test(value) ? value : undefined;
const double = (value: unknown) =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
const whole = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) : undefined);
const int32 = (value: unknown) => {
  const number = whole(value);
  return number !== undefined && Math.abs(number) <= INT32_MAX ? number : undefined;
};
const int64 = (value: unknown) => {
  const number = whole(value);
  return number === undefined ? undefined : BigInt(number);
};
const idText = (value: unknown) => (alertId(value) === undefined ? undefined : text(value));

function eventTime({ event_time: value, t }: JsonObject): bigint | undefined {
  const minute = whole(t);
  if (minute === undefined || typeof value !== 'string' || !EVENT_TIME.test(value))
    return undefined;
  const timeMs = Date.parse(`${value}Z`);
  return timeMs === minute * MINUTE_MS ? BigInt(timeMs) : undefined;
}

function features({ features: value }: JsonObject): string | undefined {
  if (!isObject(value)) return undefined;
  return Object.values(value).every((one) => double(one) !== undefined)
    ? text(JSON.stringify(value))
    : undefined;
}

const PROFILES = ['user', 'card'] as const;

/** Null says that none was in force; no other field may be beside the two. */
function profile(name: (typeof PROFILES)[number]) {
  return ({ profiles }: JsonObject) => {
    if (!isObject(profiles) || !hasOnly(profiles, PROFILES)) return undefined;
    return profiles[name] === null ? null : int64(profiles[name]);
  };
}

/** A column of the field of the same name. */
function field(name: string, of: object, read: (value: unknown) => Cell | undefined): Column {
  return column(name, of, (alert) => read(alert[name]));
}

function column(name: string, of: object, read: Column['read']): Column {
  return { element: { name, repetition_type: 'OPTIONAL', ...of }, read };
}

const ALERT_COLUMNS: readonly Column[] = [
  field('id', STRING, idText),
  column('event_time', TIMESTAMP, eventTime),
  field('t', INT64, int64),
  field('idx', INT64, int64),
  field('user', INT64, int64),
  field('card', INT32, int32),
  field('amount', DOUBLE, double),
  field('score', DOUBLE, double),
  field('threshold', DOUBLE, double),
  field('mcc', INT32, int32),
  ...[
    ...['merchant_name', 'merchant_city', 'merchant_state', 'use_chip', 'errors'],
    ...['model', 'feature_set'],
  ].map((name) => field(name, STRING, text)),
  column('features', STRING, features),
  column('profile_user', INT64, profile('user')),
  column('profile_card', INT64, profile('card')),
];

/** Fields that some column holds. */
export const ALERT_FIELDS: readonly string[] = [
  ...ALERT_COLUMNS.map(({ element }) => element.name).filter(
    (name) => !name.startsWith('profile_'),
  ),
  'profiles',
];

/** With two of the line itself: its bytes, and the offset that its source begins at. */
export const COLUMNS: readonly SchemaElement[] = [
  ...ALERT_COLUMNS.map(({ element }) => element),
  { name: 'raw', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
  { name: 'source_offset', type: 'INT64', repetition_type: 'REQUIRED' },
];

export function alertRow(line: Uint8Array, sourceOffset: number): AlertRow {
  const alert = alertOf(line) ?? {};
  const values = ALERT_COLUMNS.map(({ read }) => read(alert));
  const isRaw = values.includes(undefined) || !hasOnly(alert, ALERT_FIELDS);
  // A copy: the line is a view of its source's whole text, which would stay in memory with it.
  const raw = isRaw ? Uint8Array.from(line) : null;
  return {
    cells: [...values.map((value) => value ?? null), raw, BigInt(sourceOffset)],
    id: alertId(alert.id),
    isRaw,
  };
}

/** Undefined when it is no JSON object in UTF-8. */
function alertOf(line: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
    if (!isObject(value)) return undefined;
    // The sink's envelope, of a single field.
    return isObject(value.value) && hasOnly(value, ['value']) ? value.value : value;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasOnly(value: JsonObject, names: readonly string[]): boolean {
  return Object.keys(value).every((name) => names.includes(name));
}
