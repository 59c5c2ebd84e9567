/** The one line that a running engine shows in a terminal. */
import type { EngineStatus } from '../core/status.ts';

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

function ms(value: number | null): string {
  if (value === null) return '–';
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

export function statusLine(status: EngineStatus): string {
  const { paymentsPerSecond, latencyMs, totals, lag } = status;
  const parts = [
    status.ready ? '●' : '○',
    `${number.format(paymentsPerSecond)} payments/s`,
    `p50 ${ms(latencyMs.p50)} ms`,
    `p99 ${ms(latencyMs.p99)} ms`,
    `${number.format(totals.alerts)} alerts`,
    `${number.format(totals.checkpoints)} checkpoints`,
    `lag ${number.format(lag.records)}`,
  ];
  if (totals.deadLetters > 0) parts.push(`${number.format(totals.deadLetters)} dead letters`);
  if (status.problems.length > 0) parts.push(`! ${status.problems[0]}`);
  return parts.join('  ');
}

export interface LineStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Rewrites one line on a terminal; elsewhere writes a line every `plainEvery` updates. */
export class StatusWriter {
  readonly #stream: LineStream;
  readonly #plainEvery: number;
  #updates = 0;
  #shown = false;

  constructor(stream: LineStream, plainEvery = 10) {
    this.#stream = stream;
    this.#plainEvery = plainEvery;
  }

  show(text: string): void {
    if (this.#stream.isTTY === true) {
      const width = Math.max(20, (this.#stream.columns ?? 100) - 1);
      this.#stream.write(`\r\u001b[2K${text.slice(0, width)}`);
      this.#shown = true;
    } else if (this.#updates++ % this.#plainEvery === 0) {
      this.#stream.write(`${text}\n`);
    }
  }

  /** Makes room for other output. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001b[2K');
    this.#shown = false;
  }

  end(): void {
    if (this.#shown) this.#stream.write('\n');
    this.#shown = false;
  }
}
