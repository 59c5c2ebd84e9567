/** "Did you mean": the known name that is nearest to what was typed. */

/** Levenshtein's distance: how many letters to insert, remove or replace. */
export function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (above[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    above = row;
  }
  return above[b.length] as number;
}

/** @returns ` (did you mean …?)`; empty when no name is near: a third of the letters may differ. */
export function suggestion(typed: string, names: Iterable<string>): string {
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const name of names) {
    // A key without its section is as near as its last word.
    const last = name.slice(name.lastIndexOf('.') + 1);
    const distance = Math.min(distanceOf(typed, name), distanceOf(typed, last));
    if (nearest === undefined || distance < nearest.distance) nearest = { name, distance };
  }
  const isNear = nearest !== undefined && nearest.distance <= Math.max(2, typed.length / 3);
  return isNear ? ` (did you mean ${nearest?.name}?)` : '';
}

const distanceOf = (a: string, b: string) => editDistance(a.toLowerCase(), b.toLowerCase());
