/** One lane: facts from the store, a plan from the facts, and then the plan. */
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import { type TopicPartition, topicPartitionName } from '../core/ids.ts';
import type { ObjectStore } from '../core/object-store.ts';
import { LaneIndex } from './lane-index.ts';
import { indexKey, type OutputName, type Source, sourceOf } from './names.ts';
import { REQUESTS_MAX, type UnreadableSource, type WrittenOutput, writeOutput } from './output.ts';
import { recordOf } from './parquet-output.ts';
import {
  hashesWanted,
  type LakeLimits,
  type LanePlan,
  type PlannedOutput,
  planLane,
  recordsWanted,
  type SourceRecord,
} from './plan.ts';
import { sha256Of } from './source.ts';

export interface CompactOptions {
  /** At the prefix of the lake. */
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly olderThanMs: number;
  /** Nothing is written and nothing deleted; what would be is told. */
  readonly isDryRun?: boolean;
  /** Less than `LAKE_LIMITS`, for tests: runs at the same time must have the same (L3). */
  readonly limits?: LakeLimits;
}

export interface Lane extends TopicPartition {
  readonly sources: readonly Source[];
  readonly outputs: readonly OutputName[];
}

export interface LaneReport extends TopicPartition {
  /** Of a dry run: what would be written. */
  readonly planned: readonly PlannedOutput[];
  readonly written: readonly WrittenOutput[];
  /** Sources that an earlier run's output covers: a crash had left them. */
  readonly coveredCount: number;
  readonly deletedCount: number;
  readonly left: LanePlan['left'];
  /** Of the outputs written now; those of earlier ones are among `left`. */
  readonly unreadable: readonly UnreadableSource[];
  /** Another run is at work on the lane, and does what this one has not. */
  readonly isOthers: boolean;
  /** What LAKE_OUTPUT_CONFLICT says; the lane's further outputs were not tried. */
  readonly conflict: string | null;
}

export async function compactLane(options: CompactOptions, lane: Lane): Promise<LaneReport> {
  const { store } = options;
  const { topic, partition } = lane;
  const plan = await planOf(options, lane);
  const { covered, left, outputs: planned } = plan;
  const told = { topic, partition, planned, coveredCount: covered.length, left };
  const nothing = { deletedCount: 0, unreadable: [], isOthers: false, conflict: null };
  if (options.isDryRun === true) return { ...told, ...nothing, written: [] };
  const coveredDeleted = await deleteSources(store, lane, covered);
  const { written, deletedCount, ...end } = await writeAll(store, lane, planned);
  const unreadable = written.flatMap((one) => one.unreadable);
  return { ...told, ...end, written, unreadable, deletedCount: coveredDeleted + deletedCount };
}

async function planOf(options: CompactOptions, lane: Lane): Promise<LanePlan> {
  const { store, clock, olderThanMs, limits } = options;
  const { sources, outputs } = lane;
  const records = new Map<string, readonly SourceRecord[]>();
  for (const { key } of recordsWanted(lane)) {
    const body = await store.get(key);
    const record = body === undefined ? undefined : recordOf(body);
    if (record !== undefined) records.set(key, record.sources);
  }
  const hashes = new Map<string, string>();
  await inBatches(hashesWanted({ sources, records }), async ({ key }) => {
    const body = await store.get(key);
    if (body !== undefined) hashes.set(key, sha256Of(body));
  });
  const time = { nowMs: clock.nowMs(), olderThanMs };
  return planLane({ sources, outputs, records, hashes, ...time, ...(limits && { limits }) });
}

type WriteEnd = Pick<LaneReport, 'written' | 'deletedCount' | 'isOthers' | 'conflict'>;

/** L3: in the order of the plan; what comes after one that is not there is not begun. */
async function writeAll(
  store: ObjectStore,
  lane: Lane,
  planned: readonly PlannedOutput[],
): Promise<WriteEnd> {
  const written: WrittenOutput[] = [];
  let deletedCount = 0;
  const end = (isOthers: boolean, conflict: string | null) => {
    return { written, deletedCount, isOthers, conflict };
  };
  if (planned.length === 0) return end(false, null);
  const keys = lane.outputs.map(({ key }) => key);
  const index = await LaneIndex.open(store, indexKey(lane), keys);
  for (const one of planned) {
    let output: WrittenOutput | undefined;
    try {
      output = await writeOutput(store, one, index);
    } catch (error) {
      if (codeOf(error) !== 'LAKE_OUTPUT_CONFLICT') throw error;
      return end(false, (error as Error).message);
    }
    if (output === undefined) return end(true, null);
    written.push(output);
    deletedCount += await deleteSources(store, lane, output.sources);
  }
  await index.save();
  return end(false, null);
}

/**
 * L1: those that are still what was read.
 * @returns how many
 */
async function deleteSources(
  store: ObjectStore,
  lane: Lane,
  sources: readonly Source[],
): Promise<number> {
  if (sources.length === 0) return 0;
  const there = new Map(
    (await store.list(`${topicPartitionName(lane)}-`)).flatMap((one) => {
      const source = sourceOf(one);
      return source === undefined ? [] : [[source.key, source] as const];
    }),
  );
  const unchanged = sources.filter(({ key, bytes, modifiedMs }) => {
    const now = there.get(key);
    return now?.bytes === bytes && now.modifiedMs === modifiedMs;
  });
  await inBatches(unchanged, ({ key }) => store.delete(key));
  return unchanged.length;
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += REQUESTS_MAX) {
    await Promise.all(items.slice(from, from + REQUESTS_MAX).map(work));
  }
}
