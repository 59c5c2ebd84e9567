/**
 * Dynamic batches: requests that arrive while all lanes (scorer threads) are busy share the next
 * call.
 * Knows nothing of threads or ONNX: `call` does the work.
 *
 * B1  Every request is answered once: all its scores in the order of its rows, or one error.
 * B2  A call holds at most `rowsMax` rows; a request is split only when it alone has more.
 * B3  The caller's rows are copied into a call and handed back untouched, so that a call whose
 *     thread died can be made again (measured: 0.002 µs a row, where the model takes 4 and more).
 * B4  A part is called at most twice, the second time alone: one poisoned request fails alone.
 */
import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import { codeOf, type ShrikeError } from '../core/errors.ts';
import { CALL_ROWS_BOUNDS, type ScoredRows } from '../core/scoring.ts';
import { LatencyHistogram } from '../core/telemetry.ts';

/** What one call came to; `rows` is the buffer back, when it is not lost with a dead thread. */
export type CallResult = { readonly rows?: Float32Array } & (
  | { readonly scores: Float32Array; readonly busyMs: number }
  | { readonly failure: ShrikeError }
);

export interface BatcherSetup {
  /** Features of a row. */
  readonly width: number;
  readonly rowsMax: number;
  /** How long the first request waits for others while a lane is free; 0: one event-loop turn. */
  readonly waitMs: number;
  /** Calls that may run at the same time. */
  readonly lanes: number;
  readonly clock: Clock;
  readonly call: (rows: Float32Array, count: number) => Promise<CallResult>;
}

interface Request {
  readonly rows: Float32Array;
  readonly count: number;
  readonly arrivedMs: number;
  readonly scores: Float32Array;
  rowsLeft: number;
  settled: boolean;
  readonly resolve: (scored: ScoredRows) => void;
  readonly reject: (error: ShrikeError) => void;
}

interface Part {
  readonly request: Request;
  readonly from: number;
  readonly count: number;
  readonly alone: boolean;
}

/** Takes the parts of the next call from the front of the queue (B2, B4). */
function takeCall(queue: Part[], rowsMax: number): Part[] {
  const parts: Part[] = [];
  let rows = 0;
  while (queue.length > 0) {
    const part = queue[0] as Part;
    if (rows > 0 && (part.alone || rows + part.count > rowsMax)) break;
    parts.push(part);
    rows += part.count;
    queue.shift();
    if (part.alone) break;
  }
  return parts;
}

const rowsOf = (parts: readonly Part[]): number => parts.reduce((sum, part) => sum + part.count, 0);

export class Batcher {
  readonly #setup: BatcherSetup;
  readonly #queue: Part[] = [];
  readonly #spare: Float32Array[] = [];
  readonly #latency = new LatencyHistogram();
  readonly #callRows = new Float64Array(CALL_ROWS_BOUNDS.length);
  readonly #drained: (() => void)[] = [];
  readonly #totals = { calls: 0, rows: 0, failedCalls: 0, busySeconds: 0 };
  #open = 0;
  #busy = 0;
  #queuedRows = 0;
  #collecting = false;
  #full = new AbortController();

  constructor(setup: BatcherSetup) {
    assert(setup.lanes > 0 && setup.rowsMax > 0 && setup.width > 0, 'a batcher has room to work');
    this.#setup = setup;
  }

