/** Compiled files, for what has to run as a thread or a process of its own. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** @param path below dist, e.g. `src/score-thread.js` */
export function builtUrl(path: string): URL {
  const file = `dist/${path}`;
  if (!existsSync(file)) throw new Error(`${file} is missing: run npx tsc -b`);
  return pathToFileURL(file);
}
