/**
 * Writes what V8 compiles of each program when it is loaded: dist/programs/*.cjs.code.
 *
 *     node --random-seed=1 tools/compile-programs.mjs
 *
 * With a seed, since the code holds hashes: the same program gives the same bytes. No flag is set,
 * as none is where programs are loaded; V8 refuses the code otherwise.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileProgram, evaluateProgram } from '../dist/src/program.js';

const folder = fileURLToPath(new URL('../dist/programs/', import.meta.url));

async function compile(file) {
  const name = file.replace(/\.cjs$/, '');
  const script = compileProgram(name);
  // What runs while it is loaded is compiled by then; the rest waits until it is called.
  const { loadLater } = evaluateProgram(name, script);
  await loadLater?.();
  writeFileSync(`${folder}${file}.code`, script.createCachedData());
}

for (const file of readdirSync(folder)) if (file.endsWith('.cjs')) await compile(file);
