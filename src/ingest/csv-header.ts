/** Finds the wanted columns in a header, or says what is different. */
import { ShrikeError } from '../core/errors.ts';

/**
 * Case, spaces and punctuation do not count (`Errors?` is `errors`); columns that are not wanted
 * are left out.
 * @returns the place of each wanted column
 * @throws CSV_HEADER naming what is missing, misspelt, doubled or not known
 */
export function matchHeader(
  file: string,
  header: readonly string[],
  columns: readonly string[],
): number[] {
  const found = header.map(plain);
  const places = columns.map((column) => found.indexOf(plain(column)));
  const wanted = new Set(columns.map(plain));
  const missing = columns.filter((_, i) => places[i] === -1);
  const doubled = header.filter((_, i) => {
    const name = found[i] as string;
    return wanted.has(name) && found.indexOf(name) !== i;
  });
  if (missing.length === 0 && doubled.length === 0) return places;
  const extra = header.filter((_, i) => !wanted.has(found[i] as string));
  const differences = [...describeMissing(missing, extra), ...doubled.map((d) => `"${d}" twice`)];
  throw new ShrikeError('CSV_HEADER', `${file} has another header: ${differences.join(', ')}`);
}

function describeMissing(missing: readonly string[], extra: readonly string[]): string[] {
  const left = new Set(extra);
  const lines = missing.map((name) => {
    const near = [...left].find((other) => distance(plain(name), plain(other)) <= 2);
    if (near === undefined) return `"${name}" is missing`;
    left.delete(near);
    return `"${show(near)}" instead of "${name}"`;
  });
  // A header of another kind of file may have hundreds: a few tell what it is.
  const few = [...left].slice(0, 5).map((name) => `"${show(name)}" is not known`);
  return left.size > few.length
    ? [...lines, ...few, `${left.size - few.length} more`]
    : [...lines, ...few];
}

function show(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Levenshtein's distance. Names are short: the header's longest has 27 letters. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const here = [i];
    for (let k = 1; k <= b.length; k++) {
      const change = (above[k - 1] as number) + (a[i - 1] === b[k - 1] ? 0 : 1);
      here.push(Math.min(change, (above[k] as number) + 1, (here[k - 1] as number) + 1));
    }
    above = here;
  }
  return above[b.length] as number;
}
