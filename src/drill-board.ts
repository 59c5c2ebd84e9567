/** The newest drills, as the metrics and the API show them: read from the object store. */
import { DrillReports, type DrillReportsOptions } from '../checkpoints/drill-reports.ts';
import type { Clock } from './core/clock.ts';
import type { DrillSummary } from './core/drill.ts';

const LOOK_INTERVAL_MS = 60_000;

export interface DrillBoardOptions extends DrillReportsOptions {
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

export class DrillBoard {
  readonly #options: DrillBoardOptions;
  readonly #reports: DrillReports;
  /** As of the last look. */
  summaries: readonly DrillSummary[] = [];

  constructor(options: DrillBoardOptions) {
    this.#options = options;
    this.#reports = new DrillReports(options);
  }

  /** @throws OBJECT_STORE_UNAVAILABLE */
  async look(): Promise<readonly DrillSummary[]> {
    this.summaries = await this.#reports.newest();
    return this.summaries;
  }

  /**
   * Looks once a minute: a drill may be run by any machine. Not at once: a start has better things
   * to do than to load a bucket's client.
   */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock, onError } = this.#options;
    for (;;) {
      await clock.sleep(LOOK_INTERVAL_MS, signal);
      if (signal.aborted) return;
      await this.look().catch(onError);
    }
  }
}
