/** Looks at what surrounds the engine: memory, disk, certificates. */
import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { Config } from './core/config.ts';
import type { Log } from './core/log.ts';
import type { Surroundings } from './core/telemetry.ts';

export class SurroundingsWatch {
  readonly #config: Config;
  readonly #log: Pick<Log, 'certificates'>;
  #disk: Surroundings['disk'];

  constructor({ config, log }: { readonly config: Config; readonly log: Log }) {
    this.#config = config;
    this.#log = log;
  }

  /** @throws Error of the system, as when the volume of the data folder has gone */
  async look(): Promise<void> {
    const { bsize, blocks, bavail } = await statfs(this.#config.dataDir);
    this.#disk = { bytes: blocks * bsize, freeBytes: bavail * bsize };
  }

  get now(): Surroundings {
    const { input, checkpoints } = this.#config;
    // Vast where the control group has no limit; 0 or undefined where there are no groups.
    const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
    return {
      memoryLimitBytes: Math.min(limit, totalmem()),
      disk: this.#disk,
      certificates: this.#log.certificates?.() ?? [],
      inputPartitions: input.partitions,
      checkpointIntervalMs: checkpoints.intervalMs,
    };
  }
}
