/**
 * The running engine: opens every part, hands each what it needs, and closes them in the reverse
 * order. What it shows of itself is the EngineView of core/status.ts.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { fileURLToPath } from 'node:url';
import { followAlerts } from './alert-feed.ts';
import type { Api } from './api/server.ts';
import { threadsOf } from './budgets.ts';
import { systemClock as clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import type { DigestAt, DrillSummary } from './core/drill.ts';
import { explain } from './core/errors.ts';
import type { Log } from './core/log.ts';
import type { ScorerStats } from './core/scoring.ts';
import type {
  AlertRecord,
  EngineStatus,
  EngineView,
  ProducedRecord,
  RecordsRequest,
} from './core/status.ts';
import { DrillBoard } from './drill-board.ts';
import { closeParts, type EngineSetup, type OpenParts, openParts } from './engine-parts.ts';
import { inputPositions } from './input-positions.ts';
import { inputTopicOf, outputNames, outputTopicsOf, topicsOf } from './job.ts';
import { OpenCommitWatch } from './open-commit-watch.ts';
import { appendsOf } from './produced-records.ts';
import { readPage } from './record-pages.ts';
import type { Rekeyer } from './rekey/rekeyer.ts';
import { createRekeyer, inputsOf, rekeyPicture } from './rekeying.ts';
import { applyRetention } from './retention.ts';
import { Coordinator } from './runtime/coordinator.ts';
import { StatusBoard } from './runtime/status-board.ts';
import { type StuckWorker, StuckWorkers } from './runtime/stuck-workers.ts';
import { SurroundingsWatch } from './surroundings.ts';
import { type Health, health } from './telemetry/health.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { TopicWatch } from './topic-watch.ts';
import { uncounted } from './uncounted.ts';
import { VERSION } from './version.ts';

const STATUS_INTERVAL_MS = 1000;
const RETENTION_INTERVAL_MS = 60_000;
/** Of checkpoints many times a second some may take longer without anything being wrong. */
const CHECKPOINT_LATE_MS_MIN = 3000;
const ALERTS_KEPT = 200;
const UI_FOLDER = new URL('../ui/', import.meta.url);

export class Engine implements EngineView {
  readonly log: Log;
  readonly config: Config;
  readonly #parts: OpenParts;
  readonly #board: StatusBoard;
  readonly #coordinator: Coordinator;
  readonly #rekeyer: Rekeyer | undefined;
  readonly #stop = new AbortController();
  readonly #statusListeners = new Set<(status: EngineStatus) => void>();
  readonly #alertListeners = new Set<(alert: AlertRecord) => void>();
  readonly #alerts: AlertRecord[] = [];
  readonly #metrics: ReturnType<typeof createMetrics>;
  readonly #drills: DrillBoard;
  readonly #topicWatch: TopicWatch;
  readonly #openCommits: OpenCommitWatch;
  readonly #surroundings: SurroundingsWatch;
  readonly #background: Promise<void>[] = [];
  #measured: EngineStatus;
  #status: EngineStatus;
  #api: Api | undefined;

