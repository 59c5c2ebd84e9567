/** `shrike lake compact`: the S3 sink's many small objects become few of Parquet. */
import { existsSync, statSync } from 'node:fs';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import type { ObjectStore } from '../core/object-store.ts';
import { compactLake } from '../lake/compact.ts';
import type { LaneReport } from '../lake/lane.ts';
import { openObjectStore } from '../object-store.ts';
import { configOf, print, printJson } from './common.ts';
import type { CommonOptions } from './options.ts';
import { bytesText } from './units.ts';

export interface CompactOptions extends CommonOptions {
  readonly from: string;
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Summary {
  readonly dryRun: boolean;
  /** Of a dry run: those that would be written. */
  readonly outputs: readonly OutputSummary[];
  readonly deleted: number;
  /** Of those: what an earlier run that was cut off had left. */
  readonly leftovers: number;
  readonly left: Readonly<Record<'young' | 'newest' | 'large', number>>;
  readonly large: readonly string[];
  readonly unreadable: readonly { readonly key: string; readonly reason: string }[];
  /** Partitions that another run was at work on, as `fraud_alerts-3`. */
  readonly others: readonly string[];
  readonly conflicts: readonly string[];
}

interface OutputSummary {
  readonly key: string;
  readonly sources: number;
  readonly rows?: number;
  readonly duplicates?: number;
  readonly rawRows?: number;
  readonly bytes?: number;
}

const OLDER_THAN_MS = 86_400_000;
const BUCKET_PLACE = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/([a-zA-Z0-9._=/-]*))?$/;

/** @throws LAKE_OUTPUT_CONFLICT, LAKE_OBJECT_UNREADABLE: when everything else is done */
export async function compact(options: CompactOptions): Promise<void> {
  const { config } = configOf(options);
  const store = await openLake(options.from, config.s3);
  const isDryRun = options.dryRun === true;
  const isText = options.json !== true;
  const lanes: LaneReport[] = [];
  for await (const lane of compactLake({
    store,
    clock,
    olderThanMs: options.olderThan ?? OLDER_THAN_MS,
    isDryRun,
  })) {
    lanes.push(lane);
    if (isText) for (const one of outputsOf(lane, isDryRun)) print(outputText(one));
  }
  const summary = summaryOf(lanes, isDryRun);
  if (isText) print(summaryText(summary));
  else printJson(summary);
  refuse(summary, options.from);
}

/** @throws USAGE, and what opening a store throws */
async function openLake(place: string, s3: Config['s3']): Promise<ObjectStore> {
  if (!place.startsWith('s3:')) {
    // Opening the store would make it.
    if (!existsSync(place) || !statSync(place).isDirectory()) {
      throw new ShrikeError('USAGE', `--from: there is no folder ${place}`);
    }
    return openObjectStore({ s3: { ...s3, bucket: '' } }, place, clock);
  }
  const [, bucket, path = ''] = BUCKET_PLACE.exec(place) ?? [];
  const names = path.split('/').filter((name) => name !== '');
  if (bucket === undefined || names.some((name) => name === '.' || name === '..')) {
    throw new ShrikeError('USAGE', `--from wants s3://BUCKET/PREFIX/ or a folder, not ${place}`);
  }
  const prefix = names.map((name) => `${name}/`).join('');
  return openObjectStore({ s3: { ...s3, bucket, prefix } }, '', clock);
}

function outputsOf(lane: LaneReport, isDryRun: boolean): readonly OutputSummary[] {
  if (isDryRun) return lane.planned.map(({ key, sources }) => ({ key, sources: sources.length }));
  return lane.written.map(({ key, sources, rows, duplicates, rawRows, bytes }) => {
    return { key, sources: sources.length, rows, duplicates, rawRows, bytes };
  });
}

function summaryOf(lanes: readonly LaneReport[], isDryRun: boolean): Summary {
  const left = lanes.flatMap((lane) => lane.left);
  const keysOf = (reason: string) =>
    left.filter((one) => one.reason === reason).map(({ source }) => source.key);
  const known = keysOf('unreadable').map((key) => ({ key, reason: 'as in an earlier run' }));
  const sum = (count: (lane: LaneReport) => number) =>
    lanes.reduce((total, lane) => total + count(lane), 0);
  return {
    dryRun: isDryRun,
    outputs: lanes.flatMap((lane) => outputsOf(lane, isDryRun)),
    deleted: sum((lane) => lane.deletedCount),
    leftovers: sum((lane) => lane.coveredCount),
    left: {
      young: keysOf('young').length,
      newest: keysOf('newest').length,
      large: keysOf('large').length,
    },
    large: keysOf('large'),
    unreadable: [...known, ...lanes.flatMap((lane) => lane.unreadable)],
    others: lanes
      .filter(({ isOthers }) => isOthers)
      .map((lane) => `${lane.topic}-${lane.partition}`),
    conflicts: lanes.flatMap(({ conflict }) => conflict ?? []),
  };
}

function outputText({ key, sources, rows, duplicates, rawRows, bytes }: OutputSummary): string {
  const parts = [`${key}  ${sources} objects`];
  if (rows !== undefined) parts.push(`${rows} rows`);
  if (bytes !== undefined) parts.push(bytesText(bytes));
  if (duplicates !== undefined && duplicates > 0) parts.push(`${duplicates} duplicates left out`);
  if (rawRows !== undefined && rawRows > 0) parts.push(`${rawRows} with their line in raw`);
  return parts.join(', ');
}

function summaryText({ outputs, ...summary }: Summary): string {
  const { dryRun, deleted, leftovers, left, large, unreadable, others } = summary;
  const sources = outputs.reduce((sum, one) => sum + one.sources, 0);
  const lines = [
    dryRun
      ? `would compact ${sources} objects into ${outputs.length}, and delete ${leftovers} more that an earlier run left`
      : `${sources} objects compacted into ${outputs.length}; ${deleted} deleted, ${leftovers} of them left by an earlier run`,
    `left: ${left.young} too young, ${left.newest} of the newest day of their partition, ${left.large} too large`,
    ...large.map((key) => `too large: ${key}`),
    ...unreadable.map(({ key, reason }) => `cannot be read: ${key}: ${reason}`),
    ...others.map((name) => `another run is at work on ${name}`),
  ];
  return lines.join('\n');
}

function refuse({ conflicts, unreadable }: Summary, from: string): void {
  if (conflicts[0] !== undefined) {
    throw new ShrikeError('LAKE_OUTPUT_CONFLICT', `${from}: ${conflicts.join('; ')}`);
  }
  if (unreadable.length === 0) return;
  const keys = unreadable.map(({ key }) => key).join(', ');
  const message = `${from}: ${unreadable.length} objects cannot be read: ${keys}`;
  throw new ShrikeError('LAKE_OBJECT_UNREADABLE', message);
}