  /** @throws SCORING_FAILED, MODEL_OUTPUT_INVALID */
  score(rows: Float32Array, count: number): Promise<ScoredRows> {
    const { width, rowsMax } = this.#setup;
    assert(count >= 0 && count * width <= rows.length, 'a request holds the rows it counts');
    const scores = new Float32Array(count);
    if (count === 0) return Promise.resolve({ scores, rows });
    return new Promise((resolve, reject) => {
      const arrivedMs = performance.now();
      const facts = { rows, count, arrivedMs, scores, resolve, reject };
      const request: Request = { ...facts, rowsLeft: count, settled: false };
      for (let from = 0; from < count; from += rowsMax) {
        const size = Math.min(rowsMax, count - from);
        this.#queue.push({ request, from, count: size, alone: false });
      }
      this.#open++;
      this.#queuedRows += count;
      if (this.#queuedRows >= rowsMax) this.#full.abort();
      if (!this.#collecting) void this.#collect();
    });
  }

  stats() {
    return {
      ...this.#totals,
      busyThreads: this.#busy,
      queuedRequests: new Set(this.#queue.map((part) => part.request)).size,
      queuedRows: this.#queuedRows,
      callRows: this.#callRows.slice(),
      latency: { counts: this.#latency.counts.slice(), sumMs: this.#latency.sumMs },
    };
  }

  /** Resolves when every request is answered and no call runs. */
  drain(): Promise<void> {
    if (this.#open === 0 && this.#busy === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** One turn of the event loop lets requests that arrived together share a call, at no wait. */
  async #collect(): Promise<void> {
    const { clock, waitMs, rowsMax } = this.#setup;
    this.#collecting = true;
    await clock.yield();
    if (waitMs > 0 && this.#queuedRows < rowsMax && this.#queuedRows > 0) {
      this.#full = new AbortController();
      await clock.sleep(waitMs, this.#full.signal);
    }
    this.#collecting = false;
    this.#dispatch();
  }

  #dispatch(): void {
    const { lanes, rowsMax } = this.#setup;
    while (this.#busy < lanes && this.#queue.length > 0) {
      const parts = takeCall(this.#queue, rowsMax);
      this.#queuedRows -= rowsOf(parts);
      void this.#run(parts);
    }
  }

  async #run(parts: readonly Part[]): Promise<void> {
    this.#busy++;
    const count = rowsOf(parts);
    const result = await this.#setup.call(this.#gather(parts), count);
    this.#busy--;
    if (result.rows !== undefined) this.#spare.push(result.rows);
    if ('failure' in result) this.#failed(parts, result.failure);
    else {
      this.#totals.busySeconds += result.busyMs / 1000;
      this.#scored(parts, result.scores);
    }
    this.#dispatch();
    if (this.#open > 0 || this.#busy > 0) return;
    for (const drained of this.#drained.splice(0)) drained();
  }

  #gather(parts: readonly Part[]): Float32Array {
    const { width, rowsMax } = this.#setup;
    const call = this.#spare.pop() ?? new Float32Array(rowsMax * width);
    let at = 0;
    for (const { request, from, count } of parts) {
      call.set(request.rows.subarray(from * width, (from + count) * width), at);
      at += count * width;
    }
    return call;
  }

  #scored(parts: readonly Part[], scores: Float32Array): void {
    const count = rowsOf(parts);
    assert(scores.length === count, 'B1: a score for every row');
    this.#totals.calls++;
    this.#totals.rows += count;
    const bucket = CALL_ROWS_BOUNDS.findIndex((bound) => count <= bound);
    const last = CALL_ROWS_BOUNDS.length - 1;
    const i = bucket < 0 ? last : bucket;
    this.#callRows[i] = (this.#callRows[i] as number) + 1;
    let at = 0;
    for (const { request, from, count: size } of parts) {
      request.scores.set(scores.subarray(at, at + size), from);
      request.rowsLeft -= size;
      at += size;
      if (request.rowsLeft === 0) this.#settle(request);
    }
  }

  #failed(parts: readonly Part[], failure: ShrikeError): void {
    this.#totals.failedCalls++;
    // A model that answers with nonsense will do so again: only neighbours deserve a second try.
    const again = parts.length > 1 || codeOf(failure) === 'SCORING_FAILED';
    const retried = again ? parts.filter((part) => !part.alone && !part.request.settled) : [];
    this.#queue.unshift(...retried.map((part) => ({ ...part, alone: true })));
    this.#queuedRows += rowsOf(retried);
    for (const part of parts) {
      if (!retried.includes(part)) this.#settle(part.request, failure);
    }
  }

  /** Nobody waits for the other parts of a request that has failed. */
  #drop(request: Request): void {
    const left = this.#queue.filter((part) => part.request !== request);
    this.#queuedRows -= rowsOf(this.#queue) - rowsOf(left);
    this.#queue.splice(0, this.#queue.length, ...left);
  }

  #settle(request: Request, failure?: ShrikeError): void {
    if (request.settled) return; // B1: another part of it has failed already
    request.settled = true;
    this.#open--;
    if (failure === undefined) {
      this.#latency.record(performance.now() - request.arrivedMs);
      request.resolve({ scores: request.scores, rows: request.rows });
      return;
    }
    this.#drop(request);
    request.reject(failure);
  }
}
