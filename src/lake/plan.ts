/**
 * What is to be done with a lane's sources, from what the store lists and what outputs record:
 * pure. The argument for it, and the numbers L1 to L10, are in the README.
 */
import { assert } from '../core/assert.ts';
import { grouped } from './grouped.ts';
import { dayOf, endOfDayMs, type OutputName, outputKey, type Source } from './names.ts';

export const LAKE_LIMITS = {
  /**
   * Compressed bytes that one output is made of. It bounds the output, which is in memory before
   * it is put: alerts come out at 0.9 of them from objects of five lines, at 1.7 from objects of
   * 500.
   */
  outputSourceBytesMax: 32 << 20,
  /** Their records are in the output's footer, with about 150 bytes each. */
  outputSourcesMax: 4096,
  /** A larger one is no small object: it stays. */
  sourceBytesMax: 32 << 20,
} as const;

export type LakeLimits = Readonly<Record<keyof typeof LAKE_LIMITS, number>>;

assert(LAKE_LIMITS.sourceBytesMax <= LAKE_LIMITS.outputSourceBytesMax, 'any source fits an output');

/** What an output says of a source. */
export interface SourceRecord {
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
  /** False: it could not be read, and stays (L9). */
  readonly isReadable: boolean;
}

export interface LaneFacts {
  /** All of the lane, also the young ones, listed before the outputs (L4). */
  readonly sources: readonly Source[];
  readonly outputs: readonly OutputName[];
  /** Of the outputs that `recordsWanted` names. */
  readonly records: ReadonlyMap<string, readonly SourceRecord[]>;
  /** SHA-256 of the sources that `hashesWanted` names; one that is missing is gone. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly nowMs: number;
  readonly olderThanMs: number;
  readonly limits?: LakeLimits;
}

export type LeftReason = 'young' | 'newest' | 'large' | 'unreadable';

export interface PlannedOutput {
  readonly key: string;
  readonly day: string;
  /** In the order of their offsets. */
  readonly sources: readonly Source[];
}

export interface LanePlan {
  /** Sources that an output has already: what a crash has left. */
  readonly covered: readonly Source[];
  readonly left: readonly { readonly source: Source; readonly reason: LeftReason }[];
  /** To be written in this order (L3). */
  readonly outputs: readonly PlannedOutput[];
}

/** Only an output of a source's own day can cover it. */
export function recordsWanted({ sources, outputs }: Pick<LaneFacts, 'sources' | 'outputs'>) {
  const days = new Set(sources.map(({ modifiedMs }) => dayOf(modifiedMs)));
  return outputs.filter(({ day }) => days.has(day));
}

/** The name alone says nothing: the connector may have written it again. */
export function hashesWanted({ sources, records }: Pick<LaneFacts, 'sources' | 'records'>) {
  const recorded = new Set([...records.values()].flat().map(nameAndSize));
  return sources.filter((source) => recorded.has(nameAndSize(source)));
}

const nameAndSize = ({ key, bytes }: { readonly key: string; readonly bytes: number }) =>
  `${key} ${bytes}`;

export function planLane(facts: LaneFacts): LanePlan {
  const { limits = LAKE_LIMITS } = facts;
  const recorded = recordsByHash(facts);
  const newestDay = dayOfNewest(facts.sources);
  const covered: Source[] = [];
  const left: LanePlan['left'][number][] = [];
  const eligible: Source[] = [];
  for (const source of facts.sources) {
    const sha256 = facts.hashes.get(source.key);
    const record = sha256 === undefined ? undefined : recorded.get(`${source.key} ${sha256}`);
    if (record?.isReadable === true) {
      covered.push(source);
      continue;
    }
    const reason = record === undefined ? whyLeft(source, facts, newestDay) : 'unreadable';
    if (reason === undefined) eligible.push(source);
    else left.push({ source, reason });
  }
  const days = grouped(eligible, ({ modifiedMs }) => dayOf(modifiedMs));
  const ordered = [...days].sort(([a], [b]) => (a < b ? -1 : 1));
  const outputs = ordered.flatMap(([day, sources]) => cut(day, sources, limits));
  return { covered, left, outputs };
}

function recordsByHash({ records }: LaneFacts): ReadonlyMap<string, SourceRecord> {
  return new Map([...records.values()].flat().map((one) => [`${one.key} ${one.sha256}`, one]));
}

function whyLeft(source: Source, facts: LaneFacts, newestDay: string): LeftReason | undefined {
  const { nowMs, olderThanMs, limits = LAKE_LIMITS } = facts;
  // L3: a day is planned whole, so that no two runs see different parts of it.
  if (endOfDayMs(source.modifiedMs) + olderThanMs > nowMs) return 'young';
  // L7: and the days after it, or who sees a newer object would write them in another order (L5).
  if (dayOf(source.modifiedMs) >= newestDay) return 'newest';
  return source.bytes > limits.sourceBytesMax ? 'large' : undefined;
}

/** L7: a whole day, or two runs of which one sees a newer object would cut the day differently. */
function dayOfNewest(sources: readonly Source[]): string {
  let newest: Source | undefined;
  for (const one of sources) {
    const isNewer = newest === undefined || one.start > newest.start;
    // The same offset twice: padded in one name and not in the other. The later one counts.
    const isLater = one.start === newest?.start && one.modifiedMs > newest.modifiedMs;
    if (isNewer || isLater) newest = one;
  }
  return newest === undefined ? '' : dayOf(newest.modifiedMs);
}

/** Greedily from the left: cutting what is left behind any cut gives the same cuts (L3). */
function cut(day: string, sources: readonly Source[], limits: LakeLimits): PlannedOutput[] {
  const ordered = sources.toSorted((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1));
  const outputs: PlannedOutput[] = [];
  let part: Source[] = [];
  let bytes = 0;
  const end = () => {
    const [first, last] = [part[0], part.at(-1)];
    if (first === undefined || last === undefined) return;
    outputs.push({ key: outputKey(day, first, last), day, sources: part });
    part = [];
    bytes = 0;
  };
  for (const source of ordered) {
    const isFull =
      bytes + source.bytes > limits.outputSourceBytesMax || part.length >= limits.outputSourcesMax;
    // Two names of one offset stay together: two outputs must not get the same name.
    if (isFull && part.at(-1)?.start !== source.start) end();
    part.push(source);
    bytes += source.bytes;
  }
  end();
  return outputs;
}
