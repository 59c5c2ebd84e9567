/** Puts what the workers report together into one picture of the engine. */
import type { Offset } from '../core/ids.ts';
import type { EngineStatus } from '../core/status.ts';
import { LatencyHistogram, type PartitionStats, type WorkerStats } from '../core/telemetry.ts';

/** End of a partition and how far the group has come in it. */
export interface InputPosition {
  readonly highWatermark: Offset;
  /** With what is not visible yet; undefined: the same. */
  readonly logEnd?: Offset;
  readonly committed: Offset;
  /** Timestamp of the oldest record that waits; undefined when none does. */
  readonly waitingSinceMs: number | undefined;
}

export interface BoardFacts {
  readonly startedAtMs: number;
  readonly application: string;
  readonly version: string;
  readonly modelId: string;
}

export interface BoardLimits {
  /** Committed payments that are in no checkpoint for longer than this are a problem. */
  readonly checkpointLateMs: number;
}

/** Shorter waits belong to every start. */
const WAIT_TOLD_MS = 3000;

interface Unsealed {
  /** Of the checkpoint that lacks them. */
  readonly offset: Offset;
  readonly sinceMs: number;
}

interface Rates {
  readonly paymentsPerSecond: number;
  readonly latencyMs: EngineStatus['latencyMs'];
}

type Totals = EngineStatus['totals'];

function plus(totals: Totals, of: PartitionStats): Totals {
  return {
    records: totals.records + of.records,
    alerts: totals.alerts + of.alerts,
    deadLetters: totals.deadLetters + of.deadLetters,
    checkpoints: totals.checkpoints + of.checkpoint.sealedCount,
  };
}

export class StatusBoard {
  readonly #facts: BoardFacts;
  readonly #limits: BoardLimits;
  /** By partition: since when there are payments that the newest checkpoint does not hold. */
  #unsealed: ReadonlyMap<number, Unsealed> = new Map();
  readonly #stats = new Map<number, WorkerStats>();
  readonly #earlierLatency = new Map<number, LatencyHistogram>();
  readonly #windows = new Map<number, LatencyHistogram>();
  /**
   * High watermarks when a partition was first seen here: beyond them it has caught up.
   */
  readonly #targets = new Map<number, Offset>();
  #retired: Totals = { records: 0, alerts: 0, deadLetters: 0, checkpoints: 0 };
  #earlier: { atMs: number; records: number } | undefined;
  #rates: Rates = { paymentsPerSecond: 0, latencyMs: { p50: null, p99: null } };
  #ready = false;
  #wasCaughtUp = false;

  constructor(
    facts: BoardFacts,
    limits: BoardLimits = { checkpointLateMs: Number.POSITIVE_INFINITY },
  ) {
    this.#facts = facts;
    this.#limits = limits;
  }

  onStats(worker: number, stats: WorkerStats): void {
    this.#retire(this.#stats.get(worker)?.partitions ?? [], stats.partitions);
    const latency = new LatencyHistogram(stats.latency.counts);
    latency.sumMs = stats.latency.sumMs;
    const earlier = this.#earlierLatency.get(worker);
    // A worker that was restarted counts from zero again.
    const restarted = earlier !== undefined && earlier.count > latency.count;
    this.#windows.set(worker, latency.since(restarted ? undefined : earlier));
    this.#earlierLatency.set(worker, latency);
    this.#stats.set(worker, stats);
  }

