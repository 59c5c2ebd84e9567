/**
 * Remembers where a log's payments come from, so that a second start continues and never mixes. Of
 * a log on Kafka the data folder remembers what was fed from here.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import { writeError } from '../ingest/text-file.ts';

export type Source =
  | {
      readonly kind: 'simulate';
      readonly seed: number;
      readonly users: number;
      readonly fraudRate: number;
    }
  | { readonly kind: 'csv'; readonly files: readonly { path: string; bytes: number }[] };

export function csvSource(paths: readonly string[]): Source {
  const files = paths.map((path) => {
    const bytes = statSync(path, { throwIfNoEntry: false })?.size;
    if (bytes === undefined) throw new ShrikeError('CSV_MISSING', `there is no file ${path}`);
    return { path: resolve(path), bytes };
  });
  return { kind: 'csv', files };
}

/**
 * @param paymentCount payments in the log: while there are none, another source may take over (a
 * file that was refused has been corrected)
 * @returns whether the log goes on with what this source has begun
 * @throws USAGE when the folder's payments come from somewhere else
 */
export function claimSource(
  { dataDir, kafka }: Pick<Config, 'dataDir' | 'kafka'>,
  source: Source,
  paymentCount = Number.POSITIVE_INFINITY,
): boolean {
  const isEmbedded = kafka.bootstrap === '';
  const file = join(dataDir, isEmbedded ? 'source.json' : 'source.kafka.json');
  const text = JSON.stringify(source);
  const known = readMarker(file);
  if (known === text) return true;
  // Payments of no known source came through the API: the simulator goes on behind them, files
  // cannot.
  if (paymentCount > 0 && (known !== undefined || source.kind === 'csv')) {
    throw new ShrikeError(
      'USAGE',
      isEmbedded
        ? `${dataDir} holds payments of another source (${known ?? 'not known'}); give this one a folder of its own: --data DIR`
        : `the topic holds payments of another source (${known ?? 'not known'}); give this one a topic of its own: --set input.transactions=NAME`,
    );
  }
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw writeError(file, cause);
  }
  return false;
}

function readMarker(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw writeError(file, cause);
  }
}
