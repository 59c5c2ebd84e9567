/** Looks at topics that brokers keep by rules of their own, and tells what may go wrong. */
import type { Checkpoints, Manifest } from './core/checkpoint.ts';
import type { Clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import type { Log, TopicDescription } from './core/log.ts';
import { inputTopicOf, topicsOf } from './job.ts';
import type { Logger } from './telemetry/logger.ts';
import {
  rekeyWarnings,
  replicationWarnings,
  retentionWarnings,
  type TopicWarning,
} from './topic-checks.ts';

/** Not at once: a start has better things to do than to list a bucket. */
const FIRST_LOOK_MS = 5000;
const LOOK_INTERVAL_MS = 600_000;

export interface TopicWatchOptions {
  readonly log: Pick<Log, 'topics'>;
  readonly checkpoints: Pick<Checkpoints, 'list'>;
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'event'>;
  readonly onError: (error: unknown) => void;
}

export class TopicWatch {
  readonly #options: TopicWatchOptions;
  readonly #told = new Set<string>();
  /** As of the last look, one sentence each. */
  problems: readonly string[] = [];

  constructor(options: TopicWatchOptions) {
    this.#options = options;
  }

  /** Looks now and then: settings of topics change while the engine runs. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock, onError } = this.#options;
    await clock.sleep(FIRST_LOOK_MS, signal);
    while (!signal.aborted) {
      await this.look().catch(onError);
      await clock.sleep(LOOK_INTERVAL_MS, signal);
    }
  }

  async look(): Promise<void> {
    const { log, config, clock } = this.#options;
    const topics = await log.topics(topicsOf(config).map(({ topic }) => topic));
    const warnings = [...replicationWarnings(topics), ...rekeyWarnings(topics, config)];
    const topic = topics.find((one) => one.topic === inputTopicOf(config));
    if (topic !== undefined) {
      const kept = await this.#kept(topic);
      warnings.push(...retentionWarnings({ topic, kept, config, nowMs: clock.nowMs() }));
    }
    this.problems = warnings.flatMap(({ problem }) => problem ?? []);
    for (const warning of warnings) this.#tell(warning);
  }

  async #kept({ topic, partitions }: TopicDescription): Promise<readonly Manifest[][]> {
    const kept: Manifest[][] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const listed = await this.#options.checkpoints.list({ topic, partition });
      // A savepoint is for going back by hand; nobody expects the log to wait for it.
      const manifests = listed.flatMap((one) => ('manifest' in one ? one.manifest : []));
      kept.push(manifests.filter(({ savepoint }) => savepoint === null).reverse());
    }
    return kept;
  }

  /** Once for each thing, however its numbers change. */
  #tell({ event, facts }: TopicWarning): void {
    const name = `${event} ${String(facts.topic ?? facts.partition)}`;
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.#options.logger.event('warn', event, facts);
  }
}
