/** Rows of features from a CSV file, as `shrike run --features csv` writes them. */
import { readFile, stat } from 'node:fs/promises';
import { ShrikeError } from '../core/errors.ts';

export interface FeatureRows {
  /** The header's names, without `idx`. */
  readonly features: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

/** Some 400,000 rows of 32 features. They are held in memory, and a few hundred would do. */
const BYTES_MAX = 100e6;

/**
 * @throws CSV_MISSING, CSV_UNREADABLE (naming the line that is no row), CSV_EMPTY (no row), USAGE
 *   (larger than what is held in memory)
 */
export async function readFeatureRows(file: string): Promise<FeatureRows> {
  const [header = '', ...lines] = (await textOf(file)).trim().split(/\r?\n/);
  const names = header.split(',');
  const first = names[0] === 'idx' ? 1 : 0;
  if (lines.length === 0) throw new ShrikeError('CSV_EMPTY', `${file} has no row of features`);
  const rows = lines.map((line, i) => {
    const cells = line.split(',');
    // An empty cell would be the number 0.
    const row = cells.slice(first).map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    if (cells.length === names.length && row.every(Number.isFinite)) return row;
    throw new ShrikeError(
      'CSV_UNREADABLE',
      `${file}, line ${i + 2}: not ${names.length} numbers, as the header has names`,
    );
  });
  return { features: names.slice(first), rows };
}

async function textOf(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size <= BYTES_MAX) return await readFile(file, 'utf8');
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ShrikeError(isMissing ? 'CSV_MISSING' : 'CSV_UNREADABLE', `cannot read ${file}`, {
      cause,
    });
  }
  throw new ShrikeError(
    'USAGE',
    `--rows wants at most ${BYTES_MAX / 1e6} MB, and ${file} has more: a sample of its rows will do`,
  );
}
