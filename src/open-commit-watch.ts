/**
 * Commits that are left open, as by a process that died in one: what comes behind them waits, and
 * who reads should be told why. Brokers are asked only while something stands still.
 */
import type { Clock } from './core/clock.ts';
import type { Log, OpenCommit } from './core/log.ts';
import type { EngineStatus } from './core/status.ts';
import type { InputPosition } from './runtime/status-board.ts';
import type { Logger } from './telemetry/logger.ts';

/** Commits take milliseconds; a large one takes a second. */
const TOLD_MS = 2000;
const LOOK_INTERVAL_MS = 2000;
/** Where brokers keep committed offsets: a commit of any has a part in it. */
const OFFSETS_TOPIC = '__consumer_offsets';

export interface OpenCommitWatchOptions {
  readonly log: Pick<Log, 'openCommits'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'event'>;
  readonly inputTopic: string;
  readonly onError: (error: unknown) => void;
}

export interface Standing {
  readonly partitions: EngineStatus['partitions'];
  readonly positions: ReadonlyMap<number, InputPosition>;
}

export class OpenCommitWatch {
  readonly #options: OpenCommitWatchOptions;
  /** By partition: since when the same records are written and not visible. */
  readonly #hidden = new Map<
    number,
    { readonly highWatermark: number; readonly sinceMs: number }
  >();
  readonly #told = new Set<string>();
  #looking: Promise<void> | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** As of the last look, one sentence each. */
  problems: readonly string[] = [];

  constructor(options: OpenCommitWatchOptions) {
    this.#options = options;
  }

  /** Looks in the background, if there is reason to and the last look is over. */
  note(standing: Standing): void {
    const { clock, onError } = this.#options;
    const held = this.#held(standing);
    if (held.hidden.length === 0 && held.waiting.length === 0) {
      this.problems = [];
      this.#told.clear();
      return;
    }
    if (this.#looking !== undefined || clock.nowMs() - this.#lookedMs < LOOK_INTERVAL_MS) return;
    this.#looking = this.#look(held)
      .catch(onError)
      .finally(() => {
        this.#looking = undefined;
        this.#lookedMs = clock.nowMs();
      });
  }

  #held({ partitions, positions }: Standing): Held {
    const nowMs = this.#options.clock.nowMs();
    const isLong = (sinceMs: number) => nowMs - sinceMs > TOLD_MS;
    for (const [partition, { highWatermark, logEnd = highWatermark }] of positions) {
      const known = this.#hidden.get(partition);
      if (logEnd <= highWatermark) this.#hidden.delete(partition);
      else if (known?.highWatermark !== highWatermark) {
        this.#hidden.set(partition, { highWatermark, sinceMs: nowMs });
      }
    }
    for (const partition of this.#hidden.keys()) {
      if (!positions.has(partition)) this.#hidden.delete(partition);
    }
    return {
      hidden: [...this.#hidden].flatMap(([p, { sinceMs }]) => (isLong(sinceMs) ? p : [])),
      waiting: partitions
        .filter(({ waiting }) => waiting?.for === 'log' && isLong(waiting.sinceMs))
        .map(({ partition }) => partition),
    };
  }

  async #look({ hidden, waiting }: Held): Promise<void> {
    const { log, clock, inputTopic } = this.#options;
    const nowMs = clock.nowMs();
    const sentences: string[] = [];
    for (const commit of await log.openCommits()) {
      if (nowMs - commit.sinceMs < TOLD_MS) continue;
      const inputs = commit.partitions.filter(({ topic }) => topic === inputTopic);
      const own = inputs.map(({ partition }) => partition);
      const hasOffsets = commit.partitions.some(({ topic }) => topic === OFFSETS_TOPIC);
      const held = [
        ...hidden.filter((partition) => own.includes(partition)),
        ...(hasOffsets ? waiting : []),
      ];
      if (held.length > 0) sentences.push(sentence(commit, [...new Set(held)], nowMs));
    }
    this.problems = sentences;
    for (const one of sentences) this.#tell(one);
  }

  /** Once for each commit, however its seconds change. */
  #tell(problem: string): void {
    const name = problem.slice(0, problem.indexOf(';'));
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.#options.logger.event('warn', 'an open commit holds up partitions', { problem });
  }
}

interface Held {
  /** Records of theirs are written and not visible. */
  readonly hidden: readonly number[];
  /** Where the group stands in them is undecided. */
  readonly waiting: readonly number[];
}

function sentence(
  { name, sinceMs, timeoutMs }: OpenCommit,
  partitions: readonly number[],
  nowMs: number,
): string {
  const which = `${partitions.length === 1 ? 'partition' : 'partitions'} ${partitions.join(', ')}`;
  const since = new Date(sinceMs).toISOString().replace(/\.\d+/, '');
  const leftSeconds = Math.max(0, Math.ceil((sinceMs + timeoutMs - nowMs) / 1000));
  const end = `it ends by itself in at most ${leftSeconds} s, or when a process with its name starts`;
  return `${which}: an open transaction of ${name} since ${since} blocks reading; ${end}`;
}
