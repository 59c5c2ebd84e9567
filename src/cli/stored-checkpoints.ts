/**
 * The checkpoints in a data folder, for reading: objects never change, so an engine may go on
 * beside it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { type CheckpointReport, verifyCheckpoint } from '../../checkpoints/verify.ts';
import { DigestSum } from '../../state/digest.ts';
import type { Checkpoints, ListedManifest, Manifest } from '../core/checkpoint.ts';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { openObjectStore } from '../object-store.ts';

export class StoredCheckpoints {
  readonly #checkpoints: Checkpoints;
  readonly #topic: string;
  readonly partitions: readonly number[];

  private constructor(checkpoints: Checkpoints, topic: string, partitions: readonly number[]) {
    this.#checkpoints = checkpoints;
    this.#topic = topic;
    this.partitions = partitions;
  }

  /** Undefined when the folder has none: opening the store would make it. */
  static async open(config: Config): Promise<StoredCheckpoints | undefined> {
    const { application, dataDir, input, checkpoints } = config;
    const folder = join(dataDir, 'checkpoints');
    if (config.s3.bucket === '' && !existsSync(folder)) return undefined;
    const store = await openObjectStore(config, folder, clock);
    const topic = input.transactions;
    const prefix = `${application}/${topic}/`;
    const objects = await store.list(prefix);
    const partitions = new Set(objects.map(({ key }) => Number.parseInt(key.slice(prefix.length))));
    return new StoredCheckpoints(
      openCheckpoints({ store, application, clock, ...checkpoints }),
      topic,
      [...partitions].filter((one) => !Number.isNaN(one)).sort((a, b) => a - b),
    );
  }

  /** Newest first. */
  list(partition: number): Promise<readonly ListedManifest[]> {
    return this.#checkpoints.list({ topic: this.#topic, partition });
  }

  /** Undefined when retention took it meanwhile: then it is not damaged, it is no more. */
  async verify(manifest: Manifest): Promise<CheckpointReport | undefined> {
    const digester = new DigestSum();
    const report = await verifyCheckpoint({ checkpoints: this.#checkpoints, manifest, digester });
    if (report.problems.length === 0) return report;
    const kept = await this.list(manifest.partition);
    const isKept = kept.some((one) => 'manifest' in one && isSame(one.manifest, manifest));
    return isKept ? report : undefined;
  }
}

const isSame = (a: Manifest, b: Manifest) => a.sequence === b.sequence;

export function bytesOf({ segments }: Manifest): number {
  return segments.reduce((sum, one) => sum + one.bytes, 0);
}

export function ageSecondsOf({ createdAtMs }: Manifest): number {
  return Math.max(0, (clock.nowMs() - createdAtMs) / 1000);
}
