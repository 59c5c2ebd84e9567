/**
 * The stored checkpoints, in the data folder or in a bucket: objects never change, and what may be
 * deleted no engine needs, so one may go on beside it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { copyCheckpoint } from '../../checkpoints/copy.ts';
import { removableKeys, removeAll } from '../../checkpoints/removal.ts';
import { type CheckpointReport, verifyCheckpoint } from '../../checkpoints/verify.ts';
import { DigestSum } from '../../state/digest.ts';
import type { Checkpoints, ListedManifest, Manifest } from '../core/checkpoint.ts';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { ObjectStore } from '../core/object-store.ts';
import { inputTopicOf } from '../job.ts';
import { openObjectStore } from '../object-store.ts';

interface Opened {
  readonly store: ObjectStore;
  readonly checkpoints: Checkpoints;
  readonly application: string;
  readonly topic: string;
}

export class StoredCheckpoints {
  readonly #opened: Opened;
  readonly partitions: readonly number[];

  private constructor(opened: Opened, partitions: readonly number[]) {
    this.#opened = opened;
    this.partitions = partitions;
  }

  /**
   * Undefined when the folder has none: opening the store would make it.
   * @param logName the log to restore to, which checkpoints of another one cannot serve
   */
  static async open(config: Config, logName?: string): Promise<StoredCheckpoints | undefined> {
    const { application, dataDir, checkpoints } = config;
    const folder = join(dataDir, 'checkpoints');
    if (config.s3.bucket === '' && !existsSync(folder)) return undefined;
    const store = await openObjectStore(config, folder, clock);
    const topic = inputTopicOf(config);
    const prefix = `${application}/${topic}/`;
    const objects = await store.list(prefix);
    const partitions = new Set(objects.map(({ key }) => Number.parseInt(key.slice(prefix.length))));
    return new StoredCheckpoints(
      {
        store,
        checkpoints: openCheckpoints({
          store,
          application,
          ...(logName !== undefined && { log: logName }),
          clock,
          ...checkpoints,
        }),
        application,
        topic,
      },
      [...partitions].filter((one) => !Number.isNaN(one)).sort((a, b) => a - b),
    );
  }

  get store(): ObjectStore {
    return this.#opened.store;
  }

  /** Newest first. */
  list(partition: number): Promise<readonly ListedManifest[]> {
    const { checkpoints, topic } = this.#opened;
    return checkpoints.list({ topic, partition });
  }

  /** Undefined when retention took it meanwhile: then it is not damaged, it is no more. */
  async verify(manifest: Manifest): Promise<CheckpointReport | undefined> {
    const digester = new DigestSum();
    const { checkpoints } = this.#opened;
    const report = await verifyCheckpoint({ checkpoints, manifest, digester });
    if (report.problems.length === 0) return report;
    const kept = await this.list(manifest.partition);
    const isKept = kept.some((one) => 'manifest' in one && isSame(one.manifest, manifest));
    return isKept ? report : undefined;
  }

  /**
   * The objects that deleting these would delete, in that order.
   * @throws CHECKPOINT_NOT_FOUND, CHECKPOINT_NEEDED
   */
  removable(partition: number, sequence: number): Promise<readonly string[]> {
    const { store, application, topic } = this.#opened;
    return removableKeys(store, { application, topic, partition, sequence });
  }

  /** @throws CHECKPOINT_CONFLICT, CHECKPOINT_CORRUPT */
  copy(manifest: Manifest, application: string): Promise<Manifest> {
    return copyCheckpoint(this.#opened.store, manifest, application);
  }

  remove(keys: readonly string[]): Promise<void> {
    return removeAll(this.#opened.store, keys);
  }
}

const isSame = (a: Manifest, b: Manifest) => a.sequence === b.sequence;

export function bytesOf({ segments }: Manifest): number {
  return segments.reduce((sum, one) => sum + one.bytes, 0);
}

export function ageSecondsOf({ createdAtMs }: Manifest): number {
  return Math.max(0, (clock.nowMs() - createdAtMs) / 1000);
}
