/** The scorer: a fixed pool of threads (piscina), each with its own session, behind one batcher. */
import type { ResourceLimits } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import { ShrikeError } from '../core/errors.ts';
import type { ScoredRows, Scorer, ScorerStats } from '../core/scoring.ts';
import { Batcher, type CallResult } from './batcher.ts';
import type { ModelBundle, SessionFacts } from './bundle.ts';
import type { LoadedMessage, ScoreAnswer, ScoreCall } from './score-task.ts';

export interface ScorerSetup {
  readonly bundle: Pick<ModelBundle, 'session'>;
  readonly runtime: SessionFacts['runtime'];
  /** At least 1. */
  readonly threads: number;
  readonly batchRowsMax: number;
  readonly batchWaitMs: number;
  readonly clock: Clock;
  /** The compiled entry of a scorer thread: dist/src/score-thread.js. */
  readonly threadFile: URL;
  /** Of each thread's heap; without, V8 decides. */
  readonly heaps?: ResourceLimits;
}

export interface OpenScorer extends Scorer {
  stats(): ScorerStats;
  /** What evaluates the model: `trees`, or `onnxruntime` and why. */
  readonly about: string;
  /** Answers what was asked, then ends the threads. */
  close(): Promise<void>;
}

/**
 * Opens the threads and lets each answer once, so that the first payment finds them warm.
 * @throws SCORING_FAILED, MODEL_NOT_ONNX, MODEL_BUNDLE_INVALID, MODEL_FEATURES_MISMATCH,
 *   MODEL_OUTPUT_INVALID
 */
export async function openScorer(setup: ScorerSetup): Promise<OpenScorer> {
  silenceOnnxRuntime();
  const pool = new ScorerPool(setup);
  try {
    await pool.warm();
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

/**
 * ONNX Runtime keeps a device id and a database of events below ~/.cache/Microsoft, and sends them
 * to its maker, unless it is told not to. It asks the environment of the process, of which a
 * thread's `process.env` is only a copy: so the main thread says it, before the first thread.
 */
function silenceOnnxRuntime(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}

/** This workload's model loads in 30 ms; a thread that is not ready after so long will not be. */
const START_MS_MAX = 10_000;
/** `threadId` of a thread that has ended. */
const ENDED = -1;

type Threads = Piscina<ScoreCall, ScoreAnswer>;

class ScorerPool implements OpenScorer {
  readonly #threads: number;
  readonly #threadFile: URL;
  readonly #session: SessionFacts;
  readonly #heaps: ResourceLimits;
  readonly #batcher: Batcher;
  readonly #clock: Clock;
  /** Ids of the threads that have loaded their model; ids are never used again. */
  readonly #ready = new Set<number>();
  #about = '';
  #pool: Threads | undefined;
  #lastDeath: unknown;
  #deaths = 0;
  #closed = false;

  constructor(setup: ScorerSetup) {
    const { bundle, runtime, threads, threadFile, batchRowsMax, batchWaitMs, clock } = setup;
    this.#threads = threads;
    this.#threadFile = threadFile;
    this.#session = { ...bundle.session, runtime };
    this.#heaps = setup.heaps ?? {};
    this.#clock = clock;
    this.#batcher = new Batcher({
      width: bundle.session.width,
      rowsMax: batchRowsMax,
      waitMs: batchWaitMs,
      lanes: threads,
      clock,
      call: (rows, count) => this.#call({ rows, count }),
    });
  }

  async warm(): Promise<void> {
    const rows = () => new Float32Array(this.#session.width);
    const calls = Array.from({ length: this.#threads }, () =>
      this.#call({ rows: rows(), count: 1 }),
    );
    for (const result of await Promise.all(calls)) {
      if ('failure' in result) throw result.failure;
    }
    // The answer of a thread may overtake its word that it has loaded, and what evaluates.
    if (this.#pool !== undefined) await this.#started(this.#pool);
  }

  score(rows: Float32Array, count: number): Promise<ScoredRows> {
    if (!this.#closed) return this.#batcher.score(rows, count);
    return Promise.reject(new ShrikeError('SCORING_FAILED', 'the scorer is closed'));
  }

  get about(): string {
    return this.#about;
  }

  stats(): ScorerStats {
    return { threads: this.#threads, threadDeaths: this.#deaths, ...this.#batcher.stats() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#batcher.drain();
    const pool = this.#pool;
    if (pool === undefined) return;
    await this.#started(pool);
    await pool.close();
    this.#pool = undefined;
  }

  /**
   * Resolves when no thread is loading its model. Ending a thread inside ONNX Runtime's native code
   * ends the whole process (an uncaught Napi::Error); an idle one ends well.
   */
  async #started(pool: Threads): Promise<void> {
    const timeout = new AbortController();
    let late = false;
    const limit = this.#clock.sleep(START_MS_MAX, timeout.signal).then(() => {
      late = true;
    });
    const loading = ({ threadId }: { threadId: number }) =>
      threadId !== ENDED && !this.#ready.has(threadId);
    while (!late && pool.threads.some(loading)) {
      const changed = new Promise<void>((resolve) => {
        pool.once('message', () => resolve());
        pool.once('workerDestroy', () => resolve());
      });
      await Promise.race([changed, limit]);
    }
    timeout.abort();
  }

  #startThreads(): Threads {
    const pool: Threads = new Piscina({
      filename: this.#threadFile.href,
      name: 'score',
      minThreads: this.#threads,
      maxThreads: this.#threads,
      concurrentTasksPerWorker: 1,
      // No setting is measurably faster (README); with this one a thread keeps a free event loop.
      atomics: 'disabled',
      recordTiming: false,
      workerData: this.#session,
      resourceLimits: this.#heaps,
    });
    pool.on('error', (error) => {
      this.#lastDeath = error; // the cause of the calls that fail for it
    });
    // Not piscina's workerCreate: for its first threads that means started, not loaded.
    pool.on('message', ({ loaded, about }: LoadedMessage) => {
      this.#ready.add(loaded);
      this.#about = about;
    });
    pool.on('workerDestroy', () => {
      if (this.#closed || pool !== this.#pool) return;
      this.#deaths++;
      queueMicrotask(() => this.#letGo(pool));
    });
    return pool;
  }

  /**
   * Piscina stops replacing threads once one could not start, and calls would then wait for ever.
   * Ending the pool fails them, so that they are tried again; the next call starts another pool.
   */
  #letGo(pool: Threads): void {
    if (pool !== this.#pool || pool.threads.length > 0) return;
    this.#pool = undefined;
    void pool.destroy();
  }

  async #call(call: ScoreCall): Promise<CallResult> {
    let answer: ScoreAnswer;
    try {
      this.#pool ??= this.#startThreads();
      answer = await this.#pool.run(call, { transferList: [call.rows.buffer as ArrayBuffer] });
    } catch (cause) {
      return {
        failure: new ShrikeError('SCORING_FAILED', 'a scorer thread ended, or could not start', {
          cause: this.#lastDeath ?? cause,
        }),
      };
    }
    assert(answer.rows.length >= call.count * this.#session.width, 'the buffer comes back');
    if ('scores' in answer) return answer;
    const { code, message } = answer.failure;
    return { rows: answer.rows, failure: new ShrikeError(code, message) };
  }
}
