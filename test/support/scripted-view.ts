/** An EngineView that does what a test tells it: the API's port, with no engine behind it. */
import type { DigestAt, DrillSummary } from '../../src/core/drill.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import type { TopicDescription } from '../../src/core/log.ts';
import type {
  ActorView,
  AlertRecord,
  EngineStatus,
  EngineView,
  ProducedRecord,
  RecordPage,
  RecordsRequest,
} from '../../src/core/status.ts';
import { LatencyHistogram, type PartitionStats, ScoreHistogram } from '../../src/core/telemetry.ts';

/** 2024-03-05T14:00:00Z. */
export const START_MS = 1_709_647_200_000;

export function partition(index: number, over: Partial<PartitionStats> = {}): PartitionStats {
  return {
    partition: index,
    phase: 'live',
    stage: 'idle',
    stageSinceMs: START_MS,
    nextOffset: 1000 * index + 500,
    committedOffset: 1000 * index + 480,
    storedOffset: 1000 * index + 300,
    highWatermark: 1000 * index + 510,
    committedTimestampMs: START_MS,
    records: 480,
    bytes: 125_760,
    replayedRecords: 0,
    deadLetters: 0,
    alerts: 3,
    commits: 40,
    recoveries: 0,
    checkpoint: {
      offset: 1000 * index + 300,
      sealedAtMs: START_MS - 7000,
      sealedCount: 12,
      failedCount: 0,
      lastBytes: 48_000,
      lastDurationMs: 41,
      backlogBytes: 9000,
      pauseMsMax: 3.1,
    },
    cache: { hits: 9_870, misses: 130, actors: 250, bytes: 1_900_000, dirtyBytes: 96_000 },
    rocksBytes: 4_400_000,
    stageSeconds: { decode: 0.4, step: 0.9, score: 1.8 },
    ...over,
  };
}

export function engineStatus(over: Partial<EngineStatus> = {}): EngineStatus {
  const partitions = over.partitions ?? [0, 1].map((i) => shown(partition(i), i));
  return {
    atMs: START_MS,
    startedAtMs: START_MS - 3_600_000,
    application: 'shrike',
    version: '0.1.0',
    modelId: 'r1-7c2f90ab',
    ready: true,
    problems: [],
    paymentsPerSecond: 4987.5,
    totals: { records: 1_204_551, alerts: 812, deadLetters: 3, checkpoints: 2880 },
    lag: { records: 60, seconds: 0.4 },
    latencyMs: { p50: 3.2, p99: 14.1 },
    checkpointAgeSeconds: 7,
    rekey: {
      records: 1_204_560,
      deadLetters: 2,
      commits: 98_112,
      recoveries: 1,
      problems: [],
      isCaughtUp: true,
      lagRecords: 12,
      lagSeconds: 0.1,
    },
    partitions,
    workers: [workerStats(partitions)],
    ...over,
  };
}

export function shown(stats: PartitionStats, worker: number): EngineStatus['partitions'][number] {
  return {
    ...stats,
    worker,
    lagRecords: stats.highWatermark - stats.committedOffset,
    lagSeconds: 0.4,
  };
}

function workerStats(partitions: readonly PartitionStats[]): EngineStatus['workers'][number] {
  const latency = new LatencyHistogram();
  latency.record(2, 99);
  latency.record(10, 1);
  const scores = new ScoreHistogram();
  scores.record(Float32Array.of(0.0005, 0.0005, 0.15, 0.5, 0.999));
  return {
    worker: 0,
    atMs: START_MS,
    heapBytes: 61_000_000,
    heapLimitBytes: 2_240_000_000,
    gcSeconds: 1.25,
    eventLoopDelayMsP99: 11,
    latency,
    commitMs: new LatencyHistogram(),
    pauseMs: new LatencyHistogram(),
    scores,
    partitions,
    errors: { COMMIT_FENCED: 1 },
  };
}

const drill = {
  formatVersion: 1,
  version: '0.1.0',
  application: 'shrike',
  topic: 'transactions',
  startedAtMs: START_MS - 60_000,
  endedAtMs: START_MS,
  reason: null,
  partitions: [],
} as const;