  /**
   * @param positions of the partitions that are assigned here: what the log says now, not a second
   * ago; undefined before anything is assigned
   * @param isFed false: what was there at the start is still on its way into the input
   */
  picture(
    nowMs: number,
    positions?: ReadonlyMap<number, InputPosition>,
    isFed = true,
  ): EngineStatus {
    const workers = [...this.#stats.values()].sort((a, b) => a.worker - b.worker);
    const partitions = workers
      .flatMap((stats) =>
        stats.partitions.map((p) =>
          withLag(p, stats.worker, { nowMs, position: positions?.get(p.partition) }),
        ),
      )
      .sort((a, b) => a.partition - b.partition);
    const totals = partitions.reduce(plus, this.#retired);
    this.#measure(nowMs, totals.records);
    // Two pictures in a row: the rates of the first one still measure the backlog.
    if (!isFed) this.#targets.clear();
    const isCaughtUp = isFed && positions !== undefined && this.#isCaughtUp(partitions, positions);
    this.#ready = isCaughtUp && this.#wasCaughtUp;
    this.#wasCaughtUp = isCaughtUp;
    return {
      atMs: nowMs,
      ...this.#facts,
      ready: this.#ready,
      problems: [
        ...partitions
          .filter(({ phase }) => phase === 'failed')
          .map(({ partition }) => `partition ${partition} has failed; see the log`),
        ...waits(partitions, nowMs),
        ...this.#lateCheckpoints(partitions, nowMs),
      ],
      ...this.#rates,
      totals,
      lag: {
        records: partitions.reduce((n, p) => n + p.lagRecords, 0),
        seconds: Math.max(0, ...partitions.map((p) => p.lagSeconds)),
      },
      checkpointAgeSeconds: checkpointAge(partitions, nowMs),
      partitions,
      workers,
    };
  }

  /** Totals only grow: what a partition did here stays when it moves on, or its thread ends. */
  #retire(before: readonly PartitionStats[], now: readonly PartitionStats[]): void {
    for (const old of before) {
      const same = now.find(({ partition }) => partition === old.partition);
      if (same === undefined || same.records < old.records) {
        this.#retired = plus(this.#retired, old);
      }
    }
  }

  #isCaughtUp(
    partitions: EngineStatus['partitions'],
    positions: ReadonlyMap<number, InputPosition>,
  ): boolean {
    for (const partition of this.#targets.keys()) {
      if (!positions.has(partition)) this.#targets.delete(partition);
    }
    for (const [partition, { highWatermark }] of positions) {
      if (!this.#targets.has(partition)) this.#targets.set(partition, highWatermark);
    }
    return [...this.#targets].every(([partition, target]) =>
      partitions.some(
        (p) => p.partition === partition && p.phase === 'live' && p.committedOffset >= target,
      ),
    );
  }

  /** A store that is slow, full or down stops no payment: it shows here. */
  #lateCheckpoints(partitions: EngineStatus['partitions'], nowMs: number): readonly string[] {
    const unsealed = new Map<number, Unsealed>();
    for (const { partition, committedOffset, checkpoint } of partitions) {
      if (committedOffset <= checkpoint.offset) continue;
      const known = this.#unsealed.get(partition);
      const isSame = known !== undefined && known.offset === checkpoint.offset;
      unsealed.set(partition, isSame ? known : { offset: checkpoint.offset, sinceMs: nowMs });
    }
    this.#unsealed = unsealed;
    const lateMs = [...unsealed.values()]
      .map(({ sinceMs }) => nowMs - sinceMs)
      .filter((ms) => ms > this.#limits.checkpointLateMs);
    if (lateMs.length === 0) return [];
    const count = lateMs.length === 1 ? '1 partition' : `${lateMs.length} partitions`;
    const seconds = Math.floor(Math.max(...lateMs) / 1000);
    return [`checkpoints are late: ${count} could not seal for ${seconds} s; payments go on`];
  }

  #measure(nowMs: number, records: number): void {
    const earlier = this.#earlier;
    this.#earlier = { atMs: nowMs, records };
    if (earlier === undefined || nowMs <= earlier.atMs) return;
    const window = new LatencyHistogram();
    for (const part of this.#windows.values()) window.add(part);
    const paymentsPerSecond = Math.max(
      0,
      ((records - earlier.records) * 1000) / (nowMs - earlier.atMs),
    );
    this.#rates = {
      paymentsPerSecond,
      // A second without traffic says nothing new about latency.
      latencyMs:
        window.count > 0
          ? { p50: window.quantile(0.5), p99: window.quantile(0.99) }
          : this.#rates.latencyMs,
    };
  }
}

/** What the engine waits for is not its fault: a sentence for each, with the partitions. */
function waits(partitions: EngineStatus['partitions'], nowMs: number): readonly string[] {
  return (['log', 'object store'] as const).flatMap((what) => {
    const held = partitions.filter(
      ({ waiting }) => waiting?.for === what && nowMs - waiting.sinceMs > WAIT_TOLD_MS,
    );
    if (held.length === 0) return [];
    const sinceMs = Math.min(...held.map(({ waiting }) => waiting?.sinceMs ?? nowMs));
    const numbers = held.map(({ partition }) => partition).join(', ');
    const who = held.length === 1 ? `partition ${numbers} waits` : `partitions ${numbers} wait`;
    const said = held.find(({ waiting }) => waiting?.reason !== undefined)?.waiting?.reason;
    const reason = said === undefined ? 'it does not answer' : said;
    const seconds = Math.floor((nowMs - sinceMs) / 1000);
    return [`${who} for the ${what} for ${seconds} s: ${reason}`];
  });
}

function withLag(
  stats: PartitionStats,
  worker: number,
  at: { nowMs: number; position: InputPosition | undefined },
): EngineStatus['partitions'][number] {
  const { position } = at;
  const highWatermark = position?.highWatermark ?? stats.highWatermark;
  const committed = Math.max(stats.committedOffset, position?.committed ?? 0);
  const lagRecords = Math.max(0, highWatermark - committed);
  const since = position?.waitingSinceMs ?? at.nowMs;
  const lagSeconds = lagRecords === 0 ? 0 : Math.max(0, (at.nowMs - since) / 1000);
  return { ...stats, worker, highWatermark, lagRecords, lagSeconds };
}

/** Of the partition whose newest checkpoint is oldest; null until every one with state has one. */
function checkpointAge(partitions: EngineStatus['partitions'], nowMs: number): number | null {
  const used = partitions.filter((p) => p.committedOffset > 0);
  if (used.length === 0 || used.some((p) => p.checkpoint.sealedAtMs === 0)) return null;
  return Math.max(...used.map((p) => (nowMs - p.checkpoint.sealedAtMs) / 1000));
}
