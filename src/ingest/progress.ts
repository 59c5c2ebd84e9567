/** How far long work has come: facts from the worker, a line for a person. */
import type { Clock } from '../core/clock.ts';

export interface Progress {
  /** What is done, as in "reading transactions". */
  readonly stage: string;
  readonly rows: number;
  /** Work done and all of it, in one unit: bytes of the input, or rows. total 0: not known. */
  readonly done: number;
  readonly total: number;
}

export type OnProgress = (progress: Progress) => void;

/** `reading transactions  1,234,567 rows  512,345 rows/s   48 %  0:31 left` */
export function formatProgress(progress: Progress, elapsedMs: number): string {
  const { stage, rows, done, total } = progress;
  const rate = elapsedMs > 0 ? Math.round((rows / elapsedMs) * 1000) : 0;
  const parts = [stage, `${grouped(rows)} rows`, `${grouped(rate)} rows/s`];
  if (total > 0) parts.push(`${String(Math.floor((done / total) * 100)).padStart(3)} %`);
  if (total > 0 && done > 0 && done < total) {
    parts.push(`${formatDuration((elapsedMs / done) * (total - done))} left`);
  }
  return parts.join('  ');
}

/** `0:31`, `12:05`, `1:02:03`; rounded up, since a wait that lasts longer than said annoys. */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  const tail = two(seconds % 60);
  if (minutes < 60) return `${minutes}:${tail}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${tail}`;
}

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** On a terminal one line rewrites itself; elsewhere a line comes every few seconds. */
export class ProgressLine {
  readonly #clock: Clock;
  readonly #stream: ProgressStream;
  readonly #intervalMs: number;
  #stage: string | undefined;
  #startedMs = 0;
  #writtenMs = 0;
  #last: Progress | undefined;

  constructor(options: { clock: Clock; stream: ProgressStream; intervalMs?: number }) {
    this.#clock = options.clock;
    this.#stream = options.stream;
    this.#intervalMs = options.intervalMs ?? (options.stream.isTTY === true ? 200 : 5000);
  }

  readonly update: OnProgress = (progress) => {
    const nowMs = this.#clock.nowMs();
    if (progress.stage !== this.#stage) {
      this.finish();
      this.#stage = progress.stage;
      this.#startedMs = this.#writtenMs = nowMs;
    }
    this.#last = progress;
    if (nowMs - this.#writtenMs < this.#intervalMs) return;
    this.#writtenMs = nowMs;
    this.#write(progress, nowMs);
  };

  /** Shows the last state of the stage and ends its line. */
  finish(): void {
    if (this.#last === undefined) return;
    this.#write(this.#last, this.#clock.nowMs());
    if (this.#stream.isTTY === true) this.#stream.write('\n');
    this.#last = undefined;
    this.#stage = undefined;
  }

  #write(progress: Progress, nowMs: number): void {
    const line = formatProgress(progress, nowMs - this.#startedMs);
    if (this.#stream.isTTY !== true) this.#stream.write(`${line}\n`);
    // A line that wraps could not be rewritten.
    else this.#stream.write(`\r\u001b[2K${line.slice(0, (this.#stream.columns ?? 100) - 1)}`);
  }
}

function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}
