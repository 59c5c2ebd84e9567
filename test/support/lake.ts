/** What the S3 sink of Kafka Connect writes, for tests: alerts as lines, packed. */
import { gzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';

export const DAY_MS = 86_400_000;
export const atDay = (day: string, timeOfDay = '12:00') => Date.parse(`${day}T${timeOfDay}Z`);

export type Alert = Readonly<Record<string, unknown>>;

/** An alert that has every field of `docs/formats/fraud_alerts.schema.json`. */
export function alertOf(offset: number, partition = 0): Alert {
  const minute = 25_000_000 + offset;
  return {
    ...{ idx: offset % 5 === 0 ? -1 : offset, user: 16 * offset + partition, card: offset % 4 },
    ...{ t: minute, amount: 10.25 + offset, merchant_name: `-${offset}7184`, score: 0.6318 },
    ...{ model: 'r1', id: `transactions/${partition}/${offset}`, threshold: 0.5 },
    ...{ feature_set: 'r1-1', features: { amount: 10.25 + offset, geo_kmh: 1e-7, fico: 720 } },
    profiles: { user: offset % 3 === 0 ? null : offset, card: 7 },
    event_time: new Date(minute * 60_000).toISOString().slice(0, 16),
    ...{ merchant_city: 'Zürich', merchant_state: '', mcc: 5311, errors: '' },
    use_chip: 'Online Transaction',
  };
}

export function packed(lines: readonly (string | Alert)[]): Buffer {
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  return gzipSync(texts.map((line) => `${line}\n`).join(''));
}

export const sourceKey = (partition: number, start: number) =>
  `fraud_alerts-${partition}-${start}.jsonl.gz`;

export type ParquetRow = Readonly<Record<string, unknown>> & { readonly id: string | null };

/** Bytes of `raw` as they are. */
export async function parquetRows(body: Uint8Array): Promise<readonly ParquetRow[]> {
  const { buffer, byteOffset, byteLength } = body;
  const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  return (await parquetReadObjects({ file, utf8: false })) as ParquetRow[];
}

/** An alert as a row gives it back: what its line said, where `raw` is null. */
export function alertOfRow(row: ParquetRow): Alert {
  const {
    raw: _,
    source_offset: __,
    profile_user,
    profile_card,
    features,
    event_time,
    ...rest
  } = row;
  const number = (value: unknown) => (typeof value === 'bigint' ? Number(value) : value);
  const scalars = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, number(value)]),
  );
  return {
    ...scalars,
    features: JSON.parse(features as string) as object,
    profiles: { user: number(profile_user), card: number(profile_card) },
    event_time: (event_time as Date).toISOString().slice(0, 16),
  };
}
