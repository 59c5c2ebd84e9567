/** What the checkpoints folder of a data folder ends with: for comparing the states of two runs. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../src/core/checkpoint.ts';

export interface NewestCheckpoint {
  readonly partition: string;
  readonly nextOffset: number;
  readonly digest: string;
}

/** By partition. A killed process may leave unfinished uploads beside the manifests. */
export function newestCheckpoints(data: string): NewestCheckpoint[] {
  const root = join(data, 'checkpoints', 'shrike', 'transactions');
  return readdirSync(root)
    .filter((name) => /^\d+$/.test(name))
    .sort()
    .map((partition) => {
      const folder = join(root, partition, 'manifests');
      const newest = readdirSync(folder)
        .filter((name) => /^\d+\.json$/.test(name))
        .sort()
        .at(-1) as string;
      const text = readFileSync(join(folder, newest), 'utf8');
      const { nextOffset, digest } = JSON.parse(text) as Manifest;
      return { partition, nextOffset, digest };
    });
}