  private constructor(parts: OpenParts) {
    const { config, log, model } = parts;
    // Of each partition's alerts a reader waits for it: many listeners are no leak.
    setMaxListeners(0, this.#stop.signal);
    this.#parts = parts;
    this.log = log;
    this.config = config;
    this.#board = new StatusBoard(
      {
        startedAtMs: clock.nowMs(),
        application: config.application,
        version: VERSION,
        modelId: model.modelId,
      },
      { checkpointLateMs: Math.max(CHECKPOINT_LATE_MS_MIN, 3 * config.checkpoints.intervalMs) },
    );
    this.#measured = this.#board.picture(clock.nowMs());
    this.#status = this.#measured;
    this.#coordinator = new Coordinator({
      log,
      clock,
      scorer: parts.scorer,
      application: config.application,
      inputTopic: inputTopicOf(config),
      workers: threadsOf(config).workers,
      startWorker: (worker) =>
        parts.threads.start({
          worker,
          config,
          model,
          schema: parts.schema,
          logName: parts.logName,
          // Paths, without the functions beside them: those do not go to a thread.
          folders: { state: parts.folder.state, checkpoints: parts.folder.checkpoints },
        }),
      commit: config.commit,
      outputTopics: outputTopicsOf(config),
      emitEvent: (level, event, facts) => parts.logger.event(level, event, facts),
      onStats: (worker, stats) => this.#board.onStats(worker, stats),
    });
    this.#rekeyer = createRekeyer(log, config, parts.logger);
    this.#drills = new DrillBoard({
      store: parts.objects,
      application: config.application,
      topic: inputTopicOf(config),
      clock,
      onError: (error) => this.#warn('drill reports not read', error),
    });
    const onError = (error: unknown) => this.#warn('topics not checked', error);
    this.#topicWatch = new TopicWatch({ ...parts, clock, onError });
    const inputTopic = inputTopicOf(config);
    this.#openCommits = new OpenCommitWatch({ ...parts, clock, inputTopic, onError });
    this.#surroundings = new SurroundingsWatch(parts);
    this.#metrics = createMetrics(() => ({
      status: this.#status,
      scorer: parts.scorer.stats(),
      drills: this.#drills.summaries,
      surroundings: this.#surroundings.now,
    }));
  }

  static async start(options: EngineSetup): Promise<Engine> {
    const parts = await openParts(options);
    const engine = new Engine(parts);
    try {
      await options.prepare?.(parts);
      await engine.#rekeyer?.start();
      await engine.#coordinator.start();
      if (options.listen) await engine.#listen();
    } catch (error) {
      await engine.stop();
      throw error;
    }
    engine.#background.push(engine.#watch());
    // Brokers forget by themselves, and by rules of their own.
    const { signal } = engine.#stop;
    const isEmbedded = parts.log.kind === 'embedded';
    engine.#background.push(isEmbedded ? engine.#trim() : engine.#topicWatch.follow(signal));
    if (options.listen) engine.#background.push(engine.#follow());
    engine.#background.push(engine.#drills.follow(engine.#stop.signal));
    return engine;
  }

  /** Where the page is; undefined when nothing listens. */
  get address(): string | undefined {
    return this.#api?.address;
  }

  get scorerStats(): ScorerStats {
    return this.#parts.scorer.stats();
  }

  get featureNames(): readonly string[] {
    return this.#parts.model.features;
  }

  /** Finishes what is in flight, seals last checkpoints and closes everything. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#api?.close();
    await this.#rekeyer?.stop();
    await this.#coordinator.stop();
    await Promise.all(this.#background);
    await closeParts(this.#parts);
  }

  status(): EngineStatus {
    return this.#status;
  }

  health(): Health {
    const { stuckMs } = this.config.watchdog;
    return health(this.#status, { stuckMs, nowMs: clock.nowMs() });
  }

  /** A fresh picture, not the last second's. */
  async measure(): Promise<EngineStatus> {
    // First: what waits there no more is in the input when that is looked at.
    const rekey = this.#rekeyer && (await rekeyPicture(this.log, this.config, this.#rekeyer));
    const positions = await inputPositions(this.log, {
      group: this.config.application,
      topic: inputTopicOf(this.config),
      partitions: this.#coordinator.assigned,
    });
    const status = this.#board.picture(clock.nowMs(), positions, rekey?.isCaughtUp);
    this.#openCommits.note({ partitions: status.partitions, positions });
    const more = [
      ...this.#openCommits.problems,
      ...(rekey?.problems ?? []),
      ...this.#topicWatch.problems,
    ];
    const problems = [...status.problems, ...more];
    this.#measured = { ...status, problems, ...(rekey && { rekey }) };
    this.#status = this.#asCounted();
    return this.#status;
  }

  /** What was measured last, and whether the group counts this process now: without a broker. */
  #asCounted(): EngineStatus {
    return this.#coordinator.isCounted ? this.#measured : uncounted(this.#measured);
  }

  topics(): ReturnType<Log['topics']> {
    return this.log.topics(topicsOf(this.config).map(({ topic }) => topic));
  }

  async recentAlerts(count: number): Promise<readonly AlertRecord[]> {
    return this.#alerts.slice(-count).reverse();
  }

  onAlert(listener: (alert: AlertRecord) => void): () => void {
    this.#alertListeners.add(listener);
    return () => this.#alertListeners.delete(listener);
  }

  onStatus(listener: (status: EngineStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  actor(user: number): ReturnType<EngineView['actor']> {
    return this.#coordinator.peek(user);
  }

  savepoint(name: string): ReturnType<EngineView['savepoint']> {
    return this.#coordinator.savepoint(name);
  }

  digest(partition: number): Promise<DigestAt | undefined> {
    return this.#coordinator.digest(partition);
  }

  drills(): Promise<readonly DrillSummary[]> {
    return this.#drills.look();
  }

  records(request: RecordsRequest): ReturnType<EngineView['records']> {
    return readPage(this.log, request);
  }

  async produce(topic: string, records: readonly ProducedRecord[]): Promise<number> {
    await this.log.append(appendsOf(topic, records, clock.nowMs()));
    return records.length;
  }

  metrics(): ReturnType<EngineView['metrics']> {
    return this.#metrics.text();
  }

  async #listen(): Promise<void> {
    const token = randomBytes(24).toString('base64url');
    // Loading the server takes 200 ms, which only who listens should pay.
    const { openApi } = await import('./api/server.ts');
    this.#api = await openApi({
      view: this,
      health: () => this.health(),
      ...this.config.api,
      hostNames: this.config.api.hostNames.split(/, ?/),
      token,
      uiDir: fileURLToPath(UI_FOLDER),
      onError: (error) => this.#warn('API request failed', error),
    });
    this.#parts.folder.announce({ address: this.#api.address, token });
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    const watch = new StuckWorkers(Math.ceil(this.config.watchdog.stuckMs / STATUS_INTERVAL_MS));
    while (!signal.aborted) {
      try {
        const status = await this.measure();
        for (const listener of this.#statusListeners) listener(status);
        for (const stuck of watch.look(status)) this.#onStuck(stuck);
        await this.#surroundings.look();
      } catch (error) {
        this.#warn('status not measured', error);
        this.#status = this.#asCounted();
      }
      await clock.sleep(STATUS_INTERVAL_MS, signal);
    }
  }

  async #trim(): Promise<void> {
    const { signal } = this.#stop;
    const { checkpoints } = this.#parts;
    for (;;) {
      await clock.sleep(RETENTION_INTERVAL_MS, signal);
      if (signal.aborted) return;
      const inputs = inputsOf(this.config);
      try {
        await applyRetention({ log: this.log, checkpoints, ...inputs, nowMs: clock.nowMs() });
      } catch (error) {
        this.#warn('retention not applied', error);
      }
    }
  }

  #follow(): Promise<void> {
    const { partitions } = this.config.input;
    const options = {
      log: this.log,
      topic: outputNames(this.config).alerts,
      partitions,
      clock,
      signal: this.#stop.signal,
      backlog: Math.ceil(ALERTS_KEPT / partitions),
      onError: (error: unknown) => this.#warn('alerts not followed', error),
    };
    return followAlerts(options, (alert) => {
      this.#alerts.push(alert);
      if (this.#alerts.length > ALERTS_KEPT) this.#alerts.shift();
      for (const listener of this.#alertListeners) listener(alert);
    });
  }

  /**
   * A thread that does not turn cannot be ended safely (a write may be under way); the process can.
   */
  #onStuck({ worker, lastSeen }: StuckWorker): void {
    const facts = { worker, code: 'WORKER_STUCK', lastSeen };
    this.#parts.logger.event('error', 'worker is stuck; the process ends', facts);
    this.#parts.onStuck();
  }

  #warn(event: string, error: unknown): void {
    this.#parts.logger.event('warn', event, { reason: explain(error) });
  }
}
