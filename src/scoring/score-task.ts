/**
 * What a scorer thread does: one session, made when the thread starts; rows in, scores out, and the
 * rows' buffer back. A failure is an answer and not an exception: errors lose their class and code
 * between threads, and a throw would lose the buffer.
 */
import { parentPort, threadId } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { assert } from '../core/assert.ts';
import { type ErrorCode, explain, ShrikeError } from '../core/errors.ts';
import type { SessionFacts } from './bundle.ts';
import { openEvaluator } from './evaluator.ts';

export interface ScoreCall {
  readonly rows: Float32Array;
  readonly count: number;
}

export type ScoreAnswer =
  | {
      readonly rows: Float32Array;
      readonly scores: Float32Array;
      /** What the model took. */
      readonly busyMs: number;
    }
  | {
      readonly rows: Float32Array;
      readonly failure: { readonly code: ErrorCode; readonly message: string };
    };

type Failure = Extract<ScoreAnswer, { failure: unknown }>['failure'];

/** Told once by each scorer thread: it has loaded its model, and may be ended from now on. */
export interface LoadedMessage {
  /** Its thread id. */
  readonly loaded: number;
  /** What evaluates the model (`Evaluator.about`). */
  readonly about: string;
}

/**
 * @param forestModule forest.wasm
 * @returns what answers calls; of a model that is refused, with the refusal
 */
export async function openScoreTask(
  facts: SessionFacts,
  forestModule: WebAssembly.Module,
): Promise<(call: ScoreCall) => unknown> {
  const opened = await openEvaluator(facts, forestModule).catch(failureOf);
  const about = 'about' in opened ? opened.about : opened.message;
  parentPort?.postMessage({ loaded: threadId, about } satisfies LoadedMessage);
  return async (call) => sent(await answer(call));

  async function answer({ rows, count }: ScoreCall): Promise<ScoreAnswer> {
    assert(count > 0 && count * facts.width <= rows.length, 'a call holds the rows it counts');
    if (!('about' in opened)) return { rows, failure: opened };
    try {
      const startMs = performance.now();
      const scores = await opened.score(rows, count);
      return { rows, scores, busyMs: performance.now() - startMs };
    } catch (error) {
      return { rows, failure: failureOf(error) };
    }
  }
}

/** @throws what is no ShrikeError */
function failureOf(error: unknown): Failure {
  if (!(error instanceof ShrikeError)) throw error;
  const cause = error.cause === undefined ? '' : `: ${explain(error.cause)}`;
  return { code: error.code, message: error.message + cause };
}

/** Marks the answer for piscina: its buffers are moved, not copied. */
function sent(answer: ScoreAnswer): unknown {
  const buffers = [answer.rows.buffer];
  if ('scores' in answer) buffers.push(answer.scores.buffer);
  return move({ [transferableSymbol]: buffers, [valueSymbol]: answer });
}
