/**
 * Remembers where a data folder's payments come from, so that a second start continues and never
 * mixes.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ShrikeError } from '../core/errors.ts';

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

/** @throws USAGE when the folder's payments come from somewhere else */
export function claimSource(dataDir: string, source: Source): void {
  const file = join(dataDir, 'source.json');
  const text = JSON.stringify(source);
  let known: string;
  try {
    known = readFileSync(file, 'utf8');
  } catch {
    writeFileSync(file, text);
    return;
  }
  if (known === text) return;
  throw new ShrikeError(
    'USAGE',
    `${dataDir} holds payments of another source (${known}); give this one a folder of its own: --data DIR`,
  );
}