/** A restore that failed a day after one that passed, and a failover that passed. */
export const drillSummaries: readonly DrillSummary[] = [
  {
    newest: {
      ...drill,
      kind: 'restore',
      id: '5f3a9c01',
      verdict: 'different',
      checkpoint: 'newest',
      rtoSeconds: 3.5,
      rpoSeconds: 9,
      restoreSeconds: 1,
      profilesSeconds: 0.5,
      replaySeconds: 2,
      bytes: 48_000,
      replayedRecords: 1200,
    },
    lastPassedAtMs: START_MS - 86_400_000,
  },
  {
    newest: {
      ...drill,
      kind: 'failover',
      id: '77aa0b1c',
      verdict: 'recovered',
      member: 'drill-77aa0b1c',
      rtoSeconds: 11.25,
      caughtUpSeconds: 12,
    },
    lastPassedAtMs: START_MS,
  },
];

export class ScriptedView implements EngineView {
  current: EngineStatus = engineStatus();
  /** Newest first. */
  alerts: AlertRecord[] = [];
  readonly actors = new Map<number, ActorView>();
  readonly savepoints: string[] = [];
  readonly digests = new Map<number, DigestAt>();
  drillSummaries: DrillSummary[] = [];
  readonly produced: (ProducedRecord & { topic: string })[] = [];
  /** The answer to every question for records, and the questions. */
  page: RecordPage = { earliest: 0, highWatermark: 0, nextOffset: 0, records: [] };
  readonly recordsAsked: RecordsRequest[] = [];
  readonly topicList: TopicDescription[] = [
    {
      topic: 'transactions',
      partitions: 2,
      cleanup: 'delete',
      retentionMs: 86_400_000,
      offsets: [
        { earliest: 0, highWatermark: 510 },
        { earliest: 0, highWatermark: 1510 },
      ],
    },
  ];
  /** When set, every question is answered with it. */
  failure: Error | undefined;
  readonly #alertListeners = new Set<(alert: AlertRecord) => void>();
  readonly #statusListeners = new Set<(status: EngineStatus) => void>();

  get listenerCount(): number {
    return this.#alertListeners.size + this.#statusListeners.size;
  }

  pushStatus(status: EngineStatus): void {
    this.current = status;
    for (const listener of this.#statusListeners) listener(status);
  }

  pushAlert(alert: AlertRecord): void {
    this.alerts.unshift(alert);
    for (const listener of this.#alertListeners) listener(alert);
  }

  status(): EngineStatus {
    if (this.failure !== undefined) throw this.failure;
    return this.current;
  }

  async topics(): Promise<readonly TopicDescription[]> {
    return this.topicList;
  }

  async recentAlerts(count: number): Promise<readonly AlertRecord[]> {
    return this.alerts.slice(0, count);
  }

  onAlert(listener: (alert: AlertRecord) => void): () => void {
    this.#alertListeners.add(listener);
    return () => this.#alertListeners.delete(listener);
  }

  onStatus(listener: (status: EngineStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  async actor(user: number): Promise<ActorView | undefined> {
    return this.actors.get(user);
  }

  async savepoint(name: string) {
    if (this.failure !== undefined) throw this.failure;
    this.savepoints.push(name);
    return [{ partition: 0, sequence: 13, nextOffset: 480 }];
  }

  async digest(partition: number): Promise<DigestAt | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return this.digests.get(partition);
  }

  async drills(): Promise<readonly DrillSummary[]> {
    return this.drillSummaries;
  }

  async records(request: RecordsRequest): Promise<RecordPage> {
    if (this.failure !== undefined) throw this.failure;
    this.recordsAsked.push(request);
    return this.page;
  }

  async produce(topic: string, records: readonly ProducedRecord[]): Promise<number> {
    if (!this.topicList.some((known) => known.topic === topic)) {
      throw new ShrikeError('LOG_TOPIC_UNKNOWN', `topic ${topic} does not exist`);
    }
    for (const record of records) this.produced.push({ topic, ...record });
    return records.length;
  }

  async metrics(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'shrike_up 1\n' };
  }
}
