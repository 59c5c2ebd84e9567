/**
 * Writes what V8 compiles of each program when it is loaded: dist/programs/*.cjs.code.
 *
 *     node --random-seed=1 tools/compile-programs.mjs
 *
 * With a seed, since the code holds hashes: the same program gives the same bytes. Flags have to be
 * those that a thread of that kind is loaded with; V8 refuses the code otherwise.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setHeapFlags } from '../dist/src/heap-limits.js';
import { compileProgram, evaluateProgram } from '../dist/src/program.js';

const folder = fileURLToPath(new URL('../dist/programs/', import.meta.url));
const isThread = (file) => file.endsWith('-thread.cjs');

function compile(file) {
  const name = file.replace(/\.cjs$/, '');
  const script = compileProgram(name);
  // What runs while it is loaded is compiled by then; the rest waits until it is called.
  evaluateProgram(name, script);
  writeFileSync(`${folder}${file}.code`, script.createCachedData());
}

const files = readdirSync(folder).filter((file) => file.endsWith('.cjs'));
for (const file of files.filter((one) => !isThread(one))) compile(file);
setHeapFlags();
for (const file of files.filter(isThread)) compile(file);
